"""The table of words."""

from __future__ import annotations

from proxy.store.tables_texts import SPAN_TEXT


def test_a_row_names_its_trace() -> None:
    """By which it is deleted."""
    assert {"span_id", "tenant", "words"} < set(SPAN_TEXT.c.keys())
