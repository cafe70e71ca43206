"""What judgements of some say of all: shares and totals, each with a 95 % interval, and never without its n.

A thing that was drawn with a share of 0.1 stands for ten: each is weighted with 1 / share (Horvitz and Thompson).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt

from proxy.agreement import Z, wilson

RIGHT, WRONG = ("true_positive", "wrong_action"), ("false_positive",)
"""Verdicts that say of a finding that there was something, and that there was nothing; the others say neither."""
LEAST_JUDGED = 5
"""Findings that must have been judged before anything is said of a rule's precision."""
LEAST_SAMPLED = 30
"""Traces that must have been looked at whole before anything is said of what a rule missed."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, its 95 % interval, and how many were looked at for it."""

    value: float
    low: float
    high: float
    n: int


def was_right(verdicts: Sequence[str], decided: str | None = None) -> bool | None:
    """What reviewers' verdicts on one finding come to: the adjudicator's, else the majority's; None for a tie."""
    counts = Counter(
        verdict in RIGHT for verdict in ([decided] if decided else verdicts) if verdict in (*RIGHT, *WRONG)
    )
    return None if counts[True] == counts[False] else counts[True] > counts[False]


def share(judged: Sequence[tuple[bool, float]]) -> Estimate | None:
    """The share that is right, of (right, share drawn with); None for fewer than LEAST_JUDGED.

    Wilson's interval of as many equally weighted ones as these are worth (Kish's effective size).
    """
    if len(judged) < LEAST_JUDGED:
        return None
    weights = [1 / drawn for _, drawn in judged]
    value = sum(weight for weight, (right, _) in zip(weights, judged, strict=True) if right) / sum(weights)
    size = sum(weights) ** 2 / sum(weight**2 for weight in weights)
    low, high = wilson(value * size, size) or (0.0, 1.0)
    return Estimate(value, low, high, len(judged))


def total(sampled: Sequence[tuple[int, float]]) -> Estimate | None:
    """How many there are in all, of (how many in one, share it was drawn with); None for fewer than LEAST_SAMPLED.

    Fay and Feuer's gamma interval, whose variance is that of the draw: what was looked at whole is known.
    """
    if len(sampled) < LEAST_SAMPLED:
        return None
    weights = [1 / drawn for _, drawn in sampled]
    value = sum(weight * count for weight, (count, _) in zip(weights, sampled, strict=True))
    spread = sum((weight**2 - weight) * count**2 for weight, (count, _) in zip(weights, sampled, strict=True))
    # One more, as heavy as the heaviest: what the draw may have just not met.
    heaviest, largest = max(weights), max(1, *(count for count, _ in sampled))
    more, wider = value + heaviest * largest, spread + (heaviest**2 - heaviest) * largest**2
    low = spread / (2 * value) * _chi_square(2 * value**2 / spread, -Z) if spread else value
    high = wider / (2 * more) * _chi_square(2 * more**2 / wider, Z) if wider else value
    return Estimate(value, low, max(high, value), len(sampled))


def recall(found: Estimate, missed: Estimate) -> Estimate | None:
    """Of all there was, the share that was found; None where there was nothing.

    The interval of the ratio is made of the two (Donner and Zou's MOVER), which do not depend on each other.
    """
    if not found.value + missed.value:
        return None
    low, high = _ratio(missed, found)
    value = found.value / (found.value + missed.value)
    return Estimate(value, 1 / (1 + high), 1 / (1 + low), missed.n)


def scaled(estimate: Estimate, by: float) -> Estimate:
    """As many times a share as there are."""
    return Estimate(estimate.value * by, estimate.low * by, estimate.high * by, estimate.n)


def _ratio(above: Estimate, below: Estimate) -> tuple[float, float]:
    """Bounds of one number over another."""
    product = above.value * below.value
    narrow, wide = below.low * (2 * below.value - below.low), below.high * (2 * below.value - below.high)
    if wide > 0:
        root = product**2 - above.low * (2 * above.value - above.low) * wide
        low = (product - sqrt(max(root, 0.0))) / wide
    else:
        low = above.low / below.high if below.high else inf
    if narrow <= 0:
        return max(low, 0.0), inf
    root = product**2 - above.high * (2 * above.value - above.high) * narrow
    return max(low, 0.0), (product + sqrt(max(root, 0.0))) / narrow


def _chi_square(freedom: float, z: float) -> float:
    """Quantile of chi square with so many degrees of freedom, by Wilson and Hilferty's cube."""
    part = 2 / (9 * freedom)
    return float(freedom * max(0.0, 1 - part + z * sqrt(part)) ** 3)
