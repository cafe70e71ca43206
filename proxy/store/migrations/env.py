"""Alembic's entry: runs the revisions on the connection that `proxy.store.db.migrate` opened and locked."""

from __future__ import annotations

from alembic import context

from proxy.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
