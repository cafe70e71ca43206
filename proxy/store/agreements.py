"""How far reviewers agree: by pairs of them, by queue, by rule. Counts what was submitted for items, and nothing else.

What is compared is one verdict: on a trace, or on one finding. The two are counted apart, as they have no word in
common: together they would agree better than either. Adjudicators are no reviewers, and a reviewer who says nothing of
a finding is missing there, not of another opinion.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from sqlalchemy import Connection, select

from proxy.agreement import cohen_kappa, krippendorff_alpha, pairwise
from proxy.store.adjudication import FINDING, MISSED, TRACE, labels
from proxy.store.db import Store
from proxy.store.tables import FINDING as FINDING_TABLE
from proxy.store.tables_review import ITEM, QUEUE

MOST_ITEMS = 5_000
"""The newest items that are counted."""
FINDINGS, TRACES = "findings", "traces"
"""What verdicts can be on."""
_AT_ONCE = 250


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far any number of reviewers agree on traces or on findings of a queue, or on findings of a rule."""

    name: str
    on: str
    """FINDINGS or TRACES."""
    items: int
    """Items with more than one verdict on one of those."""
    verdicts: int
    """Traces or findings that more than one of them judged."""
    share: float | None
    """Pairs of verdicts that are equal."""
    alpha: float | None
    """Krippendorff's alpha; None where nothing can be compared, or one verdict alone was ever given."""


@dataclass(frozen=True, slots=True)
class Pair:
    """How far two reviewers agree on traces, or on findings."""

    first: str
    second: str
    on: str
    """FINDINGS or TRACES."""
    items: int
    verdicts: int
    share: float | None
    kappa: float | None
    """Cohen's kappa; None where both always gave one and the same verdict."""


@dataclass(frozen=True, slots=True)
class Agreements:
    """All of it."""

    queues: Sequence[Agreement]
    rules: Sequence[Agreement]
    pairs: Sequence[Pair]
    more: bool
    """Whether there are older items, which are not counted."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One trace or finding of an item, and what each reviewer says of it."""

    item_id: str
    queue: str
    on: str
    """FINDINGS or TRACES."""
    rule: str | None
    said: Mapping[str, str]
    """Verdicts by reviewer."""


def agreements(store: Store, tenant: str | None = None, since_us: int = 0) -> Agreements:
    """How far reviewers agree on a tenant's newest items, of those put into queues since a moment."""
    query = (
        select(ITEM.c.id, ITEM.c.span_id, QUEUE.c.name)
        .join(QUEUE, QUEUE.c.id == ITEM.c.queue_id)
        .where(ITEM.c.submitted > 1, ITEM.c.created_us >= since_us)
    )
    if tenant is not None:
        query = query.where(ITEM.c.tenant == tenant)
    newest = query.order_by(ITEM.c.created_us.desc(), ITEM.c.id).limit(MOST_ITEMS + 1)
    with store.read() as connection:
        rows = connection.execute(newest).all()
        judged = _all(connection, rows[:MOST_ITEMS])
    return Agreements(
        queues=_by([(one.queue, one) for one in judged]),
        rules=_by([(one.rule, one) for one in judged if one.rule is not None]),
        pairs=_pairs(judged),
        more=len(rows) > MOST_ITEMS,
    )


def by_queue(connection: Connection, items: Sequence[Any]) -> dict[str, list[Agreement]]:
    """How far reviewers agree on some items, rows with `id`, `span_id` and `name`: by that name."""
    found: dict[str, list[Agreement]] = defaultdict(list)
    for each in _by((one.queue, one) for one in _all(connection, items)):
        found[each.name].append(each)
    return found


def _all(connection: Connection, rows: Sequence[Any]) -> list[Judged]:
    judged: list[Judged] = []
    for first in range(0, len(rows), _AT_ONCE):
        some = {row.id: (row.name, row.span_id) for row in rows[first : first + _AT_ONCE]}
        judged += _judged(connection, some)
    return judged


def _judged(connection: Connection, items: Mapping[str, tuple[str, str]]) -> Iterator[Judged]:
    """What is compared of some items, given as queue and trace by their id."""
    spans = [span_id for _, span_id in items.values()]
    table = FINDING_TABLE
    query = select(table.c.span_id, table.c.seq, table.c.rule).where(table.c.span_id.in_(spans))
    rules = {(row.span_id, row.seq): row.rule for row in connection.execute(query)}
    for id, by_reviewer in labels(connection, [*items]).items():
        queue, span_id = items[id]
        said: dict[str, dict[str, str]] = defaultdict(dict)
        for reviewer, verdicts in by_reviewer.items():
            for what, verdict in verdicts.items():
                if what != MISSED:
                    said[what][reviewer] = verdict
        for what, each in said.items():
            number = what.removeprefix(FINDING) if what.startswith(FINDING) else ""
            rule = rules.get((span_id, int(number))) if number else None
            if len(each) > 1:
                yield Judged(id, queue, TRACES if what == TRACE else FINDINGS, rule, each)


def _by(named: Iterable[tuple[str, Judged]]) -> list[Agreement]:
    """Agreement by name and by what verdicts are on."""
    grouped: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for name, one in named:
        grouped[name, one.on].append(one)
    return [
        Agreement(
            name=name,
            on=on,
            items=len({one.item_id for one in some}),
            verdicts=len(some),
            share=pairwise([[*one.said.values()] for one in some]),
            alpha=krippendorff_alpha([[*one.said.values()] for one in some]),
        )
        for (name, on), some in sorted(grouped.items())
    ]


def _pairs(judged: Sequence[Judged]) -> list[Pair]:
    """By how many verdicts they share, the most first."""
    both: dict[tuple[str, str, str], list[Judged]] = defaultdict(list)
    for one in judged:
        for first, second in combinations(sorted(one.said), 2):
            both[first, second, one.on].append(one)
    pairs = []
    for (first, second, on), some in both.items():
        verdicts = [(one.said[first], one.said[second]) for one in some]
        items = len({one.item_id for one in some})
        pairs.append(Pair(first, second, on, items, len(some), pairwise(verdicts), cohen_kappa(verdicts)))
    return sorted(pairs, key=lambda pair: (-pair.verdicts, pair.first, pair.second, pair.on))
