"""The tables of traces are read the way their indexes run."""

from __future__ import annotations

from sqlalchemy import text

from proxy.store.db import Store


def test_the_list_of_flagged_traces_reads_an_index(store: Store) -> None:
    """Newest flagged first needs no sort and no scan."""
    if store.engine.dialect.name != "sqlite":
        return
    query = "SELECT id FROM span WHERE flagged IS 1 ORDER BY started_us DESC, id DESC LIMIT 50"
    with store.read() as connection:
        plan = str(connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).fetchall())

    assert "span_flagged" in plan
    assert "TEMP B-TREE" not in plan
