"""What deleted traces were charged with."""

from __future__ import annotations

from sqlalchemy import select

from proxy.store.db import Store
from proxy.store.spend import carry
from proxy.store.tables import SPAN
from proxy.store.tables_rollups import SPEND_DAY
from tests.proxy.store.aged import trace


def test_charges_add_up_by_day_and_key(store: Store) -> None:
    """The cost counts where nothing was charged; shadows and what cost nothing are left out."""
    store.write(
        [
            trace(5, charged_nanousd=5, cost_nanousd=1),
            trace(5, cost_nanousd=2),
            trace(5),
            trace(5, cost_nanousd=9, shadow_of="x"),
        ]
    )
    for _ in range(2):
        with store.begin() as connection:
            carry(connection, SPAN.c.started_us > 0)

    with store.read() as connection:
        [row] = connection.execute(select(SPEND_DAY)).mappings()
    assert (row["key_id"], row["team"], row["nanousd"]) == ("key-1", "", 14)
