"""Queries end in time, and the connection is good for another."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from proxy.store.db import Store
from proxy.store.deadline import Late, timed

ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(60)",
}


def test_an_endless_query_ends(store: Store) -> None:
    """With Late, and nothing else is lost: the next query answers."""
    endless = text(ENDLESS[store.engine.dialect.name])
    with timed(store, 30) as clock:
        with pytest.raises(Late):
            clock.rows(endless, 0.002)
        assert clock.rows(text("SELECT 1 AS one")) == [{"one": 1}]


def test_no_time_is_no_answer(store: Store) -> None:
    """Nothing is begun that cannot end."""
    with timed(store, 0) as clock, pytest.raises(Late):
        clock.rows(select(1))


def test_a_mistake_is_not_taken_for_lateness(store: Store) -> None:
    """It is raised as it is."""
    with timed(store, 5) as clock, pytest.raises(DBAPIError):
        clock.rows(text("SELECT nothing FROM nowhere"))
