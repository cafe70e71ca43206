"""The tables that charts read."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer

from proxy.store.tables_rollups import ROLLUP_HOUR, ROLLUP_LATENCY, ROLLUP_RULE


def test_a_row_is_an_hour_of_a_tenant_and_its_sums_are_numbers() -> None:
    """Whatever is no part of the key can be added up."""
    for table in (ROLLUP_HOUR, ROLLUP_RULE, ROLLUP_LATENCY):
        assert {"hour_us", "tenant"} < set(table.primary_key.columns.keys())
        sums = [column for column in table.columns if not column.primary_key]
        assert sums and all(isinstance(column.type, BigInteger | Integer) for column in sums)
