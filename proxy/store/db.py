"""The store: one engine, one way to write. SQLite by default, PostgreSQL for teams, the same schema."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, SQLAlchemyError

from proxy.store import app_rows, rows, tables
from proxy.store.bodies import Blobs
from proxy.store.migrations import versions

_BUSY_MS = 5_000
_MIGRATION_LOCK = 0x6775617264
"""Advisory lock ("guard" in ASCII) under which one process at a time migrates PostgreSQL."""
_WRITES = {"writes": True}
"""Execution option of a transaction that will write: SQLite then takes its lock at once."""

_ORDER = (
    tables.BLOB,
    tables.SPAN,
    tables.MESSAGE_REF,
    tables.FINDING,
    tables.TOOL_CALL,
    tables.RETRIEVAL_HIT,
    tables.GAP,
    tables.OUTSIDE_SPAN,
    tables.FEEDBACK,
)


class StoreError(Exception):
    """The store cannot be opened as asked. The message says what to do and holds no password."""


@dataclass(frozen=True, slots=True)
class Store:
    """Where traces, reviews, runs and keys are kept. Synchronous: for threads, never for the event loop."""

    engine: Engine
    key: bytes
    """The data key: names the blobs."""

    def write(self, documents: Sequence[dict[str, Any]]) -> list[str]:
        """Store trace and gap documents in one transaction; those already stored are left as they are.

        Returns the ids of documents that no database would take (not a trace document, values out of range);
        the others are stored. Raises sqlalchemy's errors when the database cannot be reached.
        """
        try:
            self._insert(documents)
        except _UNSTORABLE:
            return self._write_each(documents)
        return []

    def _write_each(self, documents: Sequence[dict[str, Any]]) -> list[str]:
        refused = []
        for document in documents:
            try:
                self._insert([document])
            except _UNSTORABLE:
                refused.append(str(document.get("id", "")))
        return refused

    def _insert(self, documents: Sequence[dict[str, Any]]) -> None:
        new = rows.Rows(Blobs(self.key))
        for document in documents:
            if not app_rows.add(new, document):
                rows.add(new, document)
        new.by_table["blob"] = list(new.blobs.rows.values())
        with self.begin() as connection:
            for table in _ORDER:
                if found := new.by_table.get(table.name):
                    self._insert_rows(connection, table, found)

    def _insert_rows(self, connection: Connection, table: Table, found: list[dict[str, Any]]) -> None:
        if self.engine.dialect.name == "sqlite":
            # Whole rows of plain values: SQLAlchemy would only copy each of them, at twice the price.
            values = itemgetter(*(column.name for column in table.columns))
            connection.exec_driver_sql(_sqlite_insert(table), [values(row) for row in found])
        else:
            connection.execute(self.insert_or_ignore(table), found)

    def insert_or_ignore(self, table: Table) -> Any:
        """An insert that leaves rows whose key already exists as they are."""
        dialect = sqlite if self.engine.dialect.name == "sqlite" else postgresql
        return dialect.insert(table).on_conflict_do_nothing()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction that writes: committed at the end, rolled back on an error."""
        with self.engine.execution_options(**_WRITES).begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that only reads, on one snapshot."""
        with self.engine.connect() as connection:
            yield connection

    def ping(self) -> None:
        """Raises when the database does not answer."""
        with self.read() as connection:
            connection.execute(text("SELECT version_num FROM alembic_version"))

    def clock(self) -> float | None:
        """The database's own time in seconds since 1970; None where it has no clock of its own, or is away."""
        if self.engine.dialect.name == "sqlite":
            return None
        try:
            with self.read() as connection:
                now = connection.execute(text("SELECT EXTRACT(EPOCH FROM clock_timestamp())"))
                return float(now.scalar_one())
        except AWAY:
            return None

    def trouble(self) -> str | None:
        """What keeps the database from answering, in words for an operator; None when it answers."""
        try:
            self.ping()
        except AWAY as error:
            return f"the database does not answer ({type(error).__name__})"
        return None

    def close(self) -> None:
        """Give every connection back. One that is asked for later is a new one."""
        self.engine.dispose()


@cache
def _sqlite_insert(table: Table) -> str:
    """As `insert_or_ignore`, in SQL as SQLite's driver takes it, for rows that name every column."""
    insert = sqlite.insert(table).on_conflict_do_nothing()
    return str(insert.compile(dialect=sqlite.dialect(paramstyle="qmark")))


_UNSTORABLE = (DataError, IntegrityError, KeyError, TypeError, ValueError, OverflowError, AttributeError)
"""What a document that does not fit raises, as opposed to a database that is away."""


def open_store(database_url: str, key: bytes) -> Store:
    """The store behind a database URL, its schema up to date. Raises StoreError for a URL it cannot serve."""
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise StoreError(f"database_url is not a URL. {_EXAMPLES}") from None
    opener = {"sqlite": _open_sqlite, "postgresql": _open_postgresql}.get(url.get_backend_name())
    if opener is None:
        raise StoreError(f"database_url names {url.get_backend_name()!r}, which is not served. {_EXAMPLES}")
    store = Store(opener(database_url), key)
    try:
        migrate(store.engine)
    except AWAY as error:
        store.close()
        raise StoreError(f"the database cannot be opened ({type(error).__name__}). {_EXAMPLES}") from None
    return store


def url_of(data_dir: Path, database_url: str | None) -> str:
    """The database URL that was configured, or the SQLite file in the data folder."""
    return database_url or f"sqlite:///{data_dir / 'guardhouse.sqlite3'}"


AWAY = (SQLAlchemyError, sqlite3.Error)
"""What a database that does not answer raises; the driver's own error while a connection is prepared."""
_EXAMPLES = "Use sqlite:////var/lib/guardhouse/guardhouse.sqlite3 or postgresql+psycopg://user:password@host/database."


def _open_sqlite(database_url: str) -> Engine:
    url = make_url(database_url)
    if url.database in (None, "", ":memory:"):
        raise StoreError(f"database_url names no file: traces would be lost at exit. {_EXAMPLES}")
    try:
        _make_private(Path(str(url.database)))
    except OSError as error:
        raise StoreError(f"the database's file cannot be made ({error.strerror}). {_EXAMPLES}") from None
    engine = create_engine(url, connect_args={"timeout": _BUSY_MS / 1000, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # The driver must not open transactions by itself: it would leave DDL outside of them.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout = {_BUSY_MS}",
            "journal_mode = WAL",
            "synchronous = FULL",
            # Pages (16 MB) of log: many traces change the same pages, which are then copied once.
            "wal_autocheckpoint = 4000",
            "foreign_keys = ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer that starts as a reader may find its snapshot stale, which no busy_timeout cures.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _make_private(file: Path) -> None:
    """Make a database's file, and its folder, for this user alone; what is there keeps its mode. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not str(file).startswith("file:"):
        # SQLite gives its log the mode of the file.
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _open_postgresql(database_url: str) -> Engine:
    from proxy.store.postgresql import open_engine

    return open_engine(make_url(database_url))


def migrate(engine: Engine) -> None:
    """Bring a database to this version's schema; several processes may try at once, one does it."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(versions.__file__).parent.parent))
    with engine.execution_options(**_WRITES).begin() as connection:
        if engine.dialect.name == "postgresql":
            from proxy.store.postgresql import be_patient

            be_patient(connection)
            connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _MIGRATION_LOCK})
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError:
            raise StoreError(
                "the database was made by a newer version. Upgrade guardhouse to read it."
            ) from None
