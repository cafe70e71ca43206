"""The numbers at the top of the overview: what each is, how it changed, and where it leads. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from proxy.eval_scores import number
from proxy.review import words
from proxy.review.drawing import Spark, spark
from proxy.review.session import HOME
from proxy.store.periods import Period
from proxy.store.rule_figures import RuleFigures

_SAME = 0.005
"""A change of less than this share is none."""


@dataclass(frozen=True, slots=True)
class Change:
    """How a number differs from the one before."""

    words: str
    tone: str = ""
    """`better` or `worse`, where that can be said."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One number."""

    title: str
    value: str
    path: str
    """The list that it counts."""
    unit: str = ""
    change: Change | None = None
    note: str = ""
    tone: str = "blue"
    spark: Spark | None = None
    known: bool = True
    """False: `value` says why there is no number."""


@dataclass(frozen=True, slots=True)
class Missed:
    """How many findings got through, as reviewers' samples tell."""

    value: float
    low: float
    high: float
    n: int
    """Traces that were looked at for it."""


def missed_by(rules: Iterable[RuleFigures]) -> Missed | None:
    """What all rules together missed. Bounds are added up too, which is wider than it has to be, never narrower."""
    known = [each.missed for each in rules if each.missed is not None]
    if not known:
        return None
    value, low, high = (sum(getattr(each, name) for each in known) for name in ("value", "low", "high"))
    return Missed(value, low, high, max(each.n for each in known))


def listed(filter: str) -> str:
    """The queue's address with a filter."""
    return f"{HOME}?{urlencode({'q': filter}, errors='replace')}"


def tiles(
    now: Period,
    before: Period,
    series: Mapping[str, Mapping[str, Any]],
    since: str,
    ago: str,
    missed: Missed | None,
) -> list[Tile]:
    """Requests, what guardrails stopped, what they missed, latency, cost.

    Args:
        before: the same stretch of time, earlier.
        series: the charts of the page, by name.
        since: how far back, as a filter has it.
        ago: what the earlier time is called.
    """
    by_outcome = {one["name"]: one["values"] for one in series["requests"]["series"]}
    total = [sum(values) for values in zip(*by_outcome.values(), strict=True)]
    stopped = [
        sum(v)
        for v in zip(*(by_outcome.get(n, [0] * len(total)) for n in ("blocked", "masked")), strict=True)
    ]
    shares = [part / all if all else None for part, all in zip(stopped, total, strict=True)]
    slow: list[float | None] = next(
        (one["values"] for one in series["latency"]["series"] if one["name"] == "p95"), []
    )
    slowest = f"{(now.p95_us or 0) / 1e6:.3f}s"
    spent = series["cost"]["series"][0]["values"] if series["cost"]["series"] else []
    return [
        Tile(
            "Requests", words.count(now.requests), listed(f"shadow:false since:{since}"),
            change=times(now.requests, before.requests, ago), spark=spark(total),
        ),
        _stopped(now, before, since, ago, shares),
        _missed(missed, since),
        Tile(
            "Latency, p95", words.duration(now.p95_us), listed(f"shadow:false duration>={slowest} since:{since}"),
            change=times(now.p95_us, before.p95_us, ago, less_is_better=True), tone="teal", spark=spark(slow),
            known=now.p95_us is not None,
        ),
        _cost(now, before, since, ago, spent),
    ]  # fmt: skip


def times(
    now: float | None, before: float | None, ago: str, *, less_is_better: bool = False
) -> Change | None:
    """A change as a share of what was before."""
    if now is None:
        return None
    if not before:
        return Change(f"none {ago}")
    share = now / before - 1
    if abs(share) < _SAME:
        return Change(f"as {ago}")
    tone = ("better" if share < 0 else "worse") if less_is_better else ""
    return Change(f"{_signed(share * 100)} % on {ago}", tone)


def points(now: float, before: float | None, ago: str) -> Change:
    """A change of a share, in points of a hundred."""
    if before is None:
        return Change(f"no requests {ago}")
    change = (now - before) * 100
    if abs(change) < 0.05:
        return Change(f"as {ago}")
    return Change(f"{words.decimal(change, 1, signed=True)} points on {ago}")


def _stopped(now: Period, before: Period, since: str, ago: str, shares: Sequence[float | None]) -> Tile:
    path = listed(f"outcome:blocked,masked shadow:false since:{since}")
    if not now.requests:
        return Tile("Blocked or masked", words.NOTHING, path, known=False)
    share = now.stopped / now.requests
    earlier = before.stopped / before.requests if before.requests else None
    return Tile(
        "Blocked or masked", words.decimal(share * 100, 1), path, unit="%", change=points(share, earlier, ago),
        note=" and ".join(f"{words.count(now.outcomes.get(name, 0))} {name}" for name in ("blocked", "masked")),
        tone="violet", spark=spark(shares),
    )  # fmt: skip


def _missed(missed: Missed | None, since: str) -> Tile:
    path = listed(f"verdict:missed since:{since}")
    if missed is None:
        note = "Reviewers have to look at a sample of what passed first."
        return Tile("Missed, estimated", "not measured", f"{HOME}/queues", note=note, known=False)
    return Tile(
        "Missed, estimated", words.count(missed.value), path, unit="findings",
        change=Change(f"95 %: {words.count(missed.low)} to {words.count(missed.high)}"),
        note=f"from {words.count(missed.n)} traces that were looked at",
    )  # fmt: skip


def _cost(now: Period, before: Period, since: str, ago: str, spent: Sequence[Any]) -> Tile:
    path = listed(f"cost>0 shadow:false since:{since}")
    if now.no_cost and now.no_cost == now.requests:
        return Tile("Cost", "not known", path, note="No price is known for these models.", known=False)
    note = f"without {words.count(now.no_cost)} of unknown cost" if now.no_cost else ""
    return Tile(
        "Cost", dollars(now.cost_nanousd), path, change=times(now.cost_nanousd, before.cost_nanousd, ago),
        note=note, tone="green", spark=spark(spent),
    )  # fmt: skip


def dollars(nano: Any) -> str:
    """US dollars, as many decimals as there is something to see."""
    known = number(nano)
    if known is None:
        return words.NOTHING
    value = known / 1e9
    return f"${value:,.2f}" if value >= 1 or not value else f"${value:.3g}"


def _signed(percent: float) -> str:
    return (
        f"{percent:+,.0f}".replace("-", "−") if abs(percent) >= 10 else words.decimal(percent, 1, signed=True)
    )
