"""Who pays, which prompt, which run; spans that apps send; feedback; what administrators did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0004"
down_revision = "v0003"
branch_labels = None
depends_on = None

SPAN_AMOUNTS = ("cost_nanousd", "charged_nanousd")
SPAN_TEXTS = (
    "team",
    "tags",
    "price_version",
    "prompt",
    "prompt_version",
    "prompt_hash",
    "session_id",
    "run_id",
    "run_source",
    "parent_span",
    "response_id",
    "asked",
    "config",
)
KEY_TEXTS = ("team", "models", "policy", "tags", "limits")
INDEXES = (
    ("span_run", ["run_id", "started_us"]),
    ("span_response", ["response_id"]),
    ("span_asked", ["asked"]),
    ("span_team", ["team", "started_us"]),
)


def upgrade() -> None:
    """Add the columns, each NULL for what was stored before, and the new tables."""
    for name in SPAN_TEXTS:
        op.add_column("span", sa.Column(name, sa.Text(), nullable=True))
    for name in SPAN_AMOUNTS:
        op.add_column("span", sa.Column(name, sa.BigInteger(), nullable=True))
    for name, columns in INDEXES:
        op.create_index(name, "span", columns, unique=False)
    op.create_index("span_key", "span", ["key_id", "started_us"], unique=False)
    for name in KEY_TEXTS:
        op.add_column("api_key", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("api_key", sa.Column("expires_us", sa.BigInteger(), nullable=True))
    _outside_span()
    _feedback()
    _audit()
    op.create_table(
        "key_check",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _outside_span() -> None:
    op.create_table(
        "outside_span",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("parent_span", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Boolean(), nullable=False),
        sa.Column("response_id", sa.Text(), nullable=True),
        sa.Column("asked", sa.Text(), nullable=True),
        sa.Column("detail_blob", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("outside_span_trace", "outside_span", ["trace_id"], unique=False)
    op.create_index("outside_span_response", "outside_span", ["response_id"], unique=False)
    op.create_index("outside_span_asked", "outside_span", ["asked"], unique=False)


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("comment_blob", sa.Text(), nullable=True),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("feedback_target", "feedback", ["target", "created_us"], unique=False)


def _audit() -> None:
    op.create_table(
        "audit_event",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_event_newest", "audit_event", ["at_us", "id"], unique=False)


def downgrade() -> None:
    """Take them away again."""
    for name in ("key_check", "audit_event", "feedback", "outside_span"):
        op.drop_table(name)
    for name in ("expires_us", *KEY_TEXTS):
        op.drop_column("api_key", name)
    for name, _ in (*INDEXES, ("span_key", [])):
        op.drop_index(name, table_name="span")
    for name in (*SPAN_AMOUNTS, *SPAN_TEXTS):
        op.drop_column("span", name)
