"""Retrieval scorers against pytrec_eval and ranx: `python tests/bench/bench_retrieval.py [--install] [--quick]`.

Every metric at 1, 5, 10 and 100, for every query of three rankings: by rarity of the words in common (hardly a tie), by
their number (ties everywhere), and by chance on made data with grades from 0 to 3, ties and empty results. A folder with
`corpus.jsonl`, `queries.jsonl` and `qrels.tsv` is read from `build/xquad`, or from where GUARDHOUSE_BENCH_CORPUS says;
without one only the made data are measured. Where scores are equal, trec_eval goes by document id, the last first: the
hits are given in that order. With `--install` both packages are fetched into an environment of their own, once. With
`--freeze` the values that `tests/evals/scorers/trec_values.py` holds are made again; with `--ranx` ranx is asked too, which compiles first.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evals.scorer import build_all
from evals.types import Case, Hit, Output, Passage
from tests.bench.report import Row, command

ROOT = Path(__file__).resolve().parents[2]
LAB = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "guardhouse-bench" / "trec"
CORPUS = Path(os.environ.get("GUARDHOUSE_BENCH_CORPUS", ROOT / "build" / "xquad"))
FROZEN = ROOT / "tests" / "evals" / "scorers" / "trec_values.py"
PACKAGES = ("pytrec_eval-terrier==0.5.11", "ranx==0.3.21")
METRICS = ("recall", "precision", "hit", "mrr", "map", "ndcg")
DEPTHS = (1, 5, 10, 100)
BAR = 1e-9
DEPTH = 100
"""Documents of a ranking that are given."""

Qrels = dict[str, dict[str, int]]
Ranked = dict[str, list[tuple[str, float]]]
"""By query: documents and scores, best first."""
Values = dict[str, dict[str, float]]
"""By query and `metric@k`."""

_PEER = """
import json, sys
tool, asked = sys.argv[1], json.load(sys.stdin)
qrels, runs, depths = asked["qrels"], asked["runs"], asked["depths"]
found = {query: {} for query in runs}
if tool == "pytrec_eval":
    import pytrec_eval
    cut = ",".join(map(str, depths))
    names = {"recall": "recall", "P": "precision", "success": "hit", "map_cut": "map", "ndcg_cut": "ndcg"}
    judge = pytrec_eval.RelevanceEvaluator(qrels, {f"{name}.{cut}" for name in names})
    whole = {query: dict(ranking) for query, ranking in runs.items() if ranking}
    for query, values in judge.evaluate(whole).items():
        for name, ours in names.items():
            for k in depths:
                found[query][f"{ours}@{k}"] = values[f"{name}_{k}"]
    for k in depths:
        judge = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"})
        cut = {query: dict(ranking[:k]) for query, ranking in runs.items() if ranking}
        for query, values in judge.evaluate(cut).items():
            found[query][f"mrr@{k}"] = values["recip_rank"]
else:
    from ranx import Qrels, Run, evaluate
    names = {"recall": "recall", "precision": "precision", "hit_rate": "hit", "mrr": "mrr", "map": "map", "ndcg": "ndcg"}
    # Its order of equal scores is not told: ranks stand for scores.
    full = {q: {doc: 1.0 / (at + 1) for at, (doc, _) in enumerate(ranking)} for q, ranking in runs.items() if ranking}
    run = Run(full)
    evaluate(Qrels({q: qrels[q] for q in full}), run, [f"{name}@{k}" for name in names for k in depths])
    for label, values in run.scores.items():
        name, k = label.split("@")
        for query, value in values.items():
            found[query][f"{names[name]}@{k}"] = float(value)
json.dump(found, sys.stdout)
"""


def measure(quick: bool, install: bool = False, freeze: bool = False, ranx: bool = False) -> Sequence[Row]:
    """The largest difference of each ranking from each package."""
    python = LAB / "venv" / "bin" / "python"
    if install and not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(LAB / "venv")], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PACKAGES], check=True)
    if not python.exists():
        return [Row("queries compared", 0, note="neither package is installed: --install fetches both")]
    if freeze:
        _freeze(python)
    rows: list[Row] = []
    tools = ("pytrec_eval", "ranx") if ranx else ("pytrec_eval",)
    for name, (qrels, runs) in _rankings(quick).items():
        ours = asyncio.run(scored(qrels, runs, DEPTHS))
        rows.append(
            Row(f"{name}: queries, values each", len(ours), note=f"{len(METRICS) * len(DEPTHS)} values")
        )
        for tool in tools:
            theirs = told(python, tool, qrels, runs, DEPTHS)
            worst = max(
                abs(value - theirs[query].get(metric, 0.0))
                for query, values in ours.items()
                for metric, value in values.items()
            )
            rows.append(Row(f"{name}: largest difference from {tool}", worst, bar=BAR, must=True))
    return rows


async def scored(qrels: Qrels, runs: Ranked, depths: Sequence[int]) -> Values:
    """Our values for every query with a relevant document."""
    found: Values = {}
    scorers = build_all([f"{metric}@{k}" for metric in METRICS for k in depths])
    for query, ranking in runs.items():
        relevant = tuple(Passage(doc, "", grade) for doc, grade in qrels[query].items())
        case = Case(query, "", question=query, relevant=relevant)
        hits = tuple(Hit(doc, score, "", rank) for rank, (doc, score) in enumerate(ranking, start=1))
        for scorer in scorers:
            if scorer.applies(case):
                value = (await scorer(case, Output(hits=hits))).value
                found.setdefault(query, {})[scorer.name] = math.nan if value is None else value
    return found


def told(python: Path, tool: str, qrels: Qrels, runs: Ranked, depths: Sequence[int]) -> Values:
    """A package's values. Raises CalledProcessError."""
    asked = json.dumps({"qrels": qrels, "runs": runs, "depths": list(depths)})
    done = subprocess.run(
        [str(python), "-c", _PEER, tool], input=asked, capture_output=True, text=True, check=True
    )
    values: Values = json.loads(done.stdout)
    return values


def ranked(scores: Mapping[str, float]) -> list[tuple[str, float]]:
    """Documents by score, equal ones by id, the last first: trec_eval's order."""
    return sorted(sorted(scores.items(), reverse=True), key=lambda pair: -pair[1])[:DEPTH]


def made(queries: int, seed: int = 11) -> tuple[Qrels, Ranked]:
    """Judgements with grades from 0 to 3, and rankings with ties; some are short, some empty."""
    chance = random.Random(seed)
    qrels: Qrels = {}
    runs: Ranked = {}
    for number in range(queries):
        names = [f"d{at:03}" for at in range(chance.choice((6, 30, 200)))]
        judged = chance.sample(names, chance.randint(1, min(len(names), 25)))
        qrels[f"q{number:04}"] = {name: chance.choice((0, 0, 1, 2, 3)) for name in judged}
        found = chance.sample(names, chance.choice((0, 1, len(names) // 2, len(names))))
        runs[f"q{number:04}"] = ranked({name: chance.randint(0, 12) / 4 for name in found})
    return qrels, runs


def _rankings(quick: bool) -> dict[str, tuple[Qrels, Ranked]]:
    found = {"made": made(40 if quick else 300)}
    if not CORPUS.is_dir():
        return found
    corpus, queries = (_texts(CORPUS / name) for name in ("corpus.jsonl", "queries.jsonl"))
    qrels: Qrels = {}
    for line in (CORPUS / "qrels.tsv").read_text("utf-8").splitlines()[1:]:
        query, doc, grade = line.split("\t")
        qrels.setdefault(query, {})[doc] = int(grade)
    words = {name: Counter(re.findall(r"\w+", text.lower())) for name, text in corpus.items()}
    often = Counter(word for each in words.values() for word in each)
    asked = {
        query: set(re.findall(r"\w+", text.lower())) for query, text in queries.items() if query in qrels
    }
    rare = {word: math.log(len(words) / count) for word, count in often.items()}

    def run(weight: Mapping[str, float]) -> Ranked:
        return {
            query: ranked(
                {
                    doc: round(sum(weight[w] for w in sorted(terms & each.keys())), 3)
                    for doc, each in words.items()
                }
            )
            for query, terms in asked.items()
        }

    found[f"{CORPUS.name}, by rarity"] = qrels, run(rare)
    found[f"{CORPUS.name}, by count"] = qrels, run(dict.fromkeys(often, 1.0))
    return found


def _texts(path: Path) -> dict[str, str]:
    read = map(json.loads, path.read_text("utf-8").splitlines())
    return {each["_id"]: each["text"] for each in read}


def _freeze(python: Path) -> None:
    """Writes the values that pytrec_eval gives for eight made queries."""
    qrels, runs = made(40, seed=5)
    chosen = [query for query in runs if len(runs[query]) in {0, 3, 6, 15} and any(qrels[query].values())][:8]
    qrels, runs = ({query: part[query] for query in chosen} for part in (qrels, runs))  # type: ignore[assignment]
    values = told(python, "pytrec_eval", qrels, runs, (1, 3, 10))
    rows = [(qrels[query], [doc for doc, _ in runs[query]], values[query]) for query in chosen]
    text = '"""Values of pytrec_eval 0.5.11 for made rankings, made by `tests/bench/bench_retrieval.py --freeze`."""\n\n'
    text += f"VALUES: list[tuple[dict[str, int], list[str], dict[str, float]]] = {rows!r}\n"
    text += '"""Grades by document, the ranking, and the value of each metric; none for an empty ranking, which is 0."""\n'
    FROZEN.write_text(text, "utf-8")


if __name__ == "__main__":
    command(
        __doc__,
        measure,
        {
            "install": "fetch both packages, once",
            "freeze": "write the values that the tests hold",
            "ranx": "measure ranx too",
        },
    )
