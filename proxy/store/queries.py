"""Every read, and every write but the traces' own: one named function each. Synchronous."""

from __future__ import annotations

import hashlib
import re
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, func, select, tuple_

from proxy.eval_scores import n_unstable, tokens
from proxy.store import bodies, filter_values, rows
from proxy.store.audit import CLI, Act, note
from proxy.store.blindness import hidden_from
from proxy.store.comments import About, comments_on
from proxy.store.data_keys import Shredded
from proxy.store.db import Store
from proxy.store.deadline import Late, Timed, timed
from proxy.store.filter_fields import reviewed
from proxy.store.filters import EVERYTHING, Filter, between, where
from proxy.store.reading import read_many
from proxy.store.scan import FIRST_ID, ORDER, Asked, first
from proxy.store.tables import RUN, SPAN

MOST = 200
"""The longest page."""
_CURSOR = re.compile(r"(\d{1,18})\.([0-9A-Za-z_.:-]{1,128})", re.ASCII)
LIST_S = 0.5
"""Seconds that a list may take; what was found until then is the answer."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, newest first, and where the next page starts."""

    items: list[dict[str, Any]]
    next: str | None
    """Cursor to give as `before`; None on the last page."""
    partial: bool = False
    """Whether the time was over before the page was full: `next` goes on from there."""


class QueryError(ValueError):
    """A value that a query does not take. The message says which one and what it takes."""


def moment(name: str, text: str) -> int:
    """Microseconds UTC of an RFC 3339 time, or of an age (`24h` ago). Raises QueryError for anything else."""
    us = filter_values.moment(text, time.time_ns() // 1000)
    if us is None:
        raise QueryError(f"{name} takes an RFC 3339 time with zone, or an age such as 24h or 7d.")
    return us


_TOP = "999999999999999999.z"
"""The cursor that stands before every trace."""


def list_spans(
    store: Store,
    filter: Filter = EVERYTHING,
    limit: int = 50,
    before: str | None = None,
    within_s: float = LIST_S,
) -> Page:
    """Traces newest first: each the span's columns, with `rules` and `entities` as lists and `reviewed`.

    At most 200 a page; fewer, and marked, when more are not found within `within_s` seconds. Raises QueryError for a
    limit or cursor that is none, FilterError for a filter that the store cannot answer.
    """
    _check_limit(limit)
    place = None if before is None else cursor("before", before)
    asked = Asked(filter, store.key, store.search, place)
    with timed(store, within_s) as clock:
        found = first(clock, asked, select(SPAN, reviewed(filter.reader).label("reviewed")), limit + 1)
    items = [rows.summary(span) for span in found.rows[:limit]]
    if len(found.rows) > limit:
        return Page(items, f"{items[-1]['started_us']}.{items[-1]['id']}")
    if found.partial:
        on = before or _TOP if found.searched_to is None else f"{found.searched_to}.{FIRST_ID}"
        return Page(items, on, partial=True)
    return Page(items, None)


def cursor(name: str, text: str) -> tuple[int, str]:
    """The place that a cursor means. Raises QueryError, naming the parameter, when it is none."""
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise QueryError(f"{name} is not a cursor. Take it from `next` of the page before.")
    return int(match[1]), match[2]


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MOST:
        raise QueryError(f"limit is {limit}. It takes 1 to {MOST}.")


def page_of(store: Store, query: Select[Any], order: tuple[Any, Any], limit: int, before: str | None) -> Page:
    """Rows newest first, by two columns of theirs, from a cursor on. Raises QueryError."""
    _check_limit(limit)
    if before is not None:
        query = query.where(tuple_(*order) < tuple_(*cursor("before", before)))
    query = query.order_by(*(column.desc() for column in order)).limit(limit + 1)
    with store.read() as connection:
        found = [dict(row) for row in connection.execute(query).mappings()]
    items = found[:limit]
    more = len(found) > limit
    return Page(items, f"{items[-1][order[0].name]}.{items[-1][order[1].name]}" if more else None)


def get_trace(
    store: Store, id: str, tenant: str | None = None, reader: str | None = None
) -> dict[str, Any] | None:
    """The trace document, with `reviews`; None when there is no such trace, or it is not of the tenant asked for.

    `reader`: who asks; then it has `comments` too, and `blind`: whether a blind review keeps from them what others
    said, so that only their own judgements and comments are in it.
    """
    with store.read() as connection:
        span = connection.execute(select(SPAN).where(SPAN.c.id == id)).mappings().first()
        if span is None or tenant not in (None, span["tenant"]):
            return None
        trace = read_many(connection, store.keys, [dict(span)])[0]
        if reader is not None:
            trace["blind"] = bool(hidden_from(connection, [id], reader))
            authors = [reader] if trace["blind"] else None
            trace["comments"] = comments_on(connection, About(span_id=id), None, authors)
            if trace["blind"]:
                trace["reviews"] = [each for each in trace["reviews"] if each["author"] == reader]
        return trace


def save_run(store: Store, run: dict[str, Any], tenant: str = "default", actor: str = CLI) -> bool:
    """Keep a run document; False when a run with its id is already there, which then stays as it is."""
    now, packed = time.time_ns() // 1000, zlib.compress(bodies.encode(run), 6)
    key_id, document = store.keys.encrypt("content", now, f"run/{run['id']}", packed)
    row = {
        "id": run["id"],
        "tenant": tenant,
        "received_us": now,
        "created_at": run["created_at"],
        "suite": run["suite"],
        "head": head_of(run),
        "items": len(run["items"]),
        "document": document,
        "key_id": key_id,
    }
    with store.begin() as connection:
        there = connection.execute(select(RUN.c.id).where(RUN.c.id == row["id"])).first()
        connection.execute(store.insert_or_ignore(RUN), [row])
        if there is None:
            told = {
                "suite": row["suite"],
                "items": row["items"],
                "sha256": hashlib.sha256(packed).hexdigest(),
            }
            note(connection, Act(actor, "run.publish", row["id"], told, tenant))
    return there is None


def head_of(run: Mapping[str, Any]) -> str:
    """JSON of a run document without its items, with what a list needs of them: `n_unstable` and `tokens`."""
    head = {name: value for name, value in run.items() if name != "items"}
    told = {"n_unstable": n_unstable(run), "tokens": tokens(run)}
    return bodies.encode(head | told).decode("utf-8", "replace")


def list_runs(
    store: Store,
    limit: int = 50,
    before: str | None = None,
    tenant: str | None = None,
    suite: str | None = None,
) -> Page:
    """Runs newest first: each the run document without `items`, with `n_items`, `n_unstable`, `tokens`, `received_us`.

    Only those of a suite where one is named.
    """
    query = select(RUN.c.id, RUN.c.received_us, RUN.c.head, RUN.c["items"])
    if suite is not None:
        query = query.where(RUN.c.suite == suite)
    if tenant is not None:
        query = query.where(RUN.c.tenant == tenant)
    page = page_of(store, query, (RUN.c.received_us, RUN.c.id), limit, before)
    return Page(
        [
            {
                **bodies.decode(row["head"].encode()),
                "n_items": row["items"],
                "received_us": row["received_us"],
            }
            for row in page.items
        ],
        page.next,
    )


def suites(store: Store, tenant: str | None = None) -> list[str]:
    """The suites that runs were published of, by name; at most 200."""
    query = select(RUN.c.suite).distinct().order_by(RUN.c.suite).limit(MOST)
    if tenant is not None:
        query = query.where(RUN.c.tenant == tenant)
    with store.read() as connection:
        return [str(name) for name in connection.execute(query).scalars()]


def has_run(store: Store, id: str, tenant: str | None = None) -> bool:
    """Whether there is such a run."""
    with store.read() as connection:
        found = connection.execute(select(RUN.c.tenant).where(RUN.c.id == id)).scalar()
    return found is not None and tenant in (None, found)


def get_run(store: Store, id: str, tenant: str | None = None) -> dict[str, Any] | None:
    """A run document as it was given; None when there is no such run, or the key of its day was deleted."""
    with store.read() as connection:
        row = connection.execute(select(RUN).where(RUN.c.id == id)).first()
    if row is None or tenant not in (None, row.tenant):
        return None
    packed = bytes(row.document)
    try:
        packed = packed if row.key_id is None else store.keys.decrypt(row.key_id, f"run/{id}", packed)
    except Shredded:
        return None
    run: dict[str, Any] = bodies.decode(zlib.decompress(packed))
    return run


def count_spans(store: Store, filter: Filter = EVERYTHING) -> int:
    """How many traces a filter holds, however long it takes to count them."""
    query = select(func.count()).select_from(SPAN).where(*where(filter, store.key, search=store.search))
    with store.read() as connection:
        return int(connection.execute(query).scalar_one())


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What stands around a trace in a filter's list."""

    newer: str | None
    """Id of the trace just above it; None at the top, or when it was not found in time."""
    older: str | None
    """Id of the trace just below it; None at the bottom, or when it was not found in time."""
    above: int | None
    """How many traces of the filter are newer; None when they are too many to count."""
    inside: bool
    """Whether the trace itself is in the filter."""
    below: int | None = None
    """How many traces of the filter are older; None when they are too many to count."""


MOST_ABOVE = 10_000
"""Traces above another, and below it, that are counted."""


def neighbours(
    store: Store, filter: Filter, started_us: int, id: str, within_s: float = LIST_S
) -> Neighbours:
    """The traces next to one in a filter, wherever that one stands in it or would stand."""
    ids = select(*ORDER)
    here = Asked(filter, store.key, store.search, (started_us, id))
    itself = select(SPAN.c.id).where(SPAN.c.id == id)
    with timed(store, within_s) as clock:
        # Only at its own time need be looked for it: a text search is quick there.
        alone = replace(here, filter=filter + between(started_us, started_us + 1), place=None)
        inside = bool(first(clock, alone, itself, 1).rows)
        older = first(clock, here, ids, 1).rows
        newer = first(clock, replace(here, upward=True), ids, 1).rows
        return Neighbours(
            newer=newer[0]["id"] if newer else None,
            older=older[0]["id"] if older else None,
            above=_counted(clock, replace(here, upward=True)),
            inside=inside,
            below=_counted(clock, here),
        )


def _counted(clock: Timed, beside: Asked) -> int | None:
    some = beside.narrowed(select(SPAN.c.id)).limit(MOST_ABOVE + 1).subquery()
    try:
        (row,) = clock.rows(select(func.count().label("n")).select_from(some), 0.3)
    except Late:
        return None
    return int(row["n"]) if row["n"] <= MOST_ABOVE else None
