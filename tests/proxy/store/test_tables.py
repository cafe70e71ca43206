"""The tables: the migrations make exactly what the row classes say."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from proxy.store.db import Store
from proxy.store.tables import METADATA, Row, table


def test_the_migrations_make_the_tables_the_classes_describe(store: Store) -> None:
    """A column added to a class without a revision fails here."""
    with store.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_every_table_names_its_tenant() -> None:
    """No row is without an owner."""
    assert [name for name, found in METADATA.tables.items() if "tenant" not in found.c] == []


def test_row_classes_end_in_row_and_have_a_table() -> None:
    """A row never shadows a domain type's name."""
    rows = Row.__subclasses__()

    assert {table(row).name for row in rows} == set(METADATA.tables)
    assert all(row.__name__.endswith("Row") for row in rows)


def test_the_list_of_flagged_traces_reads_an_index(store: Store) -> None:
    """Newest flagged first needs no sort and no scan."""
    if store.engine.dialect.name != "sqlite":
        return
    query = "SELECT id FROM span WHERE flagged IS 1 ORDER BY started_us DESC, id DESC LIMIT 50"
    with store.read() as connection:
        plan = str(connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).fetchall())

    assert "span_flagged" in plan
    assert "TEMP B-TREE" not in plan
