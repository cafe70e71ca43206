"""Measures groundedness, tier T0, on answers that people have judged: `[--quick] [--json]`, data in RAGTRUTH.

    RAGTRUTH=ragtruth.jsonl python tests/bench/bench_grounding.py

The file has the format that stands in guardrails/models/fit_grounding.py. Without it only the long contexts are measured, and a
line says so. The model is fitted five times, each time without the sources it is then asked about; thresholds come from the
sources that it was fitted on. Times are processor time of one core, with the shipped coefficients.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from guardrails.checks.grounding import score
from guardrails.models import fit_grounding as fitting
from tests.bench.report import Row, command, median, one_core, share

TASKS = {"question": "question and prose", "structured": "JSON record", "text": "summaries"}
FALSE = "The vault code was changed by Ingrid Dahl on 14 March."
TRUE = "The committee read the minutes of the meeting and went home."


def measure(quick: bool) -> list[Row]:
    """All figures; quick leaves the cross-validation out and times fewer answers."""
    one_core()
    path = os.environ.get("RAGTRUTH", "")
    if not path:
        sys.stderr.write(
            "skipped: the judged answers. Set RAGTRUTH to the file that fit_grounding.py reads.\n"
        )
        return long_contexts()
    rows = fitting.read(Path(path))
    folds = [] if quick else quality(rows)
    return [*folds, *times(rows[:: 8 if quick else 2]), *long_contexts()]


def quality(rows: Sequence[dict[str, Any]]) -> list[Row]:
    """The figures of the cross-validation."""
    every = (*map(fitting.labelled, rows), *fitting.made(rows))
    examples = [example for example in every if example is not None]
    found = fitting.measure_folds(examples, fitting.cross_validate(examples))
    whole = found["all"]
    told = [
        Row("AUC, 5 folds by source", whole["auc"], "", 0.83, least=True, note=f"{whole['answers']} answers"),
        Row("balanced accuracy", whole["balanced_accuracy"], "", 0.72, least=True),
        Row("F1 of finding unsupported answers", whole["f1"]),
        Row("F1 of flagging all", whole["f1_flag_all"]),
        Row("F1 of characters in reported sentences", found["character_overlap_f1"], "", 0.33, least=True),
        Row("AUC of sentences", found["sentence_auc"]),
    ]
    for kind, name in TASKS.items():
        part = found[kind]
        note = f"{part['answers']} answers, {100 * part['unsupported']:.0f} % unsupported"
        told += [
            Row(f"{name}: AUC", part["auc"], note=note),
            Row(f"{name}: balanced accuracy", part["balanced_accuracy"]),
            Row(f"{name}: F1", part["f1"], note=f"flagging all {part['f1_flag_all']}"),
        ]
    return told


def times(rows: Sequence[dict[str, Any]]) -> list[Row]:
    """Processor time of the answers, one after the other."""
    taken = []
    for row in rows:
        question, context = fitting.context_of(row)
        began = time.thread_time()
        score(question, context, row["response"])
        taken.append(1000 * (time.thread_time() - began))
    return [
        Row("an answer, p50", median(taken), "ms", 5, note=f"{len(taken)} answers"),
        Row("an answer, p99", share(taken, 0.99), "ms"),
    ]


def long_contexts() -> list[Row]:
    """A false sentence last, judged against a long context; and what a megabyte takes."""
    answer = f"{TRUE} {FALSE}"
    context = [prose(100_000)]
    found = score("What happened?", [TRUE, *context], answer)
    flagged = found.supported is False and any(answer[span.start : span.end] == FALSE for span in found.spans)
    there = score("What happened?", [TRUE, *context, FALSE], answer)
    rows = [
        Row(
            "100,000 characters, the false sentence is flagged", float(flagged), "", 1, least=True, must=True
        ),
        Row("the same with its support last: supported", float(there.supported is True), "", 1, least=True),
        Row("coverage", found.coverage, "", 1, least=True, must=True),
    ]
    for name, size in (("100,000 characters", 100_000), ("1 MB", 1_000_000)):
        text = prose(size)
        began = time.thread_time()
        score("What happened?", [text], answer)
        rows.append(Row(f"context of {name}", 1000 * (time.thread_time() - began), "ms"))
    return rows


def prose(size: int, seed: int = 5) -> str:
    """That many characters of sentences of made words, the same each time."""
    chance = random.Random(seed)
    syllables = [a + b for a in "bdfglmnprst" for b in ("a", "e", "i", "o", "ain", "ell", "ost")]
    words = ["".join(chance.choices(syllables, k=chance.randint(1, 3))) for _ in range(4000)]
    made: list[str] = []
    length = 0
    while length < size:
        made.append(f"{' '.join(chance.choices(words, k=chance.randint(6, 20)))}.".capitalize())
        length += len(made[-1]) + 1
    return " ".join(made)[:size]


if __name__ == "__main__":
    command(__doc__, measure)
