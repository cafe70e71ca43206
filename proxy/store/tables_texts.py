"""The table of what can be searched: the words of each exchange, after the guardrails, not encrypted."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import Field

from proxy.store.base import Row, table, text


class SpanTextRow(Row, table=True):
    """The words that an exchange added to its conversation. Deleted with its content."""

    __tablename__ = "span_text"

    id: int = Field(
        sa_column=Column(
            BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False
        )
    )
    """When it started, microseconds times 2,048, and a number among those of the same microsecond."""
    span_id: str = text()
    tenant: str = text()
    words: str = Field(sa_column=Column(Text().with_variant(TSVECTOR(), "postgresql"), nullable=False))
    """In lower case, a space between two; a tsvector in PostgreSQL."""


SPAN_TEXT = table(SpanTextRow)

Index("span_text_span", SPAN_TEXT.c.span_id)
