"""How a filter's traces divide, field by field: counts over the newest of them, in one query, in time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import case, select

from proxy.store.blindness import told_to
from proxy.store.db import Store
from proxy.store.deadline import timed
from proxy.store.filter_fields import reviewed, standing
from proxy.store.filters import EVERYTHING, Filter
from proxy.store.scan import Asked, first
from proxy.store.sql import gathered
from proxy.store.tables import ANNOTATION, SPAN, TOOL_CALL

FACETS_S = 0.2
"""Seconds that counting may take."""
SAMPLE = 5_000
"""The newest traces of a filter that are counted; more make the counts approximate."""
SHOWN = 12
"""Values of one field that are told, the most frequent first."""

_COLUMNS = {
    "outcome": SPAN.c.outcome,
    "action": SPAN.c.action,
    "policy": SPAN.c.policy,
    "model": SPAN.c.model,
    "team": SPAN.c.team,
    "provider": SPAN.c.provider,
    "run_source": SPAN.c.run_source,
    "prompt": SPAN.c.prompt,
    "deployment": SPAN.c.deployment,
}
_LISTS = {"rule": SPAN.c.rules, "entity": SPAN.c.entities}
FACETS = (*_COLUMNS, *_LISTS, "tool", "reviewed", "verdict")
"""The fields that are counted, as filters name them."""


@dataclass(frozen=True, slots=True)
class Facets:
    """Counts over the newest traces of a filter."""

    matches: int
    """How many traces were counted."""
    approximate: bool
    """Whether the filter has more, older ones, or the time was over."""
    counts: dict[str, list[tuple[str, int]]]
    """By field: values that it has, with the number of traces, the most frequent first."""


def facets(store: Store, filter: Filter = EVERYTHING) -> Facets:
    """How the traces of a filter divide. Raises FilterError for a filter that the store cannot answer."""
    asked = Asked(filter, store.key, store.search)
    with timed(store, FACETS_S) as clock:
        found = first(clock, asked, _query(filter.reader), SAMPLE + 1)
    rows = found.rows[:SAMPLE]
    counts = {name: _most(_values(name, rows)) for name in FACETS}
    return Facets(len(rows), found.partial or len(found.rows) > SAMPLE, counts)


def _query(reader: str | None) -> Any:
    tools = select(gathered(TOOL_CALL.c.name)).where(TOOL_CALL.c.span_id == SPAN.c.id).scalar_subquery()
    judged = (ANNOTATION.c.span_id == SPAN.c.id, standing(), told_to(reader))
    verdicts = select(gathered(ANNOTATION.c.verdict)).where(*judged)
    return select(
        *(column.label(name) for name, column in (_COLUMNS | _LISTS).items()),
        case((SPAN.c.tool_calls > 0, tools)).label("tool"),
        case((reviewed(reader), verdicts.scalar_subquery())).label("verdict"),
    )


def _values(name: str, rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A field's values, one for each trace that has it."""
    if name == "reviewed":
        yield from ("false" if row["verdict"] is None else "true" for row in rows)
    elif name in _COLUMNS:
        yield from (row[name] for row in rows if row[name])
    else:
        for told, times in Counter(row[name] for row in rows if row[name] and row[name] != "[]").items():
            for value in orjson.loads(told):
                yield from (value for _ in range(times))


def _most(values: Iterator[str]) -> list[tuple[str, int]]:
    counted = Counter(values)
    return sorted(counted.items(), key=lambda each: (-each[1], each[0]))[:SHOWN]
