"""Shadows: which exchange a span is a copy of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0002"
down_revision = "v0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `span.shadow_of`; every span there is belongs to a caller."""
    op.add_column("span", sa.Column("shadow_of", sa.Text(), nullable=True))
    op.create_index(
        "span_shadow_of",
        "span",
        ["shadow_of"],
        unique=False,
        sqlite_where=sa.text("shadow_of IS NOT NULL"),
        postgresql_where=sa.text("shadow_of IS NOT NULL"),
    )


def downgrade() -> None:
    """Forget which spans are copies."""
    op.drop_index(
        "span_shadow_of",
        table_name="span",
        sqlite_where=sa.text("shadow_of IS NOT NULL"),
        postgresql_where=sa.text("shadow_of IS NOT NULL"),
    )
    op.drop_column("span", "shadow_of")
