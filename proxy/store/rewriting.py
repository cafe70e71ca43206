"""Writes the database's files anew after an erasure, so that nothing of what was deleted is left in them.

SQLite overwrites what it deletes, but its log and pages that were split keep copies. PostgreSQL keeps deleted rows
until VACUUM, and their bytes until the page is written over: only VACUUM FULL is sure. It needs a table to itself, and
leaves what a transaction that began before may still see: those are waited for.
"""

from __future__ import annotations

import sqlite3
import time

from sqlalchemy import Connection, text

from proxy.store.belongings import OWNED
from proxy.store.db import Store
from proxy.store.late import patient
from proxy.store.tables import BLOB, RUN
from proxy.store.tables_governance import AUDIT_EVENT, REVEAL
from proxy.store.tables_texts import SPAN_TEXT
from proxy.store.texts import purge_texts

PATIENCE_S = 30.0
"""For how long others are waited for who still read what was deleted."""
_PAUSE_S = 0.25
_NOW = text("SELECT (txid_current() % 4294967296)::text")
_OLDER = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend' AND greatest(age(backend_xmin), age(backend_xid)) > age(CAST(:now AS xid))"
)


def rewrite(store: Store, *, whole: bool) -> bool:
    """Write over what was deleted; whether all of it is. With `whole` the files are written anew, which needs room."""
    if store.engine.dialect.name == "sqlite":
        return _sqlite(store, whole)
    beside = (BLOB, RUN, SPAN_TEXT, REVEAL, AUDIT_EVENT)
    tables = sorted({table.name for table, _ in OWNED} | {table.name for table in beside})
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        patient(connection)
        alone = _alone(connection)
        for table in tables:
            # The statistics hold values of columns too.
            connection.execute(text(f"VACUUM ({'FULL, ' if whole else ''}ANALYZE) {table}"))
    return whole and alone


def _alone(connection: Connection) -> bool:
    """Returns when no transaction is left that began before now; False when one outlasts our patience."""
    now = connection.execute(_NOW).scalar_one()
    until = time.monotonic() + PATIENCE_S
    while connection.execute(_OLDER, {"now": now}).scalar_one():
        if time.monotonic() > until:
            return False
        time.sleep(_PAUSE_S)
    return True


def _sqlite(store: Store, whole: bool) -> bool:
    """Needs a moment in which nobody else reads or writes."""
    if whole:
        with store.begin() as connection:
            purge_texts(connection)
    until = time.monotonic() + PATIENCE_S
    while True:
        raw = store.engine.raw_connection()
        try:
            cursor = raw.cursor()
            if whole:
                cursor.execute("VACUUM")
            busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                return whole
        except sqlite3.OperationalError:
            pass
        finally:
            raw.close()
        if time.monotonic() > until:
            return False
        time.sleep(_PAUSE_S)
