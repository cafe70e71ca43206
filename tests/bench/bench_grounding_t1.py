"""Groundedness, tier T1: `python tests/bench/bench_grounding_t1.py [--quick] [--json]`.

How well it ranks is what its fit measured on human-labelled answers (RAGTruth, 5-fold cross-validation grouped by source;
thresholds from the other folds), as it stands in guardrails/checks/grounding_t1.json. The data is not part of the project:
with the environment's RAGTRUTH set to the file that fit_grounding.py reads, times are those of its answers; else of
answers and contexts made here, of its middle lengths. One thread; nothing of a context is remembered between answers,
unless a row says so.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from guardrails.checks import grounding_t1
from guardrails.checks.grounding_record import as_json
from guardrails.checks.grounding_t1 import HEAD, score
from guardrails.models.fit_grounding import context_of
from guardrails.token_vectors import shipped_tokens
from tests.bench.report import Row, command, median, one_core
from tests.bench.texts import prose

Asked = tuple[str, list[str], str]
"""Question, context, answer."""

KINDS = {
    "all": "all",
    "question": "question and prose",
    "structured": "JSON record",
    "text": "prose, no question",
}


def labelled(path: Path, few: int) -> list[Asked]:
    """Some of the labelled answers, in an order that does not depend on the file's."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    chosen = random.Random(1).sample(rows, few)
    return [(*context_of(row), row["response"]) for row in chosen]


def made(few: int) -> list[Asked]:
    """Answers of 700 characters, half of them out of their context of 2,800."""
    found: list[Asked] = []
    for number in range(few):
        chance = random.Random(number)
        context, other = prose(chance, 2800), prose(chance, 350)
        found.append(("What happened?", [context[:1400], context[1400:]], f"{context[700:1050]} {other}"))
    return found


def spent(asked: Sequence[Asked], before: Callable[[], None]) -> list[float]:
    """Milliseconds of CPU of each answer."""
    found = []
    for question, context, answer in asked:
        before()
        began = process_time()
        score(question, context, answer)
        found.append((process_time() - began) * 1000)
    return found


def ranked() -> list[Row]:
    """What the fit measured."""
    measured = json.loads(HEAD.read_text(encoding="utf-8"))["measured"]
    rows = [
        Row(f"AUC, {title}", measured[kind]["auc"], "", 0.86 if kind == "all" else None, least=True)
        for kind, title in KINDS.items()
    ]
    told = measured["answers"]
    rows.append(Row("AUC of T0 on the same folds", told["t0_auc"], note=f"ships: {told['ships']}"))
    for name in ("fitted", "otherwise"):
        low, high = told[name]["gain_95"]
        rows.append(Row(f"AUC, {name}", told[name]["auc"], note=f"gain over T0 {low} to {high} (95 %)"))
    for name in ("balanced_accuracy", "f1", "f1_flag_all"):
        rows.append(Row(name.replace("_", " "), measured["all"][name]))
    sentences = measured["sentences"]
    rows.append(
        Row("AUC of sentences", sentences[sentences["ships"]]["auc"], note=f"ships: {sentences['ships']}")
    )
    return [*rows, Row("spans: character F1", measured["character_overlap_f1"])]


def long(characters: int) -> list[Row]:
    """One answer against a context that long, whose last sentence it gets wrong."""
    right = "The vault code was changed by Ingrid Dahl on 14 March."
    context = [prose(random.Random(5), characters) + " " + right]
    began = process_time()
    found = score("Who changed the code?", context, right.replace("14", "19"))
    took = (process_time() - began) * 1000
    flagged = float(found.supported is False and found.coverage == 1.0)
    name = f"{characters:,} characters"
    return [
        Row(f"{name}: false sentence flagged, coverage 1", flagged, "", 1.0, least=True, must=True),
        Row(f"{name}: time", took, "ms"),
    ]


def measure(quick: bool) -> list[Row]:
    """The figures."""
    one_core()
    path, few = os.environ.get("RAGTRUTH"), 40 if quick else 150
    asked = labelled(Path(path), few) if path else made(few)
    grounding_t1.ready()
    taken = spent(asked, shipped_tokens().forget)
    prose = [each for each, (_, context, _) in zip(taken, asked, strict=True) if as_json(context[0]) is None]
    fresh = sorted(taken)
    for question, context, answer in asked[:20]:
        score(question, context, answer)
    again = spent(asked[:20], lambda: None)
    return [
        *ranked(),
        Row("an answer, p50", median(fresh), "ms", 80.0, note="labelled answers" if path else "made answers"),
        Row("an answer to prose, p50 (JSON records are not read)", median(prose), "ms"),
        Row("an answer, p99", fresh[int(0.99 * (len(fresh) - 1))], "ms"),
        Row("an answer whose context was read before, p50", median(again), "ms"),
        *long(100_000),
        *long(1_000_000),
    ]


if __name__ == "__main__":
    command(__doc__, measure)
