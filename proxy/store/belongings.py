"""What belongs to traces: everything that an erasure deletes, and that whoever asks what is held of them is given.

Both read it here, so that neither can forget what the other knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select, union

from proxy.store import bodies, refs
from proxy.store.outside import traces_of
from proxy.store.tables import (
    ANNOTATION,
    BLOB,
    FEEDBACK,
    FINDING,
    MESSAGE_REF,
    OUTSIDE_SPAN,
    RETRIEVAL_HIT,
    SPAN,
    TOOL_CALL,
)
from proxy.store.tables_governance import REVEAL
from proxy.store.tables_review import ASSIGNMENT, CANDIDATE, COMMENT, ITEM
from proxy.store.texts import delete_texts

AT_ONCE = 500
"""Traces, and values of one IN list, that are looked at together."""
REFERENCES: tuple[tuple[Table, str, str], ...] = (
    (MESSAGE_REF, "span_id", "blob_id"),
    (TOOL_CALL, "span_id", "arguments_blob"),
    (TOOL_CALL, "span_id", "result_blob"),
    (RETRIEVAL_HIT, "span_id", "text_blob"),
    (OUTSIDE_SPAN, "id", "detail_blob"),
    (FEEDBACK, "target", "comment_blob"),
)
"""Every column that names a blob, with the column that says whose it is."""
_SINGLE = REFERENCES[1:]
"""Those that name one, and no more."""
OWNED: tuple[tuple[Table, str], ...] = (
    (MESSAGE_REF, "span_id"),
    (FINDING, "span_id"),
    (TOOL_CALL, "span_id"),
    (RETRIEVAL_HIT, "span_id"),
    (ANNOTATION, "span_id"),
    (ASSIGNMENT, "span_id"),
    (ITEM, "span_id"),
    (COMMENT, "span_id"),
    (CANDIDATE, "span_id"),
    (FEEDBACK, "target"),
    (SPAN, "id"),
    (OUTSIDE_SPAN, "id"),
)
"""Every table with rows of a trace or of an app's span, with the column that says whose they are."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Belongings:
    """Some traces, and the spans of apps that tell of them."""

    spans: tuple[str, ...]
    outside: tuple[str, ...] = ()

    @property
    def ids(self) -> list[str]:
        """Both: what rows that belong to them stand under."""
        return [*self.spans, *self.outside]


def belongings(connection: Connection, spans: Sequence[str]) -> Belongings:
    """What some traces have to do with, those that are there. At most AT_ONCE ids."""
    query = select(SPAN).where(SPAN.c.id.in_(spans))
    found = [dict(row) for row in connection.execute(query).mappings()]
    return Belongings(tuple(row["id"] for row in found), tuple(sorted(_outside(connection, found))))


def of_person(
    connection: Connection, tenant: str, subject: str, until_us: int, after: str = ""
) -> Belongings:
    """Spans of apps that name a person, with traces or without: the first after an id that came before a moment."""
    query = (
        select(OUTSIDE_SPAN.c.id)
        .where(OUTSIDE_SPAN.c.tenant == tenant, OUTSIDE_SPAN.c.subject == subject)
        .where(OUTSIDE_SPAN.c.received_us <= until_us, OUTSIDE_SPAN.c.id > after)
        .order_by(OUTSIDE_SPAN.c.id)
    )
    return Belongings((), tuple(connection.execute(query.limit(AT_ONCE)).scalars()))


def _outside(connection: Connection, spans: Sequence[Row]) -> set[str]:
    """Ids of the spans that apps sent with the same key of the same traces, replies or retrievals.

    One that names somebody else is that person's.
    """
    own = [row for row in spans if row["shadow_of"] is None]
    if not own or connection.execute(select(OUTSIDE_SPAN.c.id).limit(1)).first() is None:
        return set()
    whose: dict[tuple[str, str | None, str], set[str | None]] = {}
    named: set[str] = set()
    for row in own:
        for trace_id in {row["trace_id"], *_tied(connection, row)}:
            whose.setdefault((row["tenant"], row["key_id"], trace_id), set()).add(row["subject"])
        named.update(bodies.decode(row["detail"].encode()).get("retrievals") or ())
    columns = OUTSIDE_SPAN.c
    found = set()
    for ids, column in (
        (sorted({trace for _, _, trace in whose}), columns.trace_id),
        (sorted(named), columns.id),
    ):
        for some in chunks(ids):
            for each in connection.execute(select(OUTSIDE_SPAN).where(column.in_(some))).mappings():
                row = dict(each)
                persons = whose.get((row["tenant"], row["key_id"], row["trace_id"]), set())
                theirs = persons or row["id"] in named
                if theirs and (row["subject"] is None or row["subject"] in persons or row["id"] in named):
                    found.add(row["id"])
    return found


def _tied(connection: Connection, span: Row) -> Iterable[str]:
    """W3C ids of traces that are tied to an exchange otherwise than by its own: by its reply, or by what it asked."""
    told = [OUTSIDE_SPAN.c[name] == span[name] for name in ("response_id", "asked") if span[name] is not None]
    for condition in told:
        if connection.execute(select(OUTSIDE_SPAN.c.id).where(condition).limit(1)).first() is not None:
            return traces_of(connection, dict(span))
    return ()


def blobs_of(connection: Connection, owned: Belongings) -> set[str]:
    """Ids of the blobs that these rows refer to."""
    found: set[str] = set()
    for some in chunks(owned.ids):
        single = (select(table.c[blob]).where(table.c[owner].in_(some)) for table, owner, blob in _SINGLE)
        every = union(*refs.named(MESSAGE_REF.c.span_id.in_(some)), *single)
        found.update(id for id in connection.execute(every).scalars() if id is not None)
    return found


def delete(connection: Connection, owned: Belongings) -> dict[str, int]:
    """Delete all that belongs to these, and the blobs that nobody else refers to; how many rows, by table.

    The reasons of reveals go too; that there was one stays.
    """
    counts: dict[str, int] = {}
    blobs = blobs_of(connection, owned)
    for some in chunks(owned.ids):
        for table, owner in OWNED:
            gone = connection.execute(table.delete().where(table.c[owner].in_(some))).rowcount
            name = str(table.name)
            counts[name] = counts.get(name, 0) + gone
        counts["span_text"] = counts.get("span_text", 0) + delete_texts(connection, some)
        connection.execute(REVEAL.update().where(REVEAL.c.span_id.in_(some)).values(reason=""))
    counts["blob"] = _delete_blobs(connection, blobs)
    return {name: count for name, count in counts.items() if count}


def users(connection: Connection, blobs: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Whose some blobs are, as (blob id, id of a trace or of an app's span): as often as they are named."""
    wanted = sorted(blobs)
    yield from refs.users(connection, wanted)
    for some in chunks(wanted):
        for table, owner, blob in _SINGLE:
            query = select(table.c[blob], table.c[owner]).where(table.c[blob].in_(some))
            for row in connection.execute(query.execution_options(yield_per=AT_ONCE)):
                yield row[0], row[1]


def _delete_blobs(connection: Connection, ids: set[str]) -> int:
    free = sorted(ids - {blob for blob, _ in users(connection, ids)})
    return sum(connection.execute(BLOB.delete().where(BLOB.c.id.in_(some))).rowcount for some in chunks(free))


def chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """The ids, AT_ONCE at a time."""
    return (ids[first : first + AT_ONCE] for first in range(0, len(ids), AT_ONCE))
