"""Fit the weights of the injection check.

    python guardrails/models/fit_injection.py PROMPTS ANSWERS POSTS PASSAGES

PROMPTS: {"text", "label", "source"} a line, label 1 for injections and jailbreaks; ANSWERS: a RAGTruth file;
POSTS and PASSAGES: {"text"} a line, clean. None of them is part of this project; the lines of `injection/*.jsonl`
are. Two logistic regressions over hashed n-grams of windows; a text that is an injection has at least one such
window, so those with the highest scores stand for it and the fit is repeated (multiple-instance learning).

Thresholds and figures come from texts that the fit has not seen: the injections of a public source are left out
all together, everything else a fifth at a time, grouped by near-duplicates and by own line.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize

from guardrails import embedding
from guardrails.checks.injection import is_mail
from guardrails.checks.injection_features import BITS, WINDOW, Windows, blocks, pieces
from guardrails.checks.injection_model import FORMAT, OVERRIDE, REQUEST, REQUEST_IN_MAIL, SHIPPED
from guardrails.models import injection_encoder
from guardrails.models.injection_examples import (
    DOCUMENTS,
    Example,
    answers,
    own,
    pages,
    passages,
    posts,
    public,
)

Vector = NDArray[np.float64]

FOLDS = 5
VARIANTS = 8
POSTS = 2400
MOST_WINDOWS = 16
"""Windows of one text that are fitted on; a random choice where there are more."""
PENALTY = 20.0
SEEN = 3
"""Windows in which a feature must stand to have a weight."""

TOP = 2
"""Windows that stand for an injection after the first round."""
FALSE_ALARMS = 0.01
GROWTH = 0.15
"""What the thresholds rise with the logarithm of the number of sentences. The highest logit of clean
texts rises by 0.6; a quarter of that lets more alarms through in long texts, and finds as much in them."""

LEFT_OUT = {
    "deepset-train": 0,
    "inthewild-jailbreaks": 1,
    "purplellama-prompt_injection-direct": 2,
    "purplellama-prompt_injection-indirect": 2,
    "purplellama-prompt_injection_multilingual-direct": 2,
    "purplellama-prompt_injection_multilingual-indirect": 2,
    "piguard-valid": 3,
}
"""The fold in which the injections of a public source are left out, all of them."""

MESSAGES = ("deepset-train", "wildguard-benign", "mitre-frr", "piguard-valid", "own-benign")
"""Sources of harmless messages, on which the threshold for messages is set."""


@dataclass(frozen=True, slots=True)
class Head:
    """A fitted head: a weight for each table entry, and the intercept."""

    weights: NDArray[np.float32]
    intercept: float

    def logits(self, windows: Windows) -> Vector:
        """The logit of each window."""
        total = np.zeros(len(windows.starts))
        for family in windows.families:
            sums = np.concatenate(([0.0], np.cumsum(self.weights[family.hashes], dtype=np.float64)))
            total += family.weight * (sums[family.last] - sums[family.first])
        logits: Vector = total / np.sqrt(np.maximum(windows.sizes, 1)) + self.intercept
        return logits


@dataclass(frozen=True, slots=True)
class Table:
    """Windows as rows: features, the table entry of each column, the text that each row belongs to, and whether it
    is a single sentence."""

    x: Any
    columns: NDArray[np.int64]
    bag: NDArray[np.int64]
    single: NDArray[np.bool_]

    def sentences(self) -> Table:
        """The rows that are single sentences."""
        return Table(self.x[self.single], self.columns, self.bag[self.single], self.single[self.single])


def main() -> None:
    """Fit, print the figures on texts that were left out as JSON, and write weights and card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("prompts", "answers", "posts", "passages"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    options = parser.parse_args()
    examples = [
        *own(VARIANTS),
        *pages(),
        *public(options.prompts),
        *answers(options.answers),
        *posts(options.posts, POSTS),
        *passages(options.passages),
    ]
    whole = rows(examples)
    tables_of = {OVERRIDE: whole, REQUEST: whole.sentences()}
    given = {name: labels(examples, name) for name in tables_of}
    folds = left_out(examples)
    unseen = {name: out_of_fold(tables_of[name], examples, given[name], folds) for name in given}
    around = injection_encoder.hosts(examples, folds)
    found = injection_encoder.candidates(examples, unseen[REQUEST], around)
    weight = weights_of(examples)
    unseen[REQUEST] = injection_encoder.out_of_fold(found, examples, weight, folds)
    thresholds = calibrated(examples, unseen)
    everything = np.ones(len(examples), dtype=bool)
    final = {name: fit(tables_of[name], examples, given[name], everything) for name in given}
    second = injection_encoder.fit(
        found.features,
        injection_encoder.labels(found, examples),
        injection_encoder.weights(found, examples, weight),
    )
    tables, described = quantised(final)
    options.out.mkdir(exist_ok=True)
    (options.out / "weights.bin").write_bytes(tables)
    measured = figures(examples, unseen, thresholds, around)
    card = {
        "format": FORMAT,
        "bits": BITS,
        "sha256": hashlib.sha256(tables).hexdigest(),
        "heads": described,
        "encoder": {
            "sha256": embedding.load().sha256,
            "intercept": round(float(second[0]), 5),
            "weights": [round(float(value), 4) for value in second[1:]],
        },
        "thresholds": thresholds,
        "fitted_on": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (
                *(getattr(options, name) for name in ("prompts", "answers", "posts", "passages")),
                *sorted(SHIPPED.glob("*.jsonl")),
            )
        }
        | {"own pages": digest(example.text for example in examples if example.source == "own-page")},
        "measured": measured,
    }
    (options.out / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(measured, indent=1) + "\n")


def digest(texts: Iterable[str]) -> str:
    """SHA-256 of some texts, in their order."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def rows(examples: Sequence[Example], seed: int = 0) -> Table:
    """The windows to fit on, each of length 1 as a vector."""
    random = np.random.default_rng(seed)
    found: list[NDArray[np.int32]] = []
    values: list[NDArray[np.float32]] = []
    bag: list[int] = []
    single: list[bool] = []
    for number, example in enumerate(examples):
        for windows in blocks(example.text, pieces(example.text)):
            for at in np.sort(random.permutation(len(windows.starts))[:MOST_WINDOWS]):
                features = [family.hashes[family.first[at] : family.last[at]] for family in windows.families]
                found.append(np.concatenate(features).astype(np.int32))
                sizes = [len(family) for family in features]
                weights = np.repeat([family.weight for family in windows.families], sizes)
                values.append((weights / np.sqrt(max(1, sum(sizes)))).astype(np.float32))
                bag.append(number)
                single.append(bool(windows.counts[at] == 1))
    ends = np.cumsum([len(features) for features in found])
    x = sparse.csr_matrix(
        (np.concatenate(values), np.concatenate(found), np.append(0, ends)), shape=(len(found), 1 << BITS)
    )
    columns = np.flatnonzero(np.bincount(x.indices, minlength=1 << BITS) >= SEEN)
    return Table(x[:, columns], columns, np.array(bag), np.array(single))


def labels(examples: Sequence[Example], head: str) -> Vector:
    """1, 0, or not a number for texts that say nothing about the head."""
    given = [example.override if head == OVERRIDE else example.request for example in examples]
    return np.array([np.nan if label is None else label for label in given], dtype=np.float64)


def weights_of(examples: Sequence[Example]) -> Vector:
    """Weight of each text. The variants of an own line share a weight that grows with the root of their number."""
    groups = np.unique([example.group for example in examples], return_inverse=True)[1]
    sizes = np.bincount(groups)[groups]
    given = np.array([example.weight for example in examples])
    is_own = np.array([example.source.startswith("own") for example in examples])
    return np.where(is_own, given * 3 / np.sqrt(sizes), given)


def left_out(examples: Sequence[Example]) -> NDArray[np.int64]:
    """The fold that does not see a text: that of its source for injections, else a hash of its group."""
    hashed = [int(hashlib.sha256(example.group.encode()).hexdigest(), 16) % FOLDS for example in examples]
    return np.array(
        [
            LEFT_OUT.get(e.source, fold) if e.override else fold
            for e, fold in zip(examples, hashed, strict=True)
        ]
    )


def fit(table: Table, examples: Sequence[Example], label: Vector, chosen: NDArray[np.bool_]) -> Head:
    """One head on the chosen texts: all windows of an injection first, then those with the highest logits."""
    chosen = chosen & ~np.isnan(label)
    count = np.maximum(np.bincount(table.bag, minlength=len(label)), 1)[table.bag]
    positive = np.nan_to_num(label)[table.bag] == 1
    base = (weights_of(examples) * chosen)[table.bag]
    weight = np.where(positive, base / count, base)
    solution = regression(table.x, positive, weight, None)
    logits = table.x @ solution[:-1].astype(np.float32) + solution[-1]
    order = np.lexsort((-logits, table.bag))
    rank = np.empty(len(order), dtype=np.int64)
    firsts = np.flatnonzero(np.diff(table.bag[order], prepend=-1))
    rank[order] = np.arange(len(order)) - np.repeat(firsts, np.diff(np.append(firsts, len(order))))
    top = np.where(rank < TOP, base / np.minimum(count, TOP), 0.0)
    solution = regression(table.x, positive, np.where(positive, top, base), solution)
    weights = np.zeros(1 << BITS, dtype=np.float32)
    weights[table.columns] = solution[:-1]
    return Head(weights, float(solution[-1]))


def regression(x: Any, positive: NDArray[np.bool_], weight: Vector, start: Vector | None) -> Vector:
    """Weights and intercept of an L2-regularised logistic regression; negatives count 7 to 3 in all."""
    total = weight.sum()
    balanced = np.where(
        positive,
        weight * 0.3 * total / weight[positive].sum(),
        weight * 0.7 * total / weight[~positive].sum(),
    )
    used = np.flatnonzero(balanced > 0)
    x, y, balanced = x[used], positive[used].astype(np.float64), balanced[used]
    transposed = x.T.tocsr()

    def loss(b: Vector) -> tuple[float, Vector]:
        logit = x @ b[:-1].astype(np.float32) + b[-1]
        gradient = (sigmoid(logit) - y) * balanced
        value = ((np.logaddexp(0, logit) - y * logit) * balanced).sum() + 0.5 / PENALTY * (b[:-1] @ b[:-1])
        back = transposed @ gradient.astype(np.float32) + b[:-1] / PENALTY
        return float(value), np.append(back, gradient.sum()).astype(np.float64)

    first = np.zeros(x.shape[1] + 1) if start is None else start
    steps = {"maxiter": 50 if start is None else 30, "maxcor": 5}
    return np.asarray(minimize(loss, first, jac=True, method="L-BFGS-B", options=steps).x)


def out_of_fold(
    table: Table, examples: Sequence[Example], label: Vector, folds: NDArray[np.int64]
) -> list[Vector]:
    """Logits of all windows of each text, from a fit that has seen neither its source nor its line."""
    found: list[Vector] = [np.zeros(0)] * len(examples)
    for fold in range(FOLDS):
        head = fit(table, examples, label, folds != fold)
        for number in np.flatnonzero(folds == fold).tolist():
            text = examples[number].text
            parts = list(blocks(text, pieces(text)))
            most = 1 if table.single.all() else WINDOW
            logits = [head.logits(windows)[windows.counts <= most] for windows in parts]
            found[number] = np.concatenate(logits) if logits else np.zeros(0)
    return found


def calibrated(examples: Sequence[Example], unseen: dict[str, list[Vector]]) -> dict[str, dict[str, float]]:
    """The thresholds: one message in a hundred, and three documents in two hundred over all heads together."""
    clean = {
        "override message": (OVERRIDE, MESSAGES, FALSE_ALARMS),
        "override document": (OVERRIDE, DOCUMENTS, FALSE_ALARMS / 2),
        REQUEST: (REQUEST, DOCUMENTS, FALSE_ALARMS),
        REQUEST_IN_MAIL: (REQUEST, ("own-document",), FALSE_ALARMS * 2),
    }
    found = {}
    for name, (head, sources, share) in clean.items():
        at = [i for i, e in enumerate(examples) if e.source in sources and e.override == 0]
        if head == REQUEST:
            at = [i for i in at if is_mail(examples[i].text) == (name == REQUEST_IN_MAIL)]
        best = np.array([unseen[head][i].max(initial=-30.0) for i in at])
        size = np.array([len(pieces(examples[i].text)) for i in at])
        weight = weights_of(examples)[at]
        margin = best - GROWTH * np.log(np.maximum(size, 1))
        base = quantile(margin, weight, 1 - share)
        # 0.9 lies where a tenth as many clean texts would be, as far as so few can tell.
        spread = min(max(quantile(margin, weight, 1 - share / 10) - base, 1.0), 3.0)
        found[name] = {
            "base": round(base, 4),
            "growth": GROWTH,
            "slope": round(float(np.log(9.0)) / spread, 4),
        }
    return found


def joined_alarms(margin: Vector, size: NDArray[np.int64], length: int, seed: int = 0) -> float:
    """Share of long clean texts that are flagged: documents joined at random up to that many sentences."""
    random = np.random.default_rng(seed)
    flagged = 0
    for _ in range(1000):
        order = random.permutation(len(size))
        last = int(np.searchsorted(np.cumsum(size[order]), length)) + 1
        total = size[order[:last]].sum()
        flagged += bool((margin[order[:last]] >= GROWTH * np.log(total / size[order[:last]])).any())
    return round(flagged / 1000, 3)


def quantile(values: Vector, weight: Vector, share: float) -> float:
    """Weighted quantile."""
    order = np.argsort(values)
    reached = np.cumsum(weight[order]) / weight.sum()
    return float(values[order][min(len(order) - 1, int(np.searchsorted(reached, share)))])


def quantised(heads: dict[str, Head]) -> tuple[bytes, list[dict[str, Any]]]:
    """The weights as 8-bit numbers, head after head, and what turns them back."""
    content, described = b"", []
    for name, head in heads.items():
        scale = float(np.quantile(np.abs(head.weights[head.weights != 0]), 0.9995)) / 127
        content += np.clip(np.round(head.weights / scale), -127, 127).astype(np.int8).tobytes()
        described.append({"name": name, "scale": scale, "intercept": head.intercept})
    return content, described


def figures(
    examples: Sequence[Example],
    unseen: dict[str, list[Vector]],
    thresholds: dict[str, dict[str, float]],
    around: Sequence[int | None],
) -> dict[str, Any]:
    """Share found at the thresholds by source and label, and area under the ROC curve against harmless messages.

    `around` is the document in which each text stands, of which `unseen` knows when it looks for requests.
    """
    weight = weights_of(examples)
    sizes = np.array([len(pieces(example.text)) for example in examples])
    foreign = [host is not None and host != at for at, host in enumerate(around)]
    places = np.array([at if host is None else host for at, host in enumerate(around)])
    inside = sizes + np.where(foreign, sizes[places], 0)

    def margins(head: str, name: str, count: NDArray[np.int64] = sizes) -> Vector:
        best: Vector = np.array([logits.max(initial=-30.0) for logits in unseen[head]])
        found: Vector = (
            best - thresholds[name]["base"] - thresholds[name]["growth"] * np.log(np.maximum(count, 1))
        )
        return found

    message, document = margins(OVERRIDE, "override message"), margins(OVERRIDE, "override document")
    mail = np.array([is_mail(example.text) for example in examples])[places]
    told = np.where(mail, margins(REQUEST, REQUEST_IN_MAIL, inside), margins(REQUEST, REQUEST, inside))
    document = np.maximum(document, told)
    source = np.array([example.source for example in examples])
    label = np.nan_to_num(labels(examples, OVERRIDE))
    harmless = np.isin(source, MESSAGES) & (label == 0)
    clean = np.isin(source, DOCUMENTS) & ~mail
    report: dict[str, Any] = {
        f"clean documents joined to {length} sentences": {
            "texts": 1000,
            "found as message": joined_alarms(message[clean], sizes[clean], length),
            "found in document": joined_alarms(document[clean], sizes[clean], length),
        }
        for length in (32, 128)
    }
    for name in sorted(set(source)):
        for value in (0, 1):
            rows_ = (source == name) & (label == value)
            if rows_.any():
                figure = {
                    "texts": int(rows_.sum()),
                    "found as message": share_of(message, weight, rows_),
                    "found in document": share_of(document, weight, rows_),
                }
                if value:
                    figure["auroc"] = round(auroc(message[rows_], message[harmless]), 3)
                report[f"{name} {value}"] = figure
    return report


def share_of(margin: Vector, weight: Vector, chosen: NDArray[np.bool_]) -> float:
    """Weighted share of the chosen texts that reach the threshold."""
    return round(float(np.average(margin[chosen] >= 0, weights=weight[chosen])), 3)


def sigmoid(z: Vector) -> Vector:
    """1 / (1 + exp(-z)), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * z)))


def auroc(positive: Vector, negative: Vector) -> float:
    """Area under the ROC curve; ties count half."""
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive) + np.searchsorted(ordered, positive, side="right")
    return float(below.mean() / 2 / len(negative))


if __name__ == "__main__":
    main()
