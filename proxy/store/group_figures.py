"""What is told of one group: how it divides, its commonest values by fingerprint, and what was said of them.

Rule, side, action and policy are counted in the rollups. What only traces know is counted over the newest of them,
within a deadline, and said to be so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, func, select

from proxy.store.blindness import told_to
from proxy.store.db import Store
from proxy.store.deadline import Late, Timed, timed
from proxy.store.filter_fields import standing
from proxy.store.filters import between, of
from proxy.store.groups import Group
from proxy.store.scan import Asked, first
from proxy.store.tables import ANNOTATION, FINDING, SPAN
from proxy.store.tables_rollups import ROLLUP_RULE as RULE

FIGURES_S = 0.4
"""Seconds that telling them may take."""
SAMPLE = 1_000
"""The newest traces of a group that are looked at."""
MOST_FINDINGS = 20_000
"""Their findings that are looked at."""
SHOWN = 10
"""Values of one field that are told, the most frequent first."""
NEWEST = 10
_COUNTED = ("side", "action", "mode", "policy")
_OF_TRACES = ("model", "team", "key_id")
_AT_ONCE = 500

Counts = list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Value:
    """One found value, known by its fingerprint alone."""

    fingerprint: str
    findings: int
    verdicts: Mapping[str, int]
    """What stands of what was said of its findings."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How a group divides."""

    counts: dict[str, Counts] = field(default_factory=dict)
    """Findings by `side`, `action`, `mode` and `policy`; traces by `model`, `team` and `key_id`."""
    values: list[Value] = field(default_factory=list)
    verdicts: dict[str, int] = field(default_factory=dict)
    """What stands of what was said of the findings that were looked at."""
    newest: list[dict[str, Any]] = field(default_factory=list)
    """Traces: id, started_us, outcome, model and preview."""
    sampled: int = 0
    """Traces that were looked at."""
    approximate: bool = False
    """Whether there are more, or the time was over."""


def figures(store: Store, group: Group, since_us: int, reader: str | None = None) -> Figures:
    """The figures of a group since a moment, as a reader may know them; None: whoever sees all."""
    found = Figures()
    filter = of(tenant=group.tenant, rule=group.rule, entity=group.entity, shadow=False) + between(
        since_us, None
    )
    columns = (
        SPAN.c.id,
        SPAN.c.started_us,
        SPAN.c.outcome,
        SPAN.c.preview,
        SPAN.c.model,
        SPAN.c.team,
        SPAN.c.key_id,
    )
    with timed(store, FIGURES_S) as clock:
        try:
            found.counts.update({name: _counted(clock, group, name, since_us) for name in _COUNTED})
            sample = first(clock, Asked(filter, store.key, store.search), select(*columns), SAMPLE + 1)
        except Late:
            return _with(found, approximate=True)
        rows = sample.rows[:SAMPLE]
        found.counts.update({name: _most(row[name] for row in rows if row[name]) for name in _OF_TRACES})
        found.newest.extend(rows[:NEWEST])
        approximate = sample.partial or len(sample.rows) > SAMPLE
        try:
            cut = _values(clock, group, [row["id"] for row in rows], found, reader)
        except Late:
            cut = True
    return _with(found, sampled=len(rows), approximate=approximate or cut)


def _with(found: Figures, **over: Any) -> Figures:
    values = {name: getattr(found, name) for name in found.__slots__}
    return Figures(**{**values, **over})


def _counted(clock: Timed, group: Group, name: str, since_us: int) -> Counts:
    """Findings by a column of the rollups."""
    column, times = RULE.c[name], func.sum(RULE.c.findings)
    own = (RULE.c.tenant == group.tenant, RULE.c.rule == group.rule, RULE.c.entity == group.entity)
    query = select(column.label("value"), times.label("n")).where(*own, RULE.c.hour_us >= since_us)
    rows = clock.rows(query.group_by(column).order_by(times.desc(), column).limit(SHOWN))
    return [(row["value"], int(row["n"])) for row in rows]


def _values(clock: Timed, group: Group, ids: Sequence[str], found: Figures, reader: str | None) -> bool:
    """Fill in the commonest values, and what was said; whether not every finding was looked at."""
    times: Counter[str] = Counter()
    said: dict[str, Counter[str]] = {}
    seen = 0
    for place in range(0, len(ids), _AT_ONCE):
        some = ids[place : place + _AT_ONCE]
        alike = (FINDING.c.span_id.in_(some), FINDING.c.rule == group.rule, FINDING.c.entity == group.entity)
        query = select(FINDING.c.fingerprint, func.count().label("n")).where(*alike)
        for row in clock.rows(query.group_by(FINDING.c.fingerprint).limit(MOST_FINDINGS - seen)):
            times[row["fingerprint"]] += row["n"]
            seen += 1
        same = and_(ANNOTATION.c.span_id == FINDING.c.span_id, ANNOTATION.c.finding == FINDING.c.seq)
        told = select(FINDING.c.fingerprint, ANNOTATION.c.verdict, func.count().label("n"))
        told = told.select_from(FINDING).join(ANNOTATION, same).where(*alike, standing(), told_to(reader))
        for row in clock.rows(told.group_by(FINDING.c.fingerprint, ANNOTATION.c.verdict)):
            said.setdefault(row["fingerprint"], Counter())[row["verdict"]] += row["n"]
        if seen >= MOST_FINDINGS:
            break
    every: Counter[str] = sum(said.values(), Counter[str]())
    found.verdicts.update(every)
    found.values.extend(
        Value(print, n, dict(said.get(print, {}))) for print, n in times.most_common(SHOWN) if print
    )
    return seen >= MOST_FINDINGS


def _most(values: Iterable[str]) -> Counts:
    counted = Counter(values)
    return sorted(counted.items(), key=lambda each: (-each[1], each[0]))[:SHOWN]
