"""Months of traces as partitions on PostgreSQL; what retention needs to know on both."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0006"
down_revision = "v0005"
branch_labels = None
depends_on = None

_KEYS = {
    "span": ("id",),
    "message_ref": ("span_id", "side", "seq"),
    "finding": ("span_id", "seq"),
    "tool_call": ("span_id", "seq"),
    "retrieval_hit": ("span_id", "seq"),
    "blob": ("id",),
}
"""Each table with its primary key, of which the first column begins with its time."""
_POINTING = {
    "span": ("id", "shadow_of"),
    "message_ref": ("span_id", "blob_id"),
    "finding": ("span_id",),
    "tool_call": ("span_id",),
    "retrieval_hit": ("span_id",),
    "blob": ("id",),
    "outside_span": ("id",),
    "annotation": ("span_id",),
    "feedback": ("target",),
    "reveal": ("span_id",),
}
"""Columns that sort by their bytes, and those that are compared with them: an index serves one order only."""


def upgrade() -> None:
    """Each old table becomes the partition DEFAULT of a new one, as it is: no row is copied."""
    op.create_index("outside_span_received", "outside_span", ["received_us"])
    op.create_index("feedback_created", "feedback", ["created_us"])
    op.create_table(
        "spend_day",
        sa.Column("day_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("nanousd", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day_us", "tenant", "team", "key_id"),
    )
    if op.get_bind().dialect.name == "postgresql":
        for table, columns in _POINTING.items():
            types = ", ".join(f'ALTER COLUMN {column} TYPE TEXT COLLATE "C"' for column in columns)
            op.execute(f"ALTER TABLE {table} {types}")
        for table, key in _KEYS.items():
            _partition(table, key)


def _partition(table: str, key: tuple[str, ...]) -> None:
    indexes = _indexes(table)
    for index in indexes:
        op.execute(f"ALTER INDEX {index} RENAME TO {index}_default")
    op.execute(f"ALTER INDEX {table}_pkey RENAME TO {table}_default_pkey")
    op.execute(f"ALTER TABLE {table} RENAME TO {table}_default")
    like = f"LIKE {table}_default INCLUDING DEFAULTS"
    op.execute(f"CREATE TABLE {table} ({like}, PRIMARY KEY ({', '.join(key)})) PARTITION BY RANGE ({key[0]})")
    for index in indexes.values():
        op.execute(index)
    # The indexes of the old table are taken for those of the partition.
    op.execute(f"ALTER TABLE {table} ATTACH PARTITION {table}_default DEFAULT")


def _indexes(table: str) -> dict[str, str]:
    """The statements that make a table's indexes, but that of its primary key, by their names."""
    found = sa.text(
        "SELECT relname, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
        " WHERE indrelid = to_regclass(:table) AND NOT indisprimary"
    )
    rows = op.get_bind().execute(found, {"table": table})
    return {name: statement.replace(" ON ONLY ", " ON ") for name, statement in rows}


def downgrade() -> None:
    """Copy everything back into plain tables."""
    if op.get_bind().dialect.name == "postgresql":
        for table, key in _KEYS.items():
            indexes = _indexes(table)
            op.execute(f"CREATE TABLE {table}_plain (LIKE {table} INCLUDING DEFAULTS)")
            op.execute(f"INSERT INTO {table}_plain SELECT * FROM {table}")
            op.execute(f"DROP TABLE {table}")
            op.execute(f"ALTER TABLE {table}_plain RENAME TO {table}")
            op.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({', '.join(key)})")
            for index in indexes.values():
                op.execute(index)
        for table, columns in _POINTING.items():
            types = ", ".join(f'ALTER COLUMN {column} TYPE TEXT COLLATE "default"' for column in columns)
            op.execute(f"ALTER TABLE {table} {types}")
    op.drop_table("spend_day")
    op.drop_index("feedback_created", table_name="feedback")
    op.drop_index("outside_span_received", table_name="outside_span")
