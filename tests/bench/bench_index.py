"""Retrieval indices from build to rollback: `python tests/bench/bench_index.py [--quick] [--json] [--beir FOLDER]`.

The corpus of the support golden set is built; then a tenth of its documents is added, removed or changed, and it is built
again from nothing and from the earlier index. Both are promoted and rolled back, and asked every question of the golden set.
Approximate indices are held against exact search over the same vectors. Last, the questions are put to a whole pipeline through
a real proxy, and scored on the traces that it stored. `--beir FOLDER` does the index part on another corpus, with
`corpus.jsonl` and `queries.jsonl` in BEIR's layout. Times are CPU time of this process, both builds in one run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evals import golden, suite
from evals.arms import Place, arm, measure
from evals.indexing import promotion
from evals.indexing.building import NEIGHBOURS, Built, Recipe, build
from evals.indexing.corpus import Document, read_corpus
from evals.indexing.manifest import FILES
from evals.indexing.promotion import Record
from evals.rescoring import Stored, rescore
from evals.retrieval import open_index
from evals.run import Run
from evals.scorer import build_all
from evals.session import Setup
from evals.suite import answerable
from evals.traces import fetch
from guardrails.embedding import load
from tests.bench.report import Row, command

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "datasets" / "golden" / "support"
HARBOR = ROOT / "datasets" / "corpora" / "harbor" / "docs.jsonl"
K = 5
SHARE = 0.1
"""Of the documents that change."""
SCORED = tuple(f"{name}@{K}" for name in ("recall", "precision", "mrr", "map", "ndcg", "hit", "unjudged"))
RECORD = Record("", "2026-01-01T00:00:00Z", "bench", "", "")


def write(path: Path, documents: Sequence[Document]) -> Path:
    """A corpus file."""
    lines = (json.dumps({"id": each.id, "title": each.title, "text": each.text}) + "\n" for each in documents)
    path.write_text("".join(lines), "utf-8")
    return path


def changed(documents: Sequence[Document]) -> tuple[list[Document], dict[str, set[str]]]:
    """The documents with a tenth of them added, removed or changed, and which."""
    drawn = random.Random(0)
    ids = [each.id for each in documents]
    touched = drawn.sample(ids, max(3, round(SHARE * len(ids))))
    third = max(1, len(touched) // 3)
    removed, edited = set(touched[:third]), set(touched[third : 2 * third])
    added = {f"new-{number}" for number in range(len(touched) - 2 * third)}
    kept = [each for each in documents if each.id not in removed]
    after = [
        replace(each, text=f"{each.text} This was revised.") if each.id in edited else each for each in kept
    ]
    source = [each for each in documents if each.id not in removed | edited]
    after += [
        replace(one, id=id, text=one.text[::-1]) for id, one in zip(sorted(added), source, strict=False)
    ]
    return after, {"added": added, "removed": removed, "changed": edited}


def timed(work: Callable[[], Built]) -> tuple[Built, float]:
    """What a build gives, and its seconds of CPU."""
    began = time.process_time()
    built = work()
    return built, time.process_time() - began


def found(folder: Path, questions: Sequence[str]) -> list[Any]:
    """The hits for each question."""
    index = open_index(folder)
    return [[asdict(hit) for hit in index.search(question, K)] for question in questions]


def differing(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many questions got other hits."""
    return sum(before != after for before, after in zip(one, other, strict=True))


def lifecycle(name: str, documents: Sequence[Document], questions: Sequence[str], place: Path) -> list[Row]:
    """Built, changed, built again, promoted and rolled back."""
    model = load()

    def make(corpus: Path, out: str, kind: str = "flat", earlier: str = "") -> Built:
        recipe = Recipe(kind=kind)
        before = place / earlier if earlier else None
        return build(corpus, place / out, recipe, embedder=lambda: model, earlier=before)

    after, told = changed(documents)
    (place / "after").mkdir()
    # Both corpora have one name, as a file that is edited has.
    old, new = write(place / "docs.jsonl", documents), write(place / "after" / "docs.jsonl", after)
    make(old, "v1")
    full, full_s = timed(lambda: make(new, "full"))
    part, part_s = timed(lambda: make(new, "v2", earlier="v1"))
    files = sum(
        (place / "v2" / each).read_bytes() != (place / "full" / each).read_bytes() for each in FILES[1:]
    )
    gone = part.manifest.changed
    assert gone is not None
    wrong = sum(len(told[kind] ^ set(getattr(gone, kind))) for kind in told)
    store = place / "store"
    before = found(place / "v1", questions)
    promotion.promote(place / "v1", store, "live", RECORD)
    promotion.promote(place / "v2", store, "live", RECORD)
    forth = differing(found(store / "live", questions), found(place / "full", questions))
    promotion.rollback(store, "live", RECORD)
    back = differing(found(store / "live", questions), before)
    note = f"{name}: {len(documents)} documents, {full.manifest.n_chunks} chunks, {len(questions)} questions"
    rows = [
        Row(f"{name}: files that differ from a full build's", files, "", 0, must=True, note=note),
        Row(f"{name}: questions with other hits than a full build, promoted", forth, "", 0, must=True),
        Row(f"{name}: questions with other hits than before, rolled back", back, "", 0, must=True),
        Row(f"{name}: documents that the manifest tells wrongly", wrong, "", 0, must=True),
        Row(f"{name}: chunks embedded again", part.embedded / full.embedded, "of all"),
        Row(f"{name}: time of the incremental build", part_s / full_s, "of the full", note=f"{full_s:.1f} s"),
    ]
    for kind in ("hnsw", "ivf"):
        built = make(new, kind, kind, "v2")
        share = open_index(place / kind).exactness(NEIGHBOURS, questions)
        assert share is not None
        rows.append(
            Row(
                f"{name}: {kind} finds of the {NEIGHBOURS} closest chunks",
                share,
                "",
                note=", ".join(f"{key} {value}" for key, value in built.manifest.parameters.items()),
            )
        )
    return rows


async def asked(kind: str, index: Path, out: Path, **more: Any) -> Run:
    """The golden set's questions put to an index, or to a pipeline."""
    key = more.pop("key", "")
    whole = replace(suite.default(GOLDEN, K), scorers=SCORED)
    narrowed, cases = answerable(whole, golden.load(GOLDEN), "index")
    only = arm({"kind": kind, "index": index, **more}, None, narrowed, out)
    return await measure(Setup(narrowed, cases, only.prompt, out, concurrency=4), only, Place(key))


def values(run: Run) -> dict[tuple[str, str], float | None]:
    """Each score's value."""
    return {
        (item.id, name): item.scores[name].value
        for item in run.items
        for name in SCORED
        if name in item.scores
    }


def from_traces(index: Path, place: Path) -> list[Row]:
    """Scores on what a proxy stored, against the offline run's."""
    from tests.proxy.api.live import live
    from tests.servers import ADMIN_KEY, Upstream

    upstream = Upstream()
    (place / "proxy").mkdir()
    with live(place / "proxy", upstream) as proxy:
        url = proxy.running.url
        offline = asyncio.run(asked("index", index, place / "offline"))
        online = asyncio.run(
            asked("rag", index, place / "online", base_url=url, model="gpt-test", key=proxy.key)
        )
        traces = Stored(url, fetch([item.output.trace_id for item in online.items], url, ADMIN_KEY))
    upstream.stop()
    again = asyncio.run(rescore(online, golden.load(GOLDEN), build_all(SCORED), traces))
    one, other = values(offline), values(again)
    unlike = sum(one[key] != other.get(key) for key in one)
    recall = again.summary[f"recall@{K}"].mean or 0.0
    return [
        Row(
            "scores from traces that differ from the offline run's",
            unlike,
            "",
            0,
            must=True,
            note=f"of {len(one)}",
        ),
        Row(f"recall@{K} from traces", recall, "", note=f"offline {offline.summary[f'recall@{K}'].mean}"),
    ]


def measured(beir: Path | None) -> Callable[[bool], Sequence[Row]]:
    """What measures, with a further corpus where one is given."""

    def work(quick: bool) -> Sequence[Row]:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            (place / "harbor").mkdir()
            questions = [
                case.question for case in golden.load(GOLDEN).cases if case.question and case.relevant
            ]
            rows = lifecycle("harbor", read_corpus(HARBOR), questions, place / "harbor")
            if not quick:
                rows += from_traces(place / "harbor" / "v1", place)
            if beir is not None:
                (place / "beir").mkdir()
                read = [json.loads(line) for line in (beir / "corpus.jsonl").read_text("utf-8").splitlines()]
                asks = [json.loads(line) for line in (beir / "queries.jsonl").read_text("utf-8").splitlines()]
                documents = [Document(each["_id"], each["text"], each.get("title", "")) for each in read]
                most = asks[:100] if quick else asks
                rows += lifecycle(beir.name, documents, [each["text"] for each in most], place / "beir")
            return rows

    return work


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--beir", type=Path)
    mine, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    command(__doc__, measured(mine.beir))
