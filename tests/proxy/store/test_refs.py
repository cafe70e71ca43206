"""References: one row for each side of an exchange, whatever it is made of."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import union_all

from proxy.store import bodies, refs
from proxy.store.bodies import Blobs
from proxy.store.data_keys import DAY_US
from proxy.store.db import Store
from proxy.store.tables import MESSAGE_REF, SPAN
from tests.proxy.store.aged import NOW, id_at, trace
from tests.proxy.store.one_key import OneKey

NAMES = st.text(max_size=4) | st.sampled_from(["messages", "/", "~1", "a/0", "\0", "\ud800"])
ITEMS = st.lists(st.dictionaries(NAMES, st.integers() | st.text(max_size=4), max_size=2), max_size=5)
LONG = "words " * 400


def _kept(pieces: list[tuple[str, bytes]], at_us: int = NOW) -> tuple[list[refs.Piece], dict[str, Any]]:
    day = Blobs(OneKey()).on("t", at_us)
    named = [(pointer, day.add(data)) for pointer, data in pieces]
    return named, refs.row(named)


@given(body=st.dictionaries(NAMES, ITEMS | st.integers(), max_size=5), long=st.booleans())
def test_what_a_row_keeps_comes_back(body: dict[str, Any], long: bool) -> None:
    """Every pointer and id, in order, whatever the lists are called; and the row is fit for any database."""
    named, row = _kept(bodies.pieces({**body, "more": LONG} if long else body))

    assert refs.pieces_of(row) == named
    assert refs.blobs_of(row) == [id for _, id in named]
    assert row["pointer"].isascii() and "\0" not in row["pointer"]


def test_a_row_of_an_older_version_is_one_piece() -> None:
    """Its pointer says where it stands, and its blob may be named by a hash alone."""
    row = {"pointer": "/messages/3", "blob_id": "a" * 32, "pieces": None}

    assert refs.pieces_of(row) == [("/messages/3", "a" * 32)] and refs.blobs_of(row) == ["a" * 32]


def test_a_message_of_the_history_takes_sixteen_bytes() -> None:
    """A row grows by no more, and stays one."""
    messages = [{"role": "user", "content": f"turn {n} {LONG}"} for n in range(60)]
    _, row = _kept(bodies.pieces({"messages": messages}))

    assert (len(row["pieces"]), row["pointer"]) == (60 * 16, '[["/messages",60]]')


def _chat(days: float, turns: int, **over: Any) -> dict[str, Any]:
    """A trace of a long chat, whose turns are the same in every chat."""
    messages = [{"role": "user", "content": f"turn {n} {LONG}"} for n in range(turns)]
    tools = [{"type": "function", "function": {"name": f"f{turns}"}}]
    return trace(days, **{"request": {"model": "m", "messages": messages, "tools": tools}, **over})


def _blobs(store: Store, *ids: str) -> list[str]:
    """What the sides of some traces are made of, as Python reads it."""
    with store.read() as connection:
        rows = connection.execute(MESSAGE_REF.select().where(MESSAGE_REF.c.span_id.in_(ids))).mappings()
        return sorted(blob for row in rows for blob in refs.blobs_of(row))


def test_the_database_names_the_same_blobs(store: Store) -> None:
    """Long sides, short ones, none, and rows of older versions."""
    told = [_chat(1, 1), _chat(1, 40), trace(1), trace(1, request=None, response=None)]
    assert store.write(told) == []
    ids = [one["id"] for one in told]
    old = [
        {"side": "request", "seq": seq, "pointer": at, "blob_id": str(seq) * 32, "pieces": None}
        for seq, at in enumerate(["", "/messages/0"])
    ]
    with store.begin() as connection:
        connection.execute(MESSAGE_REF.insert(), [{"span_id": "old", "tenant": "t", **row} for row in old])
    for some in ([*ids, "old"], ids[:1], ids[3:], ["old"], []):
        query = union_all(*refs.named(MESSAGE_REF.c.span_id.in_(some)))
        with store.read() as connection:
            found = sorted(connection.execute(query).scalars())
        assert found == _blobs(store, *some)
    assert len(_blobs(store, ids[1])) == 40 + 1 + 1 + 1


@pytest.mark.parametrize("late", [False, True])
def test_what_another_trace_still_needs_is_known(store: Store, late: bool) -> None:
    """Of that day; also when the other's id was made on the other side of midnight."""
    gone, kept, days_ago = _chat(1, 6), _chat(1, 3), _chat(3, 6)
    if late:
        kept["id"] = id_at(kept["started_us"] + DAY_US)
    assert store.write([gone, kept, days_ago]) == []
    candidates = _blobs(store, gone["id"])
    with store.begin() as connection:
        theirs = {(blob, gone["id"]) for blob in candidates}
        assert theirs <= {*refs.users(connection, candidates)}
        for table, column in ((MESSAGE_REF, MESSAGE_REF.c.span_id), (SPAN, SPAN.c.id)):
            connection.execute(table.delete().where(column == gone["id"]))
        found = {*refs.users(connection, candidates)}
        used = {blob for blob, _ in found}

        assert used == {*candidates} & {*_blobs(store, kept["id"])}
        assert {owner for _, owner in found} == {kept["id"]}
        # Three turns, the frame and the reply.
        assert len(used) == 5


def test_what_older_rows_need_is_known(store: Store) -> None:
    """Their blobs say no day."""
    row = {"span_id": "old", "tenant": "t", "side": "request", "seq": 0, "pointer": "", "blob_id": "a" * 32}
    with store.begin() as connection:
        connection.execute(MESSAGE_REF.insert(), [row])

        assert [*refs.users(connection, ["a" * 32, "b" * 32])] == [("a" * 32, "old")]
        assert [*refs.users(connection, [])] == []
