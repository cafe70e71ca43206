"""What belongs to traces, and what is somebody else's."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.document import document
from proxy.store import belongings, tables
from proxy.store.base import METADATA
from proxy.store.db import Store
from tests.proxy.exchanges import masked
from tests.proxy.store.app_documents import NOW, TRACE, app_span

ADA, BOB = "a" * 32, "b" * 32


def test_every_column_that_names_a_blob_is_known() -> None:
    """A new one must be looked at before a blob is deleted."""
    named = {
        (table.name, column.name)
        for table in METADATA.tables.values()
        for column in table.columns
        if column.name.endswith(("_blob", "blob_id"))
    }

    assert {(table.name, blob) for table, _, blob in belongings.REFERENCES} == named


def test_every_table_with_rows_of_a_trace_is_known() -> None:
    """A new one must be erased too; reveals lose their text, the index of words knows how to forget."""
    named = {
        table.name
        for table in METADATA.tables.values()
        if "span_id" in table.columns or "target" in table.columns
    }

    assert named - {table.name for table, _ in belongings.OWNED} == {"reveal", "erased_trace", "span_text"}


@pytest.mark.parametrize(
    ("over", "theirs"),
    [
        ({}, True),
        ({"subject": ADA}, True),
        ({"subject": BOB}, False),
        ({"key_id": "key-2"}, False),
        ({"tenant": "elsewhere"}, False),
        ({"trace_id": "e" * 32}, False),
    ],
)
def test_spans_of_apps_belong_to_the_traces_that_they_share(
    store: Store, over: dict[str, Any], theirs: bool
) -> None:
    """Of the same key and W3C trace, unless they name another person."""
    asked, span = masked(trace_id=TRACE, subject=ADA), app_span("1", "tool", **over)
    store.write([document(asked), span])

    with store.read() as connection:
        owned = belongings.belongings(connection, [asked.id, "nothing"])

    assert owned == belongings.Belongings((asked.id,), (span["id"],) if theirs else ())


@pytest.mark.parametrize("tie", [{"response_id": "chatcmpl-9"}, {"asked": "c" * 32}])
def test_spans_without_the_trace_id_belong_by_reply_or_by_what_was_asked(
    store: Store, tie: dict[str, str]
) -> None:
    """As they are shown under it."""
    asked = masked(trace_id="d" * 32, started_us=NOW + 1_000_000, **tie)
    spans = [app_span("1", "retrieval"), app_span("2", "llm", at=1, to=2, **tie)]
    store.write([document(asked), *spans])

    with store.read() as connection:
        assert set(belongings.belongings(connection, [asked.id]).outside) == {span["id"] for span in spans}


def test_blobs_that_others_refer_to_stay(store: Store) -> None:
    """Of two equal traces the first to go takes no text with it, the second all."""
    one, other = masked(), masked()
    store.write([document(one), document(other)])

    with store.begin() as connection:
        first = belongings.delete(connection, belongings.belongings(connection, [one.id]))
        second = belongings.delete(connection, belongings.belongings(connection, [other.id]))

    assert (first.get("blob", 0), second["blob"]) == (0, 2)
    with store.read() as connection:
        assert connection.execute(tables.BLOB.select()).all() == []
