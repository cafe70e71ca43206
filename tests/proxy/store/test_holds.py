"""Legal holds: made, listed, released, each of it audited."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from proxy.store import holds
from proxy.store.audit import acts
from proxy.store.db import Store
from proxy.store.filters import FilterError
from proxy.store.tables import SPAN
from tests.proxy.store.aged import trace


def _held(store: Store) -> set[str]:
    with store.read() as connection:
        condition = holds.held(connection, store.key)
        return set(connection.execute(select(SPAN.c.id).where(condition)).scalars())


def test_a_hold_holds_what_its_filter_names_until_it_is_released(store: Store) -> None:
    """Now and later; several add up; an age counts from when the hold was made."""
    one, two, three = trace(1, model="m1"), trace(5, model="m1"), trace(1, model="m2")
    store.write([one, two])
    assert _held(store) == set()

    made = holds.add(store, "model:m1 since:2d", " case 7 ", "key-9")
    other = holds.add(store, "model:m2", "case 8", "cli")
    store.write([three])

    assert (made["traces"], made["reason"], other["traces"]) == (1, "case 7", 0)
    assert _held(store) == {one["id"], three["id"]}
    assert [(row["id"], row["traces"]) for row in holds.listed(store)] == [(other["id"], 1), (made["id"], 1)]
    holds.release(store, made["id"], "cli")
    assert _held(store) == {three["id"]}
    told = [(act["action"], act["object"], act["actor"]) for act in acts(store)]
    assert sorted(told) == sorted(
        [
            ("hold.add", made["id"], "key-9"),
            ("hold.add", other["id"], "cli"),
            ("hold.release", made["id"], "cli"),
        ]
    )


def test_what_cannot_be_held_or_released_is_told(store: Store) -> None:
    """And nothing is changed."""
    with pytest.raises(FilterError):
        holds.add(store, "colour:red", "why", "cli")
    with pytest.raises(holds.HoldError, match="empty"):
        holds.add(store, " ", "why", "cli")
    for reason in (" ", "x" * 501):
        with pytest.raises(holds.HoldError, match="reason"):
            holds.add(store, "model:m", reason, "cli")
    made = holds.add(store, "model:m", "why", "cli")
    holds.release(store, made["id"], "cli")
    for id in (made["id"], "none"):
        with pytest.raises(holds.HoldError, match="no hold"):
            holds.release(store, id, "cli")
    assert len(holds.listed(store)) == 1


def test_a_condition_on_what_a_trace_does_not_have_holds_nothing(store: Store) -> None:
    """Neither true nor false is not held: such a trace goes in its time."""
    store.write([trace(1)])
    holds.add(store, "subject:somebody", "why", "cli")
    with store.read() as connection:
        condition = holds.held(connection, store.key)
        assert len(connection.execute(select(SPAN.c.id).where(~condition)).all()) == 1
