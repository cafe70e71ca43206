"""The index of what was said."""

from __future__ import annotations

from alembic import op

revision = "v0007"
down_revision = "v0006"
branch_labels = None
depends_on = None

_SQLITE = (
    "CREATE TABLE span_text (id INTEGER NOT NULL PRIMARY KEY, span_id TEXT NOT NULL, tenant TEXT NOT NULL,"
    " words TEXT NOT NULL)",
    # The words come cut and folded: nothing but ASCII letters and digits, and characters beyond ASCII.
    "CREATE VIRTUAL TABLE span_word USING fts5("
    "words, content='span_text', content_rowid='id', tokenize='ascii', columnsize=0)",
    "CREATE TRIGGER span_text_in AFTER INSERT ON span_text BEGIN"
    " INSERT INTO span_word (rowid, words) VALUES (new.id, new.words); END",
    # An index with content elsewhere forgets words only when it is told them.
    "CREATE TRIGGER span_text_out AFTER DELETE ON span_text BEGIN"
    " INSERT INTO span_word (span_word, rowid, words) VALUES ('delete', old.id, old.words); END",
)
_POSTGRESQL = (
    'CREATE TABLE span_text (id BIGINT NOT NULL, span_id TEXT COLLATE "C" NOT NULL, tenant TEXT NOT NULL,'
    " words TSVECTOR NOT NULL) PARTITION BY RANGE (span_id)",
    "CREATE TABLE span_text_default PARTITION OF span_text DEFAULT",
    "CREATE INDEX span_text_words ON span_text USING gin (words)",
)


def upgrade() -> None:
    """Add the index. Traces of older versions are not in it."""
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)
    op.create_index("span_text_span", "span_text", ["span_id"])


def downgrade() -> None:
    """Take it away."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE span_word")
    op.drop_table("span_text")
