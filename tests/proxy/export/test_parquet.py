"""Parquet: typed columns, bounded row groups, and a cut file that nothing opens."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from proxy.export.parquet import GROUP_ROWS, NESTED, VERSION, chunks
from tests.architecture.source import ROOT
from tests.proxy.store.test_rollups import NOON, trace


def whole(traces: list[dict[str, Any]]) -> parquet.ParquetFile:
    """The file, opened."""
    return parquet.ParquetFile(io.BytesIO(b"".join(chunks(traces))))


def test_what_one_sums_and_filters_by_has_a_type() -> None:
    """Unknown is null, never 0; what is nested is JSON."""
    given = trace(cost_nanousd=None, found=[{"rule": "b"}, {"rule": "a"}])

    file = whole([given])

    (row,) = file.read().to_pylist()
    assert row["started_at"] == datetime.fromtimestamp(NOON / 1e6, UTC)
    assert (row["tokens_in"], row["tokens_out"], row["cost_nanousd"], row["stream"]) == (9, 2, None, False)
    assert (row["rules"], row["entities"], row["tools"]) == (["a", "b"], ["EMAIL_ADDRESS"], [])
    assert json.loads(row["request"]) == given["request"]
    assert file.schema_arrow.metadata[b"guardhouse.schema"] == VERSION.encode()
    assert file.schema_arrow.field("duration_us").type == pa.int64()
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_row_groups_are_of_bounded_size() -> None:
    """By rows, and by what is in them."""
    many = whole([trace(id=f"{n:032x}") for n in range(GROUP_ROWS + 1)])
    long = whole([trace(id=f"{n:032x}", request={"x": "x" * (3 << 20)}) for n in range(4)])

    assert [many.metadata.row_group(n).num_rows for n in range(many.num_row_groups)] == [GROUP_ROWS, 1]
    assert [long.metadata.row_group(n).num_rows for n in range(long.num_row_groups)] == [2, 2]


def test_a_file_that_was_cut_is_none() -> None:
    """An export that broke off is not taken for a short one."""
    data = b"".join(chunks([trace()]))

    with pytest.raises(pa.ArrowInvalid):
        parquet.ParquetFile(io.BytesIO(data[:-1]))


def test_every_column_is_documented() -> None:
    """In docs/guides/export.md."""
    page = (ROOT / "docs" / "guides" / "export.md").read_text(encoding="utf-8")

    columns = whole([]).schema_arrow.names
    assert [name for name in columns if f"`{name}`" not in page] == []
    assert set(NESTED) <= set(columns)
