"""What is known of each rule: how often it found something, how often that was right, and what it missed.

Hits come from the rollups. Precision is of the findings that reviewers judged. What was missed is estimated from the
traces of review queues: reviewers look at each of them whole, and each was drawn with a known share.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, func, select

from proxy.agreement import pairwise
from proxy.estimates import Estimate, recall, scaled, share, total, was_right
from proxy.store.db import Store
from proxy.store.deadline import Timed, timed
from proxy.store.filter_fields import standing
from proxy.store.groups import group_id
from proxy.store.rollups import HOUR_US
from proxy.store.tables import ANNOTATION, FINDING
from proxy.store.tables_review import ASSIGNMENT, ITEM
from proxy.store.tables_rollups import ROLLUP_RULE

DAY_US = 24 * HOUR_US
WITHIN_S = 2.0
"""Seconds that the figures may take."""
MOST = 100_000
"""Judgements, and traces of queues, that are read at most: the newest."""


@dataclass(frozen=True, slots=True)
class Precision:
    """How often some findings were right."""

    judged: int
    """Findings on which reviewers came to a verdict."""
    estimate: Estimate | None
    """Share of those that were right; None for too few."""


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """What is known of one rule."""

    rule: str
    findings: int
    """In all traffic of the time."""
    trend: tuple[int, ...]
    """The same by day, the oldest first; the last day may not be over."""
    judged: int
    """Findings on which reviewers came to a verdict."""
    precision: Estimate | None
    """Share of those that were right; None for too few."""
    missed: Estimate | None
    """How many of the rule's kinds got through since the first sampled trace; None for too few sampled traces."""
    recall: Estimate | None
    """Share of what there was that the rule found, of the same time; None where one of the two is not known."""
    agreement: float | None
    """Share of the pairs of reviewers that said the same of a finding; None where no two judged one."""
    sampled: int = 0
    """Traces of review queues that were looked at."""
    kinds: Mapping[str, int] = field(default_factory=dict)
    """Findings by kind."""
    groups: Mapping[str, Precision] = field(default_factory=dict)
    """Precision of those groups of its findings of which some were judged, by the group's id."""


@dataclass(slots=True)
class _Judged:
    """One finding, as its reviewers saw it."""

    rule: str
    group: str
    """Id of its group of findings."""
    verdicts: list[str]
    decided: str | None = None
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class _Sample:
    """The traces of queues that were looked at."""

    shares: Mapping[str, float]
    """Share of traces like it that were looked at, by trace."""
    missed: Mapping[str, Mapping[str, int]]
    """How many of each kind were missed, by kind and trace."""
    first_us: int
    last_us: int


def figures(store: Store, tenant: str | None, since_us: int, within_s: float = WITHIN_S) -> list[RuleFigures]:
    """Every rule that found something since the day of a moment, the most findings first. Raises Late."""
    since_us -= since_us % DAY_US
    with timed(store, within_s) as clock:
        found = _found(clock, tenant, since_us)
        judged = _judged(clock, tenant, since_us)
        sample = _sample(clock, tenant, since_us)
        beside = {} if sample is None else _counts(clock, tenant, sample)
    by_rule: dict[str, list[_Judged]] = defaultdict(list)
    for each in judged:
        by_rule[each.rule].append(each)
    days = max((day for kinds in found.values() for trend in kinds.values() for day in trend), default=0)
    first = since_us // DAY_US
    told = [
        _figures(rule, kinds, by_rule[rule], sample, beside.get(rule, 0), range(first, max(days, first) + 1))
        for rule, kinds in found.items()
    ]
    return sorted(told, key=lambda one: (-one.findings, one.rule))


def group_precision(
    store: Store, group: tuple[str, str, str], since_us: int, within_s: float = WITHIN_S
) -> Precision:
    """How often the findings of a group (tenant, rule and kind) were right, as `figures` tells it. Raises Late."""
    tenant, rule, entity = group
    since_us -= since_us % DAY_US
    with timed(store, within_s) as clock:
        return _precision(
            _judged(clock, tenant, since_us, FINDING.c.rule == rule, FINDING.c.entity == entity)
        )


def _precision(judged: Iterable[_Judged]) -> Precision:
    sides = [(was_right(each.verdicts, each.decided), each.share) for each in judged]
    settled = [(right, drawn) for right, drawn in sides if right is not None]
    return Precision(len(settled), share(settled))


def _figures(
    rule: str,
    kinds: Mapping[str, Mapping[int, int]],
    judged: Sequence[_Judged],
    sample: _Sample | None,
    beside: int,
    days: range,
) -> RuleFigures:
    told = _precision(judged)
    precision = told.estimate
    groups: dict[str, list[_Judged]] = defaultdict(list)
    for each in judged:
        groups[each.group].append(each)
    missed = None
    if sample is not None:
        counts: dict[str, int] = defaultdict(int)
        for kind in kinds:
            for span, times in sample.missed.get(kind, {}).items():
                counts[span] += times
        missed = total([(counts.get(span, 0), drawn) for span, drawn in sample.shares.items()])
    known = None if precision is None or missed is None else recall(scaled(precision, beside), missed)
    trend = tuple(sum(kind.get(day, 0) for kind in kinds.values()) for day in days)
    return RuleFigures(
        rule=rule,
        findings=sum(trend),
        trend=trend,
        judged=told.judged,
        precision=precision,
        missed=missed,
        recall=known,
        agreement=pairwise([each.verdicts for each in judged]),
        sampled=0 if sample is None else len(sample.shares),
        kinds={kind: sum(trend.values()) for kind, trend in sorted(kinds.items())},
        groups={group: _precision(some) for group, some in groups.items()},
    )


def _found(clock: Timed, tenant: str | None, since_us: int) -> dict[str, dict[str, dict[int, int]]]:
    """Findings by rule, kind and day."""
    table = ROLLUP_RULE
    day = (table.c.hour_us - table.c.hour_us % DAY_US).label("day")
    query = (
        select(table.c.rule, table.c.entity, day, func.sum(table.c.findings).label("times"))
        .where(table.c.hour_us >= since_us - since_us % DAY_US, *_of(tenant, table))
        .group_by(table.c.rule, table.c.entity, day)
    )
    found: dict[str, dict[str, dict[int, int]]] = defaultdict(lambda: defaultdict(dict))
    for row in clock.rows(query):
        found[row["rule"]][row["entity"]][row["day"] // DAY_US] = int(row["times"])
    return found


def _judged(
    clock: Timed, tenant: str | None, since_us: int, *which: ColumnElement[bool]
) -> Iterable[_Judged]:
    """The findings that reviewers judged since then."""
    decides = and_(
        ASSIGNMENT.c.item_id == ANNOTATION.c.item_id,
        ASSIGNMENT.c.place == -1,
        ASSIGNMENT.c.reviewer == ANNOTATION.c.author,
        ASSIGNMENT.c.state == "submitted",
    )
    query: Select[Any] = (
        select(
            ANNOTATION.c.span_id, ANNOTATION.c.finding, ANNOTATION.c.verdict, ANNOTATION.c.tenant,
            FINDING.c.rule, FINDING.c.entity, ITEM.c.share, ASSIGNMENT.c.place,
        )
        .join(FINDING, and_(FINDING.c.span_id == ANNOTATION.c.span_id, FINDING.c.seq == ANNOTATION.c.finding))
        .outerjoin(ITEM, ITEM.c.id == ANNOTATION.c.item_id)
        .outerjoin(ASSIGNMENT, decides)
        .where(ANNOTATION.c.id >= _id_at(since_us), standing(), *_of(tenant, ANNOTATION), *which)
        .order_by(ANNOTATION.c.id.desc())
        .limit(MOST)
    )  # fmt: skip
    things: dict[tuple[str, int], _Judged] = {}
    for row in clock.rows(query):
        group = group_id(row["tenant"], row["rule"], row["entity"])
        thing = things.setdefault((row["span_id"], row["finding"]), _Judged(row["rule"], group, []))
        if row["place"] is not None:
            thing.decided = row["verdict"]
        else:
            thing.verdicts.append(row["verdict"])
        # Outside of a queue somebody chose it: it stands for itself alone.
        thing.share = max(thing.share, 1.0 if row["share"] is None else row["share"])
    return things.values()


def _sample(clock: Timed, tenant: str | None, since_us: int) -> _Sample | None:
    """The traces of queues since then; None when nobody has looked at any."""
    counted = select(
        ITEM.c.queue_id,
        func.count().label("taken"),
        func.count().filter(ITEM.c.submitted > 0).label("seen"),
    )
    inside = (ITEM.c.started_us >= since_us, *_of(tenant, ITEM))
    rates = {
        row["queue_id"]: row["seen"] / row["taken"]
        for row in clock.rows(counted.where(*inside).group_by(ITEM.c.queue_id))
    }
    looked = select(ITEM.c.span_id, ITEM.c.queue_id, ITEM.c.share, ITEM.c.started_us)
    looked = looked.where(*inside, ITEM.c.submitted > 0).order_by(ITEM.c.started_us.desc()).limit(MOST)
    shares: dict[str, float] = {}
    times = []
    for row in clock.rows(looked):
        drawn = min(1.0, row["share"] * rates[row["queue_id"]])
        shares[row["span_id"]] = max(shares.get(row["span_id"], 0.0), drawn)
        times.append(row["started_us"])
    if not times:
        return None
    return _Sample(shares, _missed(clock, tenant, since_us, shares), min(times), max(times))


def _missed(
    clock: Timed, tenant: str | None, since_us: int, shares: Mapping[str, float]
) -> dict[str, dict[str, int]]:
    """Marked places by kind and trace; what two reviewers marked in the same place counts once."""
    columns = ("span_id", "entity", "side", "pointer", "within", "start", "end")
    query = (
        select(*(ANNOTATION.c[name] for name in columns))
        .where(ANNOTATION.c.verdict == "missed", ANNOTATION.c.start.is_not(None))
        .where(ANNOTATION.c.id >= _id_at(since_us), ANNOTATION.c.item_id.is_not(None))
        .where(standing(), *_of(tenant, ANNOTATION))
        .order_by(ANNOTATION.c.start)
        .limit(MOST)
    )
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    ends: dict[tuple[Any, ...], int] = {}
    for row in clock.rows(query):
        place = tuple(row[name] for name in columns[:5])
        if row["span_id"] in shares and row["entity"] is not None and row["start"] >= ends.get(place, 0):
            found[row["entity"]][row["span_id"]] += 1
        ends[place] = max(ends.get(place, 0), row["end"])
    return found


def _counts(clock: Timed, tenant: str | None, sample: _Sample) -> dict[str, int]:
    """Findings by rule in the hours from which traces were sampled."""
    table = ROLLUP_RULE
    first = sample.first_us - sample.first_us % HOUR_US
    query = (
        select(table.c.rule, func.sum(table.c.findings).label("times"))
        .where(table.c.hour_us >= first, table.c.hour_us <= sample.last_us, *_of(tenant, table))
        .group_by(table.c.rule)
    )
    return {row["rule"]: int(row["times"]) for row in clock.rows(query)}


def _of(tenant: str | None, table: Table) -> list[ColumnElement[bool]]:
    return [] if tenant is None else [table.c.tenant == tenant]


def _id_at(at_us: int) -> str:
    """The first id of a moment: ids begin with their milliseconds."""
    return f"{max(at_us, 0) // 1000:012x}"
