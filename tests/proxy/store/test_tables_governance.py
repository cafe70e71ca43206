"""The tables of governance keep their promises by themselves."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from proxy.exchange import new_id
from proxy.store.db import Store
from proxy.store.tables_governance import AUDIT_EVENT


def test_no_place_of_the_chain_is_taken_twice(store: Store) -> None:
    """Whatever goes wrong above, the database has one event for each place."""
    event = {"at_us": 1, "tenant": "t", "actor": "a", "action": "b", "object": "c", "detail": None, "seq": 7}
    with store.begin() as connection:
        connection.execute(AUDIT_EVENT.insert(), [{**event, "id": new_id()}])
    with pytest.raises(IntegrityError), store.begin() as connection:
        connection.execute(AUDIT_EVENT.insert(), [{**event, "id": new_id()}])
