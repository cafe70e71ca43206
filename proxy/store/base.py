"""What every table is made of. `proxy.store.schema` knows them all."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import BigInteger, MetaData, Table, Text
from sqlmodel import Field, SQLModel

METADATA = MetaData()
"""Every table of the store, and nothing else."""


class Row(SQLModel):
    """Base of every table: keeps them in their own MetaData."""

    metadata: ClassVar[MetaData] = METADATA


def big(**options: Any) -> Any:
    """A column of 64-bit integers."""
    return Field(sa_type=BigInteger, **options)


def text(**options: Any) -> Any:
    """A column of texts."""
    return Field(sa_type=Text, **options)


def table(row: type[Row]) -> Table:
    """The SQLAlchemy table behind a row class, for statements that take lists."""
    return METADATA.tables[str(row.__tablename__)]
