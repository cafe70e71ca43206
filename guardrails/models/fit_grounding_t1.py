"""Fit the head of groundedness tier T1 on human-labelled answers, on top of tier T0 as it stands.

    python -m guardrails.models.fit_grounding_t1 ragtruth.jsonl --work t1-work

The data is that of fit_grounding.py, and is not part of this project. Distances are those that `score` computes, with
the same choice of passages; they are kept in the work folder, so that a fit after a change to T0's coefficients alone
takes a minute. Figures are 5-fold cross-validation grouped by source, nested: the T0 whose logits a head is fitted on,
and the one that it is then tried on, have not seen the sources it is tried on, nor the answers they give logits for.

Fitted weights ship only where they rank better than T0 beyond chance; else ASSUMED does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guardrails.checks import grounding
from guardrails.checks.grounding import Counted, count
from guardrails.checks.grounding_t1 import ANSWER, FORMAT, HEAD, Added, altered, answer_row, compare, moved
from guardrails.checks.grounding_t1_compare import COMPARED
from guardrails.checks.grounding_t1_reading import WORDS, choose, passages
from guardrails.models import fit_grounding as t0
from guardrails.token_vectors import TokenEncoder

PENALTY = 5.0
ASSUMED = {"question": 0.2, "text": 0.2}
"""Logit that one standard deviation of `far_mean` counts for, by kind, where no fit does better than T0. On the
labelled answers it brings nothing, since words say the same; it is meant for answers in other words."""

KEPT_BYTES = 256 * 1024 * 1024
"""Room for the passages of one source, which all its answers share."""

DRAWS = 500
"""Times that sources are drawn again, to tell a gain from chance."""

Vector = NDArray[np.float64]
Heads = dict[str, Added]
"""What distances add, by kind."""

Told = list[list[float]]
"""The COMPARED features of one answer's claims."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Answers, or claims, to fit a head on."""

    counted: t0.Table
    """As T0 sees them, made examples included, after the labelled ones."""
    far: Vector
    """Distances of the labelled ones."""
    altered: NDArray[np.bool_]

    @property
    def human(self) -> t0.Table:
        """The labelled ones, described by distances."""
        own, table = self.counted.human, self.counted
        return t0.Table(
            self.far, table.y[own], table.kinds[own], table.fold[own], table.weight[own], own[own]
        )


Maker = Callable[[Seen, Vector, NDArray[np.bool_]], Heads]
"""Makes heads of what was seen, T0's logits, and which of the labelled rows may be looked at."""


def main() -> None:
    """Fit, print the cross-validated figures as JSON, and write the head."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument(
        "--work", type=Path, default=Path("t1-work"), help="folder for what can be used again"
    )
    parser.add_argument("--out", type=Path, default=HEAD)
    options = parser.parse_args()
    encoder = TokenEncoder(kept_bytes=KEPT_BYTES)
    document = fitted(t0.read(options.data), encoder, options.work) | {
        "fitted_on": {
            "file_sha256": hashlib.sha256(options.data.read_bytes()).hexdigest(),
            "licence": "MIT (RAGTruth)",
        }
    }
    options.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(document["measured"], indent=1) + "\n")


def fitted(rows: Sequence[Mapping[str, Any]], encoder: TokenEncoder, work: Path) -> dict[str, Any]:
    """The head, its thresholds and its figures."""
    rows, found = _measurable(sorted(rows, key=lambda row: str(row["source_id"])))
    told = told_of(rows, found, encoder, work)
    changed = [altered(each) for each in found]
    examples = [example for example in (*map(t0.labelled, rows), *t0.made(rows)) if example is not None]
    whole, parts = t0.tables(examples)
    answers = Seen(whole, np.array(list(map(answer_row, told))), np.array(list(map(any, changed))))
    claims = Seen(
        parts, np.array(list(chain.from_iterable(told))), np.array(list(chain.from_iterable(changed)))
    )
    human = [example for example in examples if not example.made]
    sources = [example.source_id for example in human]
    part_sources = [example.source_id for example in human for _ in example.rows]
    value, maker, measured = _better(answers, assumed_heads, sources)
    support, part_maker, part_measured = _better(claims, no_heads, part_sources)
    doubts = t0.with_doubts(human, 1.0 - support)
    return {
        "format": FORMAT,
        "features": {"answer": list(ANSWER), "sentence": list(COMPARED), "words": WORDS},
        "t0": grounding.version(),
        "encoder": encoder.sha256,
        "threshold": round(t0.best_threshold(value, answers.human.y), 6),
        "sentence_threshold": round(t0.best_limit(doubts), 6),
        "kinds": _written(heads(answers, maker), heads(claims, part_maker)),
        "measured": t0.figures(answers.human, value)
        | {"answers": measured, "sentences": part_measured}
        | {"character_overlap_f1": round(t0.overlap_by_fold(doubts), 3)},
    }


def _measurable(
    rows: Sequence[Mapping[str, Any]],
) -> tuple[list[Mapping[str, Any]], list[Counted]]:
    pairs = [(row, count(*t0.context_of(row), row["response"])) for row in rows]
    kept = [(row, found) for row, found in pairs if isinstance(found, Counted)]
    return [row for row, _ in kept], [found for _, found in kept]


def told_of(
    rows: Sequence[Mapping[str, Any]], found: Sequence[Counted], encoder: TokenEncoder, work: Path
) -> list[Told]:
    """How far each answer's claims are; from the work folder for answers and passages that were read before."""
    work.mkdir(parents=True, exist_ok=True)
    kept = work / "read.json"
    known: dict[str, Told] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    told: list[Told] = []
    for row, each in zip(rows, found, strict=True):
        context, answer = t0.context_of(row)[1], row["response"]
        key = _key(each, context, answer, encoder)
        if key not in known:
            known[key] = compare(each, context, answer, encoder)
        told.append(known[key])
    kept.write_text(json.dumps(known), encoding="utf-8")
    return told


def _key(found: Counted, context: Sequence[str], answer: str, encoder: TokenEncoder) -> str:
    """Names the claims and the passages that are read for them."""
    whole = passages(found.reference, context)
    read = [whole[index].text for index in choose(whole, found.claims)]
    taken = (encoder.sha256, COMPARED, [answer[piece.start : piece.end] for piece in found.claims], read)
    return hashlib.sha256(repr(taken).encode()).hexdigest()


def nested(seen: Seen, maker: Maker) -> Vector:
    """Probability of support of each labelled answer or claim, from a T0 and a head that have not seen its source."""
    human, own = seen.human, seen.counted.human
    value = np.zeros(len(human.y))
    for fold in range(t0.FOLDS):
        train = human.fold != fold
        logits = _logits(seen.counted, (fold,))[own]
        for inner in range(t0.FOLDS):
            at = human.fold == inner
            if inner != fold:
                logits[at] = _logits(seen.counted, (fold, inner))[own][at]
        scale, shift = t0.platt(logits[train], human.y[train])
        logits = scale * logits + shift
        found = maker(seen, logits, train)
        value[~train] = applied(human, seen.altered, logits, found)[~train]
    return value


def heads(seen: Seen, maker: Maker) -> Heads:
    """The heads for T0 as it ships, fitted on its logits out of fold."""
    human = seen.human
    logits = t0.out_of_fold(seen.counted)[seen.counted.human]
    scale, shift = t0.platt(logits, human.y)
    return maker(seen, scale * logits + shift, np.ones(len(human.y), dtype=bool))


def _logits(counted: t0.Table, without: Sequence[int]) -> Vector:
    """Logits of a T0 fitted without these folds."""
    logits = np.zeros(len(counted.y))
    for name, model in t0.fit_kinds(counted, ~np.isin(counted.fold, without)).items():
        held = counted.kinds == name
        logits[held] = counted.x[held] @ model[1:] + model[0]
    return logits


def fit_heads(seen: Seen, logits: Vector, train: NDArray[np.bool_]) -> Heads:
    """What distances add to T0's logits, fitted on some rows."""
    human, found = seen.human, {}
    for name in t0.KINDS:
        own = train & (human.kinds == name)
        centre = human.x[own].mean(0)
        apart = human.x[own] - centre
        apart[seen.altered[own]] = apart[seen.altered[own]].clip(0.0)
        model = t0.fit(apart, human.y[own], human.weight[own], penalty=PENALTY, offset=logits[own])
        found[name] = _head(centre, model[1:])
    return found


def assumed_heads(seen: Seen, logits: Vector, train: NDArray[np.bool_]) -> Heads:
    """ASSUMED, with the mean and the standard deviation of some rows."""
    human, found = seen.human, {}
    at = ANSWER.index("far_mean")
    for name in t0.KINDS:
        own = human.x[train & (human.kinds == name)]
        weights = np.zeros(len(ANSWER))
        weights[at] = ASSUMED.get(name, 0.0) / float(own[:, at].std())
        found[name] = _head(own.mean(0), weights)
    return found


def no_heads(seen: Seen, logits: Vector, train: NDArray[np.bool_]) -> Heads:
    """Nothing added to T0."""
    none = np.zeros(seen.far.shape[1])
    return {name: _head(none, none) for name in t0.KINDS}


def _head(centre: Vector, weights: Vector) -> Added:
    return Added(*(tuple(round(float(each), 6) for each in part) for part in (centre, weights)))


def applied(human: t0.Table, changed: NDArray[np.bool_], logits: Vector, found: Heads) -> Vector:
    """Values as `score` computes them."""
    values = np.round(1.0 - t0.sigmoid(logits), 6)
    return np.array(
        [
            moved(float(value), found[kind].of(list(row), altered=bool(was)))
            for value, kind, row, was in zip(values, human.kinds, human.x, changed, strict=True)
        ]
    )


def _written(answers: Heads, claims: Heads) -> dict[str, Any]:
    return {
        name: {
            part: {"centre": list(added.centre), "weights": list(added.weights)}
            for part, added in (("answer", answers[name]), ("sentence", claims[name]))
        }
        for name in t0.KINDS
    }


def _better(seen: Seen, otherwise: Maker, sources: Sequence[str]) -> tuple[Vector, Maker, dict[str, Any]]:
    """Values of the fitted head where it ranks better than T0 beyond chance, else of the other one; which it is, and
    how both rank."""
    y, found = seen.human.y, {}
    counted = nested(seen, no_heads)
    told: dict[str, Any] = {"t0_auc": round(t0.auc(y, -counted), 4)}
    for name, maker in (("fitted", fit_heads), ("otherwise", otherwise)):
        value = nested(seen, maker)
        low, high = _gain(sources, y, value, counted)
        told[name] = {"auc": round(t0.auc(y, -value), 4), "gain_95": [round(low, 4), round(high, 4)]}
        found[name] = (value, maker, low)
    chosen = "fitted" if found["fitted"][2] > 0.0 else "otherwise"
    value, maker, _ = found[chosen]
    return value, maker, told | {"ships": chosen}


def _gain(sources: Sequence[str], y: Vector, value: Vector, counted: Vector) -> tuple[float, float]:
    """The middle 95 % of what an AUC has over T0's, when sources are drawn again."""
    names, of = np.unique(np.array(sources), return_inverse=True)
    rows = [np.flatnonzero(of == index) for index in range(len(names))]
    chance, gains = np.random.default_rng(1), []
    for _ in range(DRAWS):
        drawn = np.concatenate([rows[index] for index in chance.integers(0, len(names), len(names))])
        gains.append(t0.auc(y[drawn], -value[drawn]) - t0.auc(y[drawn], -counted[drawn]))
    return float(np.quantile(gains, 0.025)), float(np.quantile(gains, 0.975))


if __name__ == "__main__":
    main()
