"""What message_ref says: which blobs a side of an exchange is made of, in one row, however many they are.

The frame's blob stands in `blob_id`. Where there are more, `pieces` has 16 bytes for each (the hash of its id; the
day, with which the id begins, is the frame's) and `pointer` says as JSON whose items they are: `[["/messages",60]]`.
Older versions wrote one row for each piece, with its pointer and without `pieces`; such rows are read too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Select, Text, func, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from proxy.store.data_keys import DAY_US
from proxy.store.tables import MESSAGE_REF, SPAN

_DAY = 12
"""Hex digits at the start of an id that say its day."""
_HASH = 16
"""Bytes of the rest."""
_AT_ONCE = 500
"""Rows that are in memory at a time, and values in one IN list."""

Piece = tuple[str, str]
"""Pointer and blob id."""


def row(pieces: Sequence[Piece]) -> dict[str, Any]:
    """The columns that keep the pieces of one side, the frame first, all blobs of one day."""
    (_, frame), *items = pieces
    if not items:
        return {"seq": 0, "pointer": "", "blob_id": frame, "pieces": None}
    lists = groupby(pointer.rpartition("/")[0] for pointer, _ in items)
    layout = [(name, sum(1 for _ in some)) for name, some in lists]
    hashes = b"".join([bytes.fromhex(blob_id[_DAY:]) for _, blob_id in items])
    return {
        "seq": 0,
        "pointer": json.dumps(layout, separators=(",", ":")),
        "blob_id": frame,
        "pieces": hashes,
    }


def pieces_of(row: Mapping[str, Any]) -> list[Piece]:
    """The pieces that a row keeps, in their order."""
    if row["pieces"] is None:
        return [(row["pointer"], row["blob_id"])]
    pointers = [f"{name}/{at}" for name, count in json.loads(row["pointer"]) for at in range(count)]
    return list(zip(["", *pointers], blobs_of(row), strict=True))


def blobs_of(row: Mapping[str, Any]) -> list[str]:
    """The ids of the blobs that a row keeps, in their order."""
    frame, hashes = row["blob_id"], bytes(row["pieces"] or b"").hex()
    day, size = frame[:_DAY], 2 * _HASH
    return [frame, *(day + hashes[at : at + size] for at in range(0, len(hashes), size))]


def named(where: ColumnElement[bool]) -> tuple[Select[Any], Select[Any]]:
    """Two queries that together give the ids of all blobs that some rows keep, one id a row."""
    places = _Places(MESSAGE_REF.c.pieces).table_valued("key").alias("key")
    item = func.substr(MESSAGE_REF.c.blob_id, 1, _DAY).concat(_Hash(MESSAGE_REF.c.pieces, places.c.key))
    items = select(item).select_from(MESSAGE_REF.join(places, true()))
    return select(MESSAGE_REF.c.blob_id).where(where), items.where(MESSAGE_REF.c.pieces.is_not(None), where)


def users(connection: Connection, blob_ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Which exchanges are made of some blobs, as (blob id, span id). Reads every row of the blobs' days."""
    wanted = set(blob_ids)
    for day in sorted({id[:_DAY] for id in wanted if len(id) > 2 * _HASH}):
        first_us = int(day, 16) * 1000
        # By the span's own time, of which the blob's day was made: its id may be from the other side of midnight.
        query = select(MESSAGE_REF).join(SPAN, SPAN.c.id == MESSAGE_REF.c.span_id)
        query = query.where(SPAN.c.started_us >= first_us, SPAN.c.started_us < first_us + DAY_US)
        for row in connection.execute(query.execution_options(yield_per=_AT_ONCE)).mappings():
            yield from ((blob, row["span_id"]) for blob in wanted.intersection(blobs_of(dict(row))))
    old = sorted(id for id in wanted if len(id) <= 2 * _HASH)
    for first in range(0, len(old), _AT_ONCE):
        # Of older versions, whose rows have one blob each.
        query = select(MESSAGE_REF).where(MESSAGE_REF.c.blob_id.in_(old[first : first + _AT_ONCE]))
        for row in connection.execute(query.execution_options(yield_per=_AT_ONCE)).mappings():
            yield row["blob_id"], row["span_id"]


class _Places(FunctionElement[int]):
    """A row for each hash in some bytes, numbered from 0; none for NULL."""

    type = Integer()
    inherit_cache = True


class _Hash(FunctionElement[str]):
    """The hash at a place, in hex."""

    type = Text()
    inherit_cache = True


@compiles(_Places, "sqlite")
def _places_sqlite(element: _Places, compiler: Any, **named: Any) -> str:
    pieces = compiler.process(element.clauses, **named)
    return f"json_each('[0' || replace(hex(zeroblob(length({pieces}) / {_HASH} - 1)), '00', ',0') || ']')"


@compiles(_Places, "postgresql")
def _places_postgresql(element: _Places, compiler: Any, **named: Any) -> str:
    return f"generate_series(0, length({compiler.process(element.clauses, **named)}) / {_HASH} - 1)"


@compiles(_Hash, "sqlite")
def _hash_sqlite(element: _Hash, compiler: Any, **named: Any) -> str:
    pieces, place = (compiler.process(clause, **named) for clause in element.clauses)
    return f"lower(hex(substr({pieces}, {place} * {_HASH} + 1, {_HASH})))"


@compiles(_Hash, "postgresql")
def _hash_postgresql(element: _Hash, compiler: Any, **named: Any) -> str:
    pieces, place = (compiler.process(clause, **named) for clause in element.clauses)
    return f"encode(substr({pieces}, {place} * {_HASH} + 1, {_HASH}), 'hex')"
