"""The tables of reviewing keep what a race would break."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from proxy.store.db import Store
from proxy.store.tables_review import ASSIGNMENT

WANTED: dict[str, Any] = {
    "item_id": "i", "tenant": "default", "queue_id": "q", "state": "free", "reviewer": None, "token": None,
    "span_id": "s", "lease_us": 0, "claimed_us": None, "submitted_us": None, "priority": 0, "started_us": 1,
}  # fmt: skip


def test_nobody_reviews_an_item_twice(store: Store) -> None:
    """However many places an item has, and whoever races: the database itself refuses it. Free places are many."""
    with store.begin() as connection:
        connection.execute(ASSIGNMENT.insert(), [{**WANTED, "place": place} for place in range(3)])
        connection.execute(ASSIGNMENT.update().where(ASSIGNMENT.c.place == 0).values(reviewer="user:ada"))

    with pytest.raises(IntegrityError), store.begin() as connection:
        connection.execute(ASSIGNMENT.update().where(ASSIGNMENT.c.place == 1).values(reviewer="user:ada"))
