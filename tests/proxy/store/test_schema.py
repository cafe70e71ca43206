"""The schema: the migrations make exactly what the row classes say, and no table is left out."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from proxy.store.base import Row, table
from proxy.store.db import Store
from proxy.store.schema import METADATA
from tests.proxy.store.databases import ours


def test_the_migrations_make_the_tables_the_classes_describe(store: Store) -> None:
    """A column added to a class without a revision fails here."""
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": ours})
        assert compare_metadata(context, METADATA) == []


def test_every_table_names_its_tenant() -> None:
    """No row is without an owner."""
    assert [name for name, found in METADATA.tables.items() if "tenant" not in found.c] == []


def test_row_classes_end_in_row_and_have_a_table() -> None:
    """A row never shadows a domain type's name."""
    rows = Row.__subclasses__()

    assert {table(row).name for row in rows} == set(METADATA.tables)
    assert all(row.__name__.endswith("Row") for row in rows)
