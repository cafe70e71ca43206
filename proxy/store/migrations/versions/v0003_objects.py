"""Which object of a provider an exchange made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0003"
down_revision = "v0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the id of the object, and the index in which it is looked up."""
    op.add_column("span", sa.Column("object_id", sa.Text(), nullable=True))
    op.create_index(
        "span_object",
        "span",
        ["object_id", "key_id"],
        unique=False,
        sqlite_where=sa.text("object_id IS NOT NULL"),
        postgresql_where=sa.text("object_id IS NOT NULL"),
    )


def downgrade() -> None:
    """Forget which objects were made."""
    op.drop_index(
        "span_object",
        table_name="span",
        sqlite_where=sa.text("object_id IS NOT NULL"),
        postgresql_where=sa.text("object_id IS NOT NULL"),
    )
    op.drop_column("span", "object_id")
