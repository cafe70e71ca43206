"""The index of what was said: the words that each exchange added, as they were after the guardrails.

SQLite: `span_text` holds the words and `span_word` (FTS5, external content, kept by triggers) finds them. The ids of
both are made of the time an exchange started, so that the newest come first without a sort.
PostgreSQL: `span_text` holds a tsvector. The words are not encrypted: `docs/reference/database.md` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Text, bindparam, delete, select
from sqlalchemy import text as sql
from sqlalchemy.ext.compiler import compiles

from proxy.store.sql import Condition
from proxy.store.tables_texts import SPAN_TEXT
from proxy.store.words import Phrase, indexed, tsvector

LONGEST = 16_384
"""Characters of words of one exchange that are indexed: half for what was asked, and for the reply what is left."""

_ROOM = 11
"""Bits of an id below the time: 2,048 exchanges may start in the same microsecond."""
_LAST_US = (1 << 52) - 1
_PARAMETERS = 500
_SYSTEM = ("system", "developer")
_CALLS = ("function_call", "custom_tool_call", "reasoning")
_ASKED = ("messages", "input", "prompt")
_ANSWERED = ("choices", "output", "content")
_NO_TEXT = frozenset(
    [
        "type",
        "role",
        "id",
        "call_id",
        "tool_call_id",
        "tool_use_id",
        "url",
        "image_url",
        "data",
        "file_data",
        "file_id",
        "b64_json",
        "media_type",
        "object",
        "model",
        "finish_reason",
        "stop_reason",
        "status",
        "index",
        "encrypted_content",
        "signature",
        "detail",
        "logprobs",
        "usage",
    ]
)
"""Members whose values nobody said."""


def added(document: Mapping[str, Any]) -> list[str]:
    """The words that an exchange added to its conversation: what came after the last reply, and the reply.

    No instructions of the system, which are the same from trace to trace.
    """
    asked = indexed(_asked(document.get("request") or {}), LONGEST // 2)
    used = sum(len(word) + 1 for word in asked)
    return asked + indexed(_members(document.get("response") or {}, _ANSWERED), LONGEST - used)


def _asked(request: Mapping[str, Any]) -> Iterator[str]:
    for name in _ASKED:
        given = request.get(name)
        items = given if isinstance(given, list) else [given]
        answered = (at for at in range(len(items) - 1, -1, -1) if _is_reply(items[at]))
        for item in items[next(answered, -1) + 1 :]:
            if not (isinstance(item, dict) and item.get("role") in _SYSTEM):
                yield from _texts(item)


def _is_reply(item: Any) -> bool:
    return isinstance(item, dict) and (item.get("role") == "assistant" or item.get("type") in _CALLS)


def _members(body: Mapping[str, Any], names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield from _texts(body.get(name))


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value, in order. Not by recursion: bodies nest as deep as strangers like."""
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            stack += reversed(item)
        elif isinstance(item, dict):
            stack += [inner for name, inner in reversed(item.items()) if name not in _NO_TEXT]


def index(connection: Connection, fresh: Mapping[str, Mapping[str, Any]]) -> None:
    """Index trace documents that have just been stored for the first time, by id. Those without texts have no row."""
    rows = [
        {"span_id": id, "tenant": document["tenant"], "words": found, "id": first_id(document["started_us"])}
        for id, document in fresh.items()
        if any(found := added(document))
    ]
    if not rows:
        return
    if connection.dialect.name != "sqlite":
        connection.execute(SPAN_TEXT.insert(), [{**row, "words": tsvector(row["words"])} for row in rows])
        return
    _number(connection, rows)
    values = [(row["id"], row["span_id"], row["tenant"], " ".join(row["words"])) for row in rows]
    insert = "INSERT INTO span_text (id, span_id, tenant, words) VALUES (?, ?, ?, ?)"
    connection.exec_driver_sql(insert, values)


def _number(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Give rows of one microsecond ids that follow one another. Nobody else writes while this transaction is open."""
    last: dict[int, int] = {}
    for row in rows:
        low = row["id"]
        if low not in last:
            mine = SPAN_TEXT.c.id.between(low, low + (1 << _ROOM) - 1)
            newest = select(SPAN_TEXT.c.id).where(mine).order_by(SPAN_TEXT.c.id.desc()).limit(1)
            there = connection.execute(newest).scalar()
            last[low] = low - 1 if there is None else there
        last[low] += 1
        row["id"] = last[low]


def first_id(started_us: int) -> int:
    """The lowest id of a text whose exchange started then."""
    return min(max(started_us, 0), _LAST_US) << _ROOM


def started_at(id: int) -> int:
    """When the exchange of a text started, microseconds UTC."""
    return id >> _ROOM


def delete_texts(connection: Connection, span_ids: Iterable[str]) -> int:
    """Take the texts of some exchanges out of the index; how many it had. Deleting their rows does the same.

    SQLite's file still has their words until `purge_texts`; PostgreSQL's until its next VACUUM.
    """
    wanted, gone = sorted(set(span_ids)), 0
    for first in range(0, len(wanted), _PARAMETERS):
        some = SPAN_TEXT.c.span_id.in_(wanted[first : first + _PARAMETERS])
        gone += connection.execute(delete(SPAN_TEXT).where(some)).rowcount
    return gone


def purge_texts(connection: Connection) -> None:
    """Write SQLite's index anew, so that nothing of deleted texts is left in it. Takes as long as the index is big."""
    if connection.dialect.name == "sqlite":
        # What goes is overwritten, whatever this build of SQLite does by itself.
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
        connection.exec_driver_sql("INSERT INTO span_word (span_word) VALUES ('optimize')")


def said(
    span_id: ColumnElement[str], sought: Sequence[Sequence[Phrase]], low_us: int, high_us: int
) -> ColumnElement[bool]:
    """Whether an exchange that started between two times said one of each group of phrases."""
    return _Said(
        span_id,
        bindparam(None, for_sqlite(sought), type_=Text(), unique=True),
        bindparam(None, _for_postgresql(sought), type_=Text(), unique=True),
        bindparam(None, first_id(low_us), type_=BigInteger(), unique=True),
        bindparam(None, first_id(high_us) + (1 << _ROOM) - 1, type_=BigInteger(), unique=True),
    )


def for_sqlite(sought: Sequence[Sequence[Phrase]]) -> str:
    """Groups of phrases as FTS5's MATCH takes them."""
    return " AND ".join(f"({' OR '.join(phrase.for_sqlite() for phrase in group)})" for group in sought)


def _for_postgresql(sought: Sequence[Sequence[Phrase]]) -> str:
    return " & ".join(
        f"({' | '.join(f'({phrase.for_postgresql()})' for phrase in group)})" for group in sought
    )


def nth(
    connection: Connection, sought: Sequence[Sequence[Phrase]], from_us: int, place: int, upward: bool
) -> int | None:
    """SQLite: when the nth exchange started that said something, going up or down from a time; None for fewer."""
    query = sql(_UP if upward else _DOWN)
    values = {"sought": for_sqlite(sought), "edge": first_id(from_us + upward), "place": place}
    found = connection.execute(query, values).scalar()
    return None if found is None else started_at(found)


_DOWN = (
    "SELECT rowid FROM span_word WHERE span_word MATCH :sought AND rowid < :edge"
    " ORDER BY rowid DESC LIMIT 1 OFFSET :place"
)
_UP = (
    "SELECT rowid FROM span_word WHERE span_word MATCH :sought AND rowid >= :edge"
    " ORDER BY rowid LIMIT 1 OFFSET :place"
)


class _Said(Condition):
    inherit_cache = True


@compiles(_Said, "sqlite")
def _said_sqlite(element: _Said, compiler: Any, **named: Any) -> str:
    span_id, sought, _, low, high = (compiler.process(clause, **named) for clause in element.clauses)
    told = f"MATCH {sought} AND span_word.rowid BETWEEN {low} AND {high}"
    return f"({span_id} IN ({_MATCHED} {told}))"


@compiles(_Said, "postgresql")
def _said_postgresql(element: _Said, compiler: Any, **named: Any) -> str:
    span_id, _, sought, *_ = (compiler.process(clause, **named) for clause in element.clauses)
    return f"({span_id} IN ({_MATCHED_POSTGRESQL} @@ CAST({sought} AS tsquery)))"


_MATCHED = (
    "SELECT span_text.span_id FROM span_word CROSS JOIN span_text ON span_text.id = span_word.rowid"
    " WHERE span_word"
)
_MATCHED_POSTGRESQL = "SELECT span_text.span_id FROM span_text WHERE span_text.words"
