"""Stored outputs scored again: on the traces of a real proxy as the offline run, and never a number that is a guess."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from evals import document, golden, suite
from evals.arms import Place, arm, measure
from evals.errors import FetchError, ScorerError
from evals.golden import GoldenSet
from evals.rescoring import Stored, chosen, rescore
from evals.retrieval import build
from evals.run import Gating, GoldenRef, Run
from evals.scorer import Measure, Scorer, build_all
from evals.session import Setup
from evals.suite import answerable
from evals.traces import fetch
from evals.types import Case, Cause, Expected, Hit, Output, Passage, Score
from tests.evals.commands import app
from tests.evals.conftest import make_run, write_golden
from tests.proxy.api.live import Live, live
from tests.servers import ADMIN_KEY, Upstream

CARD = "4111 1111 1111 1111"
NAMES = ("ferry", "bakery", "library", "harbour", "museum", "school", "garden", "station")
SCORED = ("recall@3", "precision@3", "mrr@3", "map@3", "ndcg@3", "hit@3", "unjudged@3", "recall@1")


def text(name: str) -> str:
    """A document long enough for several chunks, the telling sentences far apart."""
    filler = "It is kept by people of the town who are proud of it. " * 6
    return f"The {name} opens at nine. {filler}\n\nThe {name} closes at five. {filler}\n\nThe {name} is free for children."


def passage(name: str, kind: int) -> dict[str, Any]:
    """A relevant passage: by its words, by its span, by both, or the whole document."""
    words = f"The {name} closes at five."
    start = text(name).index(words)
    span = {"start": start, "end": start + len(words)}
    told: list[dict[str, Any]] = [{"quote": words}, span, {"quote": words, **span}, {}]
    return {"doc_id": name, "grade": 1 + kind % 2, **told[kind % 4]}


def questions() -> list[dict[str, Any]]:
    """Of every kind of passage; some are found, some are not."""
    asked = ("When does the {} close?", "Is the {} free for children?", "When does it open, the {}?")
    return [
        {
            "id": f"q-{name}-{number}",
            "input": {"question": question.format(name)},
            "relevant": [passage(name, place + number), *([passage("school", place)] if number else [])],
        }
        for place, name in enumerate(NAMES)
        for number, question in enumerate(asked)
        if name != "school"
    ]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus in small chunks, and a golden set about it."""
    folder = tmp_path_factory.mktemp("rescoring")
    docs = [{"id": name, "text": text(name)} for name in NAMES]
    docs.append({"id": "paying", "text": f"Pay the museum with the card {CARD} of the town."})
    (folder / "docs.jsonl").write_text("".join(json.dumps(doc) + "\n" for doc in docs))
    build(folder / "docs.jsonl", folder / "index", chunk_tokens=24, overlap=4)
    paid = {"doc_id": "paying", "quote": f"the card {CARD}"}
    bare = {"doc_id": "paying"}
    extra = [
        {"id": "paid-words", "input": {"question": "Which card pays the museum?"}, "relevant": [paid]},
        {"id": "paid-whole", "input": {"question": "Pay the museum with what card?"}, "relevant": [bare]},
    ]
    write_golden(folder / "golden", [*questions(), *extra])
    return folder


async def measured(place: Path, kind: str, out: Path, proxy: Live | None = None) -> tuple[Run, GoldenSet]:
    """The golden set put to the index alone, or to a whole pipeline through the proxy."""
    found = replace(suite.default(place / "golden", 3), scorers=SCORED)
    narrowed, cases = answerable(found, golden.load(place / "golden"), "index")
    asked: dict[str, Any] = {"kind": kind, "index": place / "index"}
    if proxy is not None:
        asked |= {"base_url": proxy.running.url, "model": "gpt-test"}
    only = arm(asked, None, narrowed, out)
    key = proxy.key if proxy else ""
    return await measure(Setup(narrowed, cases, only.prompt, out), only, Place(key)), cases


@dataclass(frozen=True)
class Scene:
    """The golden set put to the index alone, and to the pipeline through a proxy, whose traces are there."""

    offline: Run
    online: Run
    cases: GoldenSet
    proxy: Live
    traces: Stored


@pytest.fixture(scope="module")
def scene(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A proxy with a database, where cards are redacted."""
    folder, provider = tmp_path_factory.mktemp("scene"), Upstream()
    with live(folder, provider) as proxy:
        offline, cases = asyncio.run(measured(place, "index", folder / "offline"))
        online, _ = asyncio.run(measured(place, "rag", folder / "online", proxy))
        yield Scene(offline, online, cases, proxy, stored(online, proxy))
    provider.stop()


def stored(run: Run, proxy: Live, key: str = ADMIN_KEY) -> Stored:
    """The traces of a run's outputs."""
    url = proxy.running.url
    return Stored(url, fetch([item.output.trace_id for item in run.items], url, key))


def values(run: Run) -> dict[tuple[str, str], float | None]:
    """The value of each score."""
    return {
        (item.id, name): score.value
        for item in run.items
        for name, score in item.scores.items()
        if name != "latency"
    }


async def test_scores_from_traces_are_those_of_the_offline_run(scene: Scene) -> None:
    """To the last digit, on every question and metric; but for hits that the proxy masked, which are no number."""
    again = await rescore(scene.online, scene.cases, build_all(SCORED), scene.traces)
    mixed = random.Random(0).sample(scene.online.items, len(scene.online.items))
    shuffled = await rescore(
        replace(scene.online, items=tuple(mixed)), scene.cases, build_all(SCORED), scene.traces
    )

    masked = {
        item.id for item in scene.online.items if CARD in "".join(hit.text for hit in item.output.hits or ())
    }
    worded = {"paid-words"} & masked
    told = values(again)
    assert masked >= {"paid-words", "paid-whole"}
    assert {key: value for key, value in told.items() if key[0] not in worded} == {
        key: value for key, value in values(scene.offline).items() if key[0] not in worded
    }
    assert values(shuffled) == told
    assert {told["paid-words", name] for name in SCORED} == {None}
    assert told["paid-whole", "recall@3"] == 1.0
    assert 0.1 < (again.summary["recall@3"].mean or 0) < 1.0
    assert {item.scores["recall@3"].reason for item in again.items if item.id in worded} == {
        "the texts of 1 of 3 hits were masked before they were stored"
    }
    assert again.rescored == f"{scene.online.id}, hits from {scene.proxy.running.url}"


async def test_without_the_runs_own_hits_words_decide_and_spans_are_told_to_be_unknown(scene: Scene) -> None:
    """An app of somebody's own tells its hits to the proxy alone: where they stand is nowhere."""
    foreign = replace(
        scene.online,
        items=tuple(replace(item, output=replace(item.output, hits=None)) for item in scene.online.items),
    )
    again = values(await rescore(foreign, scene.cases, build_all(SCORED), scene.traces))
    known = {key: value for key, value in again.items() if value is not None}

    assert len(SCORED) * 10 <= len(known) < len(again)
    assert known == {key: value for key, value in values(scene.offline).items() if key in known}


async def test_a_trace_that_is_gone_is_no_number(scene: Scene) -> None:
    """Another key's, one that never was, none known: unscored with the reason, and the run is invalid."""
    traces = dict(scene.traces.traces)
    first, second, third, fourth, *others = scene.online.items
    traces.pop(first.output.trace_id)
    traces[second.output.trace_id] = {**traces[second.output.trace_id], "retrieval": []}
    traces[third.output.trace_id] = {**traces[third.output.trace_id], "reduced": "DataError"}
    fourth = replace(fourth, output=replace(fourth.output, trace_id=""))
    run = replace(scene.online, items=(first, second, third, fourth, *others), gating=(Gating("recall@3"),))
    again = await rescore(run, scene.cases, build_all(["recall@3"]), Stored("http://x", traces))
    scores = [item.scores["recall@3"] for item in again.items]

    assert [score.value for score in scores[:4]] == [None] * 4
    assert {score.cause for score in scores[:4]} == {Cause.TARGET}
    assert [score.reason.split(":")[0] for score in scores[:4]] == [
        "its trace is not at the proxy",
        "its trace holds none of the 3 hits that were sent",
        "the proxy could keep its trace only without what was retrieved",
        "no trace of it is known",
    ]
    assert all(item.output.hits is None for item in again.items[:4])
    assert again.gate.verdict.value == "invalid"


def test_the_command_writes_a_run(scene: Scene, place: Path, tmp_path: Path) -> None:
    """And its reports; without --from nobody is asked."""
    document.save(scene.online, tmp_path / "run.json")
    url, path = scene.proxy.running.url, str(tmp_path / "run.json")
    common = ["rescore", path, "--golden", str(place / "golden"), "--key", ADMIN_KEY]
    done = CliRunner().invoke(app, ["eval", *common, "--from", url, "--scorer", "recall@3"])
    plain = CliRunner().invoke(app, ["eval", *common, "--out", str(tmp_path / "plain")])
    stopped = CliRunner().invoke(app, ["eval", *common, "--from", "http://127.0.0.1:9"])

    assert done.exit_code == 0, done.output
    assert document.load(tmp_path / "rescored-from-traces" / "run.json").rescored.startswith(scene.online.id)
    assert values(document.load(tmp_path / "plain" / "run.json")) == values(scene.online)
    assert plain.exit_code == 0
    assert (stopped.exit_code, stopped.stderr) == (
        2,
        "guardhouse: the proxy cannot be reached (ConnectionRefusedError): start it, or correct --from\n",
    )


async def test_what_was_erased_is_no_number(scene: Scene) -> None:
    """The proxy has no such trace any more; a key that may read none is refused."""
    url, id = scene.proxy.running.url, scene.online.items[-1].output.trace_id
    body = {"filter": f"trace:{id}", "reason": "asked for it"}
    made = scene.proxy.post("/api/erasures", body, ADMIN_KEY)
    found = fetch([id, scene.online.items[0].output.trace_id], url, ADMIN_KEY, wait=lambda _: None)
    again = await rescore(scene.online, scene.cases, build_all(["recall@3"]), Stored(url, found))

    assert made.status == 201, made.body
    assert list(found) == [scene.online.items[0].output.trace_id]
    assert again.items[-1].scores["recall@3"].reason.startswith("its trace is not at the proxy: erased")
    with pytest.raises(FetchError, match="HTTP 403: give a key whose role may read traces") as raised:
        fetch([id], url, scene.proxy.stranger, wait=lambda _: None)
    assert scene.proxy.stranger not in str(raised.value)


async def test_stored_outputs_are_scored_again_as_they_are(scene: Scene) -> None:
    """With the same scorers to the same values; a case that is another one by now is no number."""
    again = await rescore(scene.offline, scene.cases, chosen(scene.offline, (), False))
    changed = tuple(
        replace(case, sha256="0" * 64) if case.id == "paid-words" else case for case in scene.cases.cases
    )
    other = await rescore(
        scene.offline, replace(scene.cases, cases=changed), chosen(scene.offline, ["recall@3"], False)
    )

    assert values(again) == values(scene.offline)
    assert (again.rescored, again.id != scene.offline.id) == (scene.offline.id, True)
    (lost,) = [item for item in other.items if item.id == "paid-words"]
    assert lost.scores["recall@3"].reason.startswith("the golden set has no such case any more")
    assert set(other.summary) == {"recall@3"}


async def test_which_scorers_are_taken(scene: Scene) -> None:
    """The run's; from traces those of retrieval; else one must be named."""
    none = replace(
        scene.offline, scorers=tuple(each for each in scene.offline.scorers if each.name == "latency")
    )

    assert {each.name for each in chosen(scene.offline, (), False)} == {*SCORED, "latency"}
    assert {each.name for each in chosen(scene.offline, (), True)} == set(SCORED)
    with pytest.raises(ScorerError, match="no scorer of retrieval: name one with --scorer"):
        chosen(none, (), True)


async def test_scorers_that_read_texts_need_them_unmasked(scene: Scene) -> None:
    """Of one masked hit nothing is said by them."""
    again = await rescore(scene.online, scene.cases, build_all(["groundedness"]), scene.traces)
    hits = {item.id: item.output.hits or () for item in scene.online.items}
    masked = [
        item.scores["groundedness"]
        for item in again.items
        if "groundedness" in item.scores and any(CARD in hit.text for hit in hits[item.id])
    ]

    assert masked
    assert all("masked" in score.reason for score in masked)


QUOTE = "Bees dance at noon on the roof of the museum"
SPAN = {"start": 7, "end": 40}


def recorded(
    passages: list[dict[str, Any]], texts: list[str], masked: list[int]
) -> tuple[Run, GoldenSet, Stored]:
    """A run of one question, the hits `d0`, `d1` ... that its trace has, and those of them that say otherwise."""
    relevant = tuple(Passage(**{"doc_id": "d0", **each}) for each in passages)
    case = Case("a", "0" * 64, question="q", expected=Expected(answer="noon"), relevant=relevant)
    hits = tuple(
        Hit(f"d{n}", 0.5, f"{text} Call 555-0199." if n in masked else text, n + 1, 0, len(text))
        for n, text in enumerate(texts)
    )
    listed = [
        {"rank": n + 1, "doc_id": f"d{n}", "score": 0.5, "text": text, "source": "request"}
        for n, text in enumerate(texts)
    ]
    run = make_run({"recall@2": {"a": [0.5]}})
    output = Output(text="At noon.", hits=hits, trace_id="t")
    run = replace(run, items=(replace(run.items[0], sha256=case.sha256, output=output),))
    set_of = GoldenSet(GoldenRef("toy", "1", "0" * 64, 1), (case,), Path("toy"))
    return run, set_of, Stored("http://x", {"t": {"retrieval": listed}})


@pytest.mark.parametrize(
    ("passages", "text", "value"),
    [
        ([{"quote": QUOTE}], f"{QUOTE}, call [PHONE].", 1.0),
        ([{"quote": QUOTE}], QUOTE.replace(" ", "\n", 3) + " call [PHONE].", 1.0),
        ([{"quote": QUOTE, **SPAN}], f"{QUOTE}, call [PHONE].", 1.0),
        ([{"quote": QUOTE}], "Bees dance at [TIME] on the roof of the museum.", None),
        ([{"quote": QUOTE}], "", None),
        ([SPAN], f"{QUOTE}, call [PHONE].", None),
        ([{"grade": 1}, {"quote": QUOTE, "grade": 2}], "call [PHONE].", None),
        ([{"grade": 2}, {"quote": QUOTE, "grade": 1}], "call [PHONE].", 1.0),
        ([{"quote": QUOTE, "grade": 0}, {"doc_id": "d1"}], "call [PHONE].", 1.0),
        ([{"quote": QUOTE, "doc_id": "d2"}, {"doc_id": "d1"}], "call [PHONE].", 0.5),
    ],
)
async def test_a_masked_hit_counts_where_its_words_still_stand(
    passages: list[dict[str, Any]], text: str, value: float | None
) -> None:
    """A mask elsewhere in the text hides nothing; where it may hide the words, or only a place is told, it is none."""
    run, cases, traces = recorded(passages, [text, "Ferries.", "Masked too: [X]."], [0, 2])
    again = await rescore(run, cases, build_all(["recall@2"]), traces)

    score = again.items[0].scores["recall@2"]
    assert score.value == value
    assert ("masked" in score.reason) == (value is None)


@pytest.mark.parametrize("gone", [False, True])
async def test_who_reads_no_hits_needs_no_trace(gone: bool) -> None:
    """Only what reads their texts, or may, is unscored of a masked hit or a lost trace."""
    run, cases, traces = recorded([{"quote": QUOTE}], ["call [PHONE]."], [0])
    again = await rescore(
        run,
        cases,
        build_all(["contains", "f1", "groundedness", "tests.evals.test_rescoring:reader"]),
        Stored("http://x", {}) if gone else traces,
    )
    values = {name: score.value for name, score in again.items[0].scores.items()}

    assert values["contains"] == 1.0 and values["f1"] is not None
    assert values["groundedness"] is None
    assert [value for name, value in values.items() if "reader" in name] == [None]


def reader() -> Scorer:
    """A scorer of somebody's own."""
    return Measure("reader", "1", lambda case: True, lambda case, output: Score.of(1.0))
