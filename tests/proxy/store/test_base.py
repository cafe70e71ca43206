"""What tables are made of."""

from __future__ import annotations

from sqlalchemy import BigInteger, Text

from proxy.store.base import METADATA, Row, table
from proxy.store.tables import SPAN, SpanRow


def test_a_row_class_leads_to_its_table() -> None:
    """Ours alone: nothing of SQLModel's own registry is in the store."""
    assert table(SpanRow) is SPAN is METADATA.tables["span"]
    assert Row.metadata is METADATA


def test_times_have_64_bits_and_texts_no_length() -> None:
    """Microseconds fit, and no database cuts a text."""
    assert isinstance(SPAN.c.started_us.type, BigInteger)
    assert isinstance(SPAN.c.model.type, Text) and SPAN.c.model.type.length is None
