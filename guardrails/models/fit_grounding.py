"""Fit the coefficients of groundedness tier T0 on human-labelled answers.

    python guardrails/models/fit_grounding.py ragtruth.jsonl

Each line of the file: {"source_id", "task": "qa" | "data2txt" | "summary", "source", "response", "spans":
[{"start", "end"}]}, where a span marks unsupported text. The data itself is not part of this project. Beside
each labelled source, short answers are made from its own sentences (copied: supported; a number, name or
negation changed, or a foreign sentence added: not), because the labelled answers are long and RAG answers are
often one sentence. Weights are kept non-negative, so that more unseen content can never raise a value.
Figures are 5-fold cross-validation grouped by source, on the human-labelled answers alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import rankdata

from guardrails.checks.grounding import COEFFICIENTS, FORMAT, kind
from guardrails.checks.grounding_features import (
    ANSWER_FEATURES,
    EDITS,
    SENTENCE_FEATURES,
    Reference,
    answer_features,
    claim_rows,
)
from guardrails.checks.grounding_text import claims
from guardrails.sentences import sentences

_DIGITS = re.compile(r"\d+")
_NAME = re.compile(r"(?<=[a-z] )[A-Z][a-z]{3,}")
_VERB = re.compile(r"\b(?:is|are|was|were|can|will|has|have|should)\b")

Vector = NDArray[np.float64]
KINDS = ("question", "structured", "text")
FOLDS = 5
PENALTY = 40.0
MADE_WEIGHT = 0.1
"""Weight of a made answer beside a human-labelled one."""


@dataclass(frozen=True, slots=True)
class Example:
    """One answer, measured."""

    source_id: str
    kind: str
    made: bool
    unsupported: bool
    features: list[float]
    rows: list[list[float]]
    row_labels: list[bool]
    row_spans: list[tuple[int, int]]
    gold: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Table:
    """Answers or sentences as arrays: features, label (1 = unsupported), kind, fold, weight, is it human."""

    x: Vector
    y: Vector
    kinds: NDArray[np.str_]
    fold: NDArray[np.int64]
    weight: Vector
    human: NDArray[np.bool_]


def main() -> None:
    """Fit, print the cross-validated figures as JSON, and write the coefficients."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=COEFFICIENTS)
    options = parser.parse_args()
    rows = read(options.data)
    examples = [example for example in (*map(labelled, rows), *made(rows)) if example is not None]
    folded = cross_validate(examples)
    answers, parts = folded.answers, folded.parts
    threshold = best_threshold(folded.value[answers.human], answers.y[answers.human])
    limit = best_limit(with_doubts(examples, folded.doubt))
    measured = measure_folds(examples, folded) | {
        "answers_without_claim": len(rows) - int(answers.human.sum())
    }
    fitted_answers, fitted_parts = fit_kinds(answers), fit_kinds(parts)
    document = {
        "format": FORMAT,
        "features": {"answer": list(ANSWER_FEATURES), "sentence": list(SENTENCE_FEATURES)},
        "threshold": round(threshold, 6),
        "sentence_threshold": round(limit, 6),
        "kinds": {
            name: {
                "answer": calibrated(fitted_answers[name], *folded.scaling),
                "sentence": calibrated(fitted_parts[name], *folded.part_scaling),
            }
            for name in KINDS
        },
        "fitted_on": {
            "file_sha256": hashlib.sha256(options.data.read_bytes()).hexdigest(),
            "licence": "MIT (RAGTruth)",
        },
        "measured": measured,
    }
    options.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(measured, indent=1) + "\n")


@dataclass(frozen=True, slots=True)
class Folded:
    """What models say about answers and sentences whose sources they have not seen."""

    answers: Table
    parts: Table
    value: Vector
    doubt: Vector
    scaling: tuple[float, float]
    part_scaling: tuple[float, float]


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of labelled answers."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def cross_validate(examples: Sequence[Example]) -> Folded:
    """Values of answers and doubts about sentences, out of fold, calibrated on the human labels."""
    answers, parts = tables(examples)
    answer_logits, part_logits = out_of_fold(answers), out_of_fold(parts)
    scaling = platt(answer_logits[answers.human], answers.y[answers.human])
    part_scaling = platt(part_logits[parts.human], parts.y[parts.human])
    value = 1.0 - sigmoid(scaling[0] * answer_logits + scaling[1])
    doubt = sigmoid(part_scaling[0] * part_logits + part_scaling[1])
    return Folded(answers, parts, value, doubt, scaling, part_scaling)


def measure_folds(examples: Sequence[Example], folded: Folded) -> dict[str, Any]:
    """The figures of a cross-validation, on human labels; thresholds and limits are those of the other folds."""
    parts = folded.parts
    return figures(folded.answers, folded.value) | {
        "sentence_auc": round(auc(parts.y[parts.human], folded.doubt[parts.human]), 3),
        "character_overlap_f1": round(overlap_by_fold(with_doubts(examples, folded.doubt)), 3),
    }


def context_of(row: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Question and context strings of a labelled row."""
    source = row["source"]
    if row["task"] == "qa":
        passages = [re.sub(r"^\s*passage \d+:", "", part) for part in source["passages"].split("\n\n")]
        return source["question"], [part for part in passages if part.strip()]
    return "", [json.dumps(source)] if isinstance(source, dict) else [source]


def labelled(row: Mapping[str, Any]) -> Example | None:
    """A human-labelled row, measured; None when the answer claims nothing."""
    question, context = context_of(row)
    gold = [(span["start"], span["end"]) for span in row["spans"]]
    return measure(str(row["source_id"]), (question, context), row["response"], gold, is_made=False)


def measure(
    source_id: str, asked: tuple[str, list[str]], answer: str, gold: list[tuple[int, int]], *, is_made: bool
) -> Example | None:
    """An answer's features and labels; None when it claims nothing."""
    question, context = asked
    pieces = claims(answer)
    if not pieces:
        return None
    reference = Reference(context, question)
    rows = claim_rows(reference, answer, pieces)
    spans = [(piece.start, piece.end) for piece in pieces]
    labels = [any(start < stop and end > first for start, end in gold) for first, stop in spans]
    features = answer_features(pieces, rows)
    return Example(
        source_id, kind(reference, question), is_made, bool(gold), features, rows, labels, spans, gold
    )


def made(rows: Sequence[Mapping[str, Any]]) -> Iterator[Example | None]:
    """Short answers made from the sentences of each prose source: supported copies and damaged ones."""
    sources = {str(row["source_id"]): context_of(row) for row in rows if row["task"] != "data2txt"}
    usable = {key: sentences_of(asked[1]) for key, asked in sources.items()}
    keys = [key for key in sources if len(usable[key]) >= 3]
    for at, key in enumerate(keys):
        own = sorted(usable[key], key=lambda text: hashlib.sha256(text.encode()).hexdigest())
        other = usable[keys[(at + 7) % len(keys)]]
        foreign = other[at % len(other)]
        first, second, third = own[:3]
        for copied in (first, f"{second} {third}", *[text for text in own if _DIGITS.search(text)][:1]):
            yield measure(key, sources[key], copied, [], is_made=True)
        tail = (len(second) + 1, len(second) + 1 + len(foreign))
        yield measure(key, sources[key], f"{second} {foreign}", [tail], is_made=True)
        for broken in (foreign, *damaged(own, foreign, at)):
            yield measure(key, sources[key], broken, [(0, len(broken))], is_made=True)


def damaged(own: Sequence[str], foreign: str, step: int) -> Iterator[str]:
    """Sentences of one source with one thing changed: a number, a number for one from elsewhere, a name, a
    negation."""
    numbers = [match.group() for text in own for match in _DIGITS.finditer(text)]
    for text in [text for text in own if _DIGITS.search(text)][:1]:
        yield _DIGITS.sub(lambda match: str(int(match.group()) + 3 + step % 5), text, count=1)
        elsewhere = [number for number in numbers if number not in _DIGITS.findall(text)]
        if elsewhere:
            yield _DIGITS.sub(elsewhere[step % len(elsewhere)], text, count=1)
    name = _NAME.search(foreign)
    if name and name.group() not in own[2] and _NAME.search(own[2]):
        yield _NAME.sub(name.group(), own[2], count=1)
    if " not " in own[0]:
        yield own[0].replace(" not ", " ", 1)
    elif _VERB.search(own[0]):
        yield _VERB.sub(lambda match: match.group() + " not", own[0], count=1)


def sentences_of(context: Sequence[str]) -> list[str]:
    """Sentences of middling length, good enough to stand as an answer."""
    found = (text[start:end] for text in context for start, end in sentences(text))
    return [text for text in found if 6 <= len(text.split()) <= 40 and text[-1] in ".!" and text[0].isupper()]


def tables(examples: Sequence[Example]) -> tuple[Table, Table]:
    """The answers, and their sentences, as arrays."""
    answers = [(e, e.features, e.unsupported) for e in examples]
    parts = [(e, row, label) for e in examples for row, label in zip(e.rows, e.row_labels, strict=True)]
    return table(answers), table(parts)


def table(rows: Sequence[tuple[Example, list[float], bool]]) -> Table:
    """Features, labels and grouping of some rows. The fold is a hash of the source, so that no source is on
    both sides."""
    folds = [fold_of(e) for e, _, _ in rows]
    return Table(
        np.array([features for _, features, _ in rows]),
        np.array([float(label) for _, _, label in rows]),
        np.array([e.kind for e, _, _ in rows]),
        np.array(folds),
        np.array([MADE_WEIGHT if e.made else 1.0 for e, _, _ in rows]),
        np.array([not e.made for e, _, _ in rows]),
    )


def fold_of(example: Example) -> int:
    """The fold of an example: a hash of its source."""
    return int(hashlib.sha256(example.source_id.encode()).hexdigest(), 16) % FOLDS


def fit(
    x: Vector, y: Vector, weight: Vector, *, penalty: float = PENALTY, offset: Vector | None = None
) -> Vector:
    """Intercept and non-negative weights of a class-balanced, L2-regularised logistic regression.

    With an offset (logits to add to), the classes are taken as they are and the intercept stays 0.
    """
    spread = x.std(0)
    spread[spread == 0] = 1.0
    z = x / spread
    share = float((weight * y).sum() / weight.sum())
    balanced = weight if offset is not None else weight * np.where(y > 0, 0.5 / share, 0.5 / (1.0 - share))

    def loss(b: Vector) -> tuple[float, Vector]:
        logit = z @ b[1:] + b[0] + (0.0 if offset is None else offset)
        gradient = (sigmoid(logit) - y) * balanced
        value = ((np.logaddexp(0, logit) - y * logit) * balanced).sum() + penalty / 2 * (b[1:] ** 2).sum()
        return float(value), np.r_[gradient.sum(), z.T @ gradient + penalty * b[1:]]

    first = (None, None) if offset is None else (0.0, 0.0)
    bounds = [first] + [(0.0, None)] * x.shape[1]
    found = minimize(
        loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2000}
    )
    return np.concatenate([found.x[:1], np.asarray(found.x[1:] / spread)])


def fit_kinds(data: Table, train: NDArray[np.bool_] | None = None) -> dict[str, Vector]:
    """One weight vector a kind.

    First, on human labels and without the edit features: the mean of a fit on that kind alone and a fit on
    all kinds with their own intercepts. Then the edit features are added on top, on human and made answers
    together, the rest held fixed.
    """
    chosen = np.ones(len(data.y), dtype=bool) if train is None else train
    human = chosen & data.human
    x = data.x[:, :-EDITS]
    flags = np.stack([data.kinds == name for name in KINDS], 1).astype(float)
    pooled = fit(np.hstack([x, flags])[human], data.y[human], data.weight[human])
    width = x.shape[1] + 1
    found = {}
    for index, name in enumerate(KINDS):
        own = human & (data.kinds == name)
        alone = fit(x[own], data.y[own], data.weight[own])
        share = float(data.y[own].mean())
        alone[0] += np.log(share / (1.0 - share))
        together = pooled[:width].copy()
        together[0] += pooled[width + index]
        found[name] = (alone + together) / 2
    logits = np.zeros(len(data.y))
    for name, model in found.items():
        rows = data.kinds == name
        logits[rows] = x[rows] @ model[1:] + model[0]
    edits = fit(
        data.x[chosen, -EDITS:], data.y[chosen], data.weight[chosen], penalty=1.0, offset=logits[chosen]
    )
    return {name: np.r_[model, edits[1:]] for name, model in found.items()}


def out_of_fold(data: Table) -> Vector:
    """Logit of each row from a model that has not seen its source."""
    logits = np.zeros(len(data.y))
    for fold in range(FOLDS):
        models = fit_kinds(data, data.fold != fold)
        for name, model in models.items():
            held = (data.fold == fold) & (data.kinds == name)
            logits[held] = data.x[held] @ model[1:] + model[0]
    return logits


def platt(logit: Vector, y: Vector) -> tuple[float, float]:
    """Scale and shift that turn logits into calibrated ones."""

    def loss(b: Vector) -> float:
        z = b[0] * logit + b[1]
        return float((np.logaddexp(0, z) - y * z).sum())

    found = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.01, None), (None, None)])
    return float(found.x[0]), float(found.x[1])


def calibrated(model: Vector, scale: float, shift: float) -> dict[str, Any]:
    """A weight vector with its calibration folded in, rounded."""
    return {
        "intercept": round(float(model[0] * scale + shift), 6),
        "weights": [round(float(weight * scale), 6) for weight in model[1:]],
    }


def sigmoid(z: Vector) -> Vector:
    """1 / (1 + exp(-z)), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * z)))


def auc(y: Vector, s: Vector) -> float:
    """Area under the ROC curve; ties count half."""
    positives = y.sum()
    ranks = rankdata(s)
    return float((ranks[y > 0].sum() - positives * (positives + 1) / 2) / (positives * (len(y) - positives)))


def best_threshold(value: Vector, y: Vector) -> float:
    """The value under which an answer is called unsupported, for the best balanced accuracy."""
    candidates = np.quantile(value, np.linspace(0.02, 0.98, 97))
    return float(max(candidates, key=lambda c: (value < c)[y > 0].mean() + (value >= c)[y == 0].mean()))


Doubted = Sequence[tuple[Example, Vector]]
"""Human-labelled answers, each with the doubts about its sentences."""


def with_doubts(examples: Sequence[Example], doubt: Vector) -> Doubted:
    """The human-labelled answers with their part of the doubts, which stand in the order of the examples."""
    found: list[tuple[Example, Vector]] = []
    at = 0
    for example in examples:
        if not example.made:
            found.append((example, doubt[at : at + len(example.rows)]))
        at += len(example.rows)
    return found


def overlap(answers: Doubted, limit: float) -> tuple[int, int]:
    """Characters of the reported sentences that are labelled, and of reports and labels together."""
    both = hit = 0
    for example, doubts in answers:
        both += sum(end - start for start, end in example.gold)
        for (first, stop), probability in zip(example.row_spans, doubts, strict=True):
            if probability >= limit:
                both += stop - first
                hit += sum(max(0, min(stop, end) - max(first, start)) for start, end in example.gold)
    return hit, both


def best_limit(answers: Doubted) -> float:
    """The probability from which a sentence is reported, for the best F1 of characters."""

    def f1(limit: float) -> float:
        hit, both = overlap(answers, limit)
        return 2 * hit / both

    return max((float(limit) for limit in np.linspace(0.05, 0.9, 86)), key=f1)


def overlap_by_fold(answers: Doubted) -> float:
    """F1 of characters, each fold at the limit that is best on the others."""
    hits = boths = 0
    for fold in range(FOLDS):
        rest = [each for each in answers if fold_of(each[0]) != fold]
        hit, both = overlap([each for each in answers if fold_of(each[0]) == fold], best_limit(rest))
        hits, boths = hits + hit, boths + both
    return 2 * hits / boths


def figures(data: Table, value: Vector) -> dict[str, Any]:
    """AUC, balanced accuracy and F1 on human-labelled answers, overall and by kind, beside the F1 of flagging
    everything.

    Each fold is judged at the threshold chosen on the other folds.
    """
    flagged = np.zeros(len(value), dtype=bool)
    for fold in range(FOLDS):
        rest, held = data.human & (data.fold != fold), data.fold == fold
        flagged[held] = value[held] < best_threshold(value[rest], data.y[rest])
    found: dict[str, Any] = {}
    for name in ("all", *KINDS):
        chosen = data.human if name == "all" else data.human & (data.kinds == name)
        y, v, f = data.y[chosen], value[chosen], flagged[chosen]
        found[name] = {
            "answers": len(y),
            "unsupported": round(float(y.mean()), 3),
            "auc": round(auc(y, -v), 3),
            "balanced_accuracy": round(float(f[y > 0].mean() + (~f)[y == 0].mean()) / 2, 3),
            "f1": round(2 * float((f & (y > 0)).sum()) / float(f.sum() + y.sum()), 3),
            "f1_flag_all": round(float(2 * y.mean() / (1 + y.mean())), 3),
            "brier": round(float(((1 - v - y) ** 2).mean()), 3),
        }
    return found


if __name__ == "__main__":
    main()
