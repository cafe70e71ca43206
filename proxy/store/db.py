"""The store: one engine, one way to write. SQLite by default, PostgreSQL for teams, the same schema."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Table, create_engine, event, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, OperationalError, SQLAlchemyError

from proxy.chain import verification_key
from proxy.store import app_rows, rows, tables, texts
from proxy.store.anchors import Anchors
from proxy.store.audit import Ledger, awaits_chain, begin_chain
from proxy.store.bodies import Blobs
from proxy.store.data_keys import IDENTITY, DataKeys, WrongKey
from proxy.store.derived import follow
from proxy.store.failures import EXAMPLES, why
from proxy.store.late import beside_others, late
from proxy.store.migrations import versions
from proxy.store.tables import SPAN
from proxy.store.tables_governance import DATA_KEY

_BUSY_MS = 5_000
"""How long SQLite waits for whoever writes."""
PATIENCE_S = 15.0
"""How long it waits on, where what a person did would be lost otherwise."""
_log = logging.getLogger(__name__)
MIGRATION_LOCK = 0x6775617264
"""Advisory lock ("guard" in ASCII) under which one process at a time migrates a schema of PostgreSQL."""
MIGRATING = text("SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), :id))")
_WRITES: dict[str, Any] = {"writes": True}
"""Execution option of a transaction that will write: SQLite then takes its lock at once."""

_PARAMETERS = 500
"""Values in one IN list."""
_ORDER = (
    tables.BLOB,
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


class OtherKey(StoreError):
    """The database belongs to another data key."""


@dataclass(frozen=True, slots=True)
class Store:
    """Where traces, reviews, runs and keys are kept. Synchronous: for threads, never for the event loop."""

    engine: Engine
    keys: DataKeys
    """Encrypts what is stored, and names it."""
    search: bool = True
    """Whether the words of what is stored are indexed, not encrypted, so that texts can be searched."""
    anchors: Anchors | None = None
    """Where the end of the audit chain is written down after each act; None: nowhere."""
    refused: Path | None = None
    """The spool's folder of what the database did not take; None: nobody knows of one."""

    @property
    def key(self) -> bytes:
        """Secret of this installation: names blobs, keys fingerprints and pseudonyms."""
        return self.keys.identity

    def write(self, documents: Sequence[dict[str, Any]]) -> list[str]:
        """Store trace and gap documents in one transaction; those already stored are left as they are.

        Returns the ids of documents that no database would take (not a trace document, values out of range);
        the others are stored, a trace whose texts do not fit without them. Raises sqlalchemy's errors when the
        database cannot be reached, or takes the same documents later.
        """
        if self._fails(documents) is None:
            return []
        return [str(one.get("id", "")) for one in documents if not self._write_one(one)]

    def _write_one(self, document: dict[str, Any]) -> bool:
        """Store a document, or what fits of it; False when nothing does."""
        why = self._fails([document])
        if why is None or "kind" in document:
            return why is None
        if self._fails([rows.reduced(document, why)]) is not None:
            return False
        _log.error("a trace fits in no database with its texts (%s); it is stored without them", why)
        return True

    def _fails(self, documents: Sequence[dict[str, Any]]) -> str | None:
        """Store documents; the kind of error when one of them does not fit. Raises what another try may cure."""
        try:
            self._insert(documents)
        except _UNSTORABLE as error:
            if _is_passing(error):
                raise
            return type(error).__name__
        return None

    def _insert(self, documents: Sequence[dict[str, Any]]) -> None:
        new = self._rows(documents)
        with self.begin() as connection:
            beside_others(connection)
            if dropped := late(connection, documents):
                documents = [document for place, document in enumerate(documents) if place not in dropped]
                new = self._rows(documents)
            fresh = self._insert_spans(connection, new.by_table.get("span", []))
            for table in _ORDER:
                if found := new.by_table.get(table.name):
                    self._insert_rows(connection, table, found)
            new_ones = {id: document for document in documents if (id := document["id"]) in fresh}
            follow(connection, new_ones)
            if self.search:
                texts.index(connection, new_ones)

    def _rows(self, documents: Sequence[dict[str, Any]]) -> rows.Rows:
        new = rows.Rows(Blobs(self.keys))
        for document in documents:
            if not app_rows.add(new, document):
                rows.add(new, document)
        # In one order: two proxies that store the same bytes wait for each other, never in a ring.
        new.by_table["blob"] = [row for _, row in sorted(new.blobs.rows.items())]
        return new

    def _insert_spans(self, connection: Connection, spans: list[dict[str, Any]]) -> set[str]:
        """Insert those that are not stored yet; returns their ids, so that each is counted once, ever."""
        if not spans:
            return set()
        if self.engine.dialect.name != "sqlite":
            # One parameter: a statement with one for each of fifty columns of each row is read for longer than run.
            return set(connection.execute(_SPANS_AT_ONCE, {"rows": orjson.dumps(spans).decode()}).scalars())
        # Nobody else writes while this transaction is open.
        ids = sorted({span["id"] for span in spans})
        there: set[str] = set()
        for first in range(0, len(ids), _PARAMETERS):
            some = SPAN.c.id.in_(ids[first : first + _PARAMETERS])
            there.update(connection.execute(select(SPAN.c.id).where(some)).scalars())
        self._insert_rows(connection, SPAN, spans)
        return set(ids) - there

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
    def begin(self, patience_s: float = 0.0) -> Iterator[Connection]:
        """A transaction that writes: committed at the end, rolled back on an error. Acts are noted on it.

        `patience_s`: how much longer than usual it waits for SQLite's other writers before it raises.
        """
        ledger = Ledger(verification_key(self.key))
        options = _WRITES | {"ledger": ledger, "patience_s": patience_s}
        with self.engine.execution_options(**options).begin() as connection:
            yield connection
        if ledger.head is not None and self.anchors is not None:
            self.anchors.add(ledger.key, ledger.head)

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


_SPANS_AT_ONCE = text(
    f"INSERT INTO span ({', '.join(SPAN.columns.keys())})"  # noqa: S608
    f" SELECT {', '.join(SPAN.columns.keys())} FROM json_populate_recordset(NULL::span, CAST(:rows AS json))"
    " ON CONFLICT DO NOTHING RETURNING id"
)


@cache
def _sqlite_insert(table: Table) -> str:
    """As `insert_or_ignore`, in SQL as SQLite's driver takes it, for rows that name every column."""
    insert = sqlite.insert(table).on_conflict_do_nothing()
    return str(insert.compile(dialect=sqlite.dialect(paramstyle="qmark")))


_MIGRATED = "brought to the schema of this version"
_UNSTORABLE = (DataError, IntegrityError, KeyError, TypeError, ValueError, OverflowError, AttributeError)
"""What a document that does not fit raises, as opposed to a database that is away."""


def _is_passing(error: BaseException) -> bool:
    """Whether PostgreSQL takes the same rows later: they ran into others, or a partition was made under them."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    # The schema has no checks but the bounds of partitions.
    return state == "23514" or state[:2] in ("40", "55", "57")


def open_store(
    database_url: str,
    key: bytes,
    again: Callable[[], bytes] | None = None,
    *,
    search: bool = True,
    anchors: Anchors | None = None,
) -> Store:
    """The store behind a database URL, its schema up to date, its audit chain begun, opened with the root key.

    `again` reads that key once more, after it was rotated; `search` says whether the words of what will be stored are
    indexed; `anchors`, where the ends of the audit chain are written down. Raises StoreError for a URL it cannot
    serve, OtherKey for a database of another root key.
    """
    engine = _engine(database_url)
    doing = "opened"
    try:
        engine.connect().close()
        doing = _MIGRATED
        migrate(engine)
        doing = "opened"
        store = Store(engine, DataKeys(engine, key, again), search, anchors)
        _begin_chain(store)
        return store
    except AWAY as error:
        engine.dispose()
        raise _cannot_be(doing, error) from None
    except WrongKey as error:
        engine.dispose()
        raise OtherKey(str(error)) from None


def _cannot_be(done: str, error: BaseException) -> StoreError:
    reason, fix = why(error)
    # A migration is one transaction.
    unchanged = " Nothing was changed." if done == _MIGRATED else ""
    return StoreError(f"the database cannot be {done}: {reason}.{unchanged} {fix}")


def _engine(database_url: str) -> Engine:
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise StoreError(f"database_url is not a URL. {EXAMPLES}") from None
    opener = {"sqlite": _open_sqlite, "postgresql": _open_postgresql}.get(url.get_backend_name())
    if opener is None:
        raise StoreError(f"database_url names {url.get_backend_name()!r}, which is not served. {EXAMPLES}")
    return opener(database_url)


def reach(database_url: str) -> None:
    """Raises StoreError for a URL that is not served, and when its database does not answer. Reads nothing."""
    engine = _engine(database_url)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except AWAY as error:
        raise _cannot_be("opened", error) from None
    finally:
        engine.dispose()


def read_store(database_url: str, key: bytes) -> Store:
    """A database as it is, for reading alone: nothing is made, migrated or begun. Raises StoreError."""
    file = database_url.removeprefix("sqlite:///") if database_url.startswith("sqlite:///") else None
    if file is not None and not Path(file).is_file():
        raise StoreError(f"there is no database {file}")
    engine = _engine(database_url)
    try:
        with engine.connect() as connection:
            version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            if version != _newest():
                raise StoreError(
                    f"the database has schema {version}: open it once with guardhouse of this version"
                )
            named = select(DATA_KEY.c.id).where(DATA_KEY.c.id == IDENTITY)
            if connection.execute(named).first() is None:
                raise StoreError(
                    "the database has lost its identity key: restore the table data_key from a backup"
                )
        return Store(engine, DataKeys(engine, key))
    except AWAY as error:
        engine.dispose()
        raise StoreError(f"the database cannot be read ({type(error).__name__})") from None
    except (StoreError, WrongKey) as error:
        engine.dispose()
        raise StoreError(str(error)) from None


def _newest() -> str | None:
    """The newest schema that this version knows."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(Path(versions.__file__).parent.parent)).get_current_head()


def _begin_chain(store: Store) -> None:
    """Start the audit chain of a new database, or of an older version's."""
    with store.read() as connection:
        new = awaits_chain(connection)
    if new:
        with store.begin() as connection:
            begin_chain(connection)


def url_of(data_dir: Path, database_url: str | None) -> str:
    """The database URL that was configured, or the SQLite file in the data folder."""
    return database_url or f"sqlite:///{data_dir / 'guardhouse.sqlite3'}"


AWAY = (SQLAlchemyError, sqlite3.Error)
"""What a database that does not answer raises; the driver's own error while a connection is prepared."""


_LOG = 16 << 20
"""Bytes of SQLite's log before it is copied: many traces change the same pages, which are then copied once."""


def _open_sqlite(database_url: str) -> Engine:
    url = make_url(database_url)
    if url.database in (None, "", ":memory:"):
        raise StoreError(f"database_url names no file: traces would be lost at exit. {EXAMPLES}")
    try:
        _make_private(Path(str(url.database)))
    except OSError as error:
        raise StoreError(f"the database's file cannot be made ({error.strerror}). {EXAMPLES}") from None
    engine = create_engine(url, connect_args={"timeout": _BUSY_MS / 1000, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # The driver must not open transactions by itself: it would leave DDL outside of them.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        if not connection.execute("PRAGMA page_count").fetchone()[0]:
            # Only of effect before anything is in a file, and asked for later it would wait for whoever writes.
            # Rows of our size leave less of a page of 8 KiB unused; pages that retention frees can be given back.
            connection.execute("PRAGMA page_size = 8192")
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        # What is deleted is overwritten.
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG // size}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer that starts as a reader may find its snapshot stale, which no busy_timeout cures.
        options = connection.get_execution_options()
        if options.get("writes", False):
            _begin_writing(connection, options.get("patience_s", 0.0))
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def _begin_writing(connection: Connection, patience_s: float) -> None:
    """Become the one writer. SQLite serves nobody in turn, so who waits may be passed over: it is asked again."""
    until = time.monotonic() + _BUSY_MS / 1000 + patience_s
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        except OperationalError as error:
            if not is_busy(error) or time.monotonic() >= until:
                raise


def is_busy(error: BaseException) -> bool:
    """Whether others wrote to SQLite for too long, so that nothing was done."""
    return getattr(getattr(error, "orig", None), "sqlite_errorname", "").startswith("SQLITE_BUSY")


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
            connection.execute(MIGRATING, {"id": MIGRATION_LOCK})
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError:
            raise StoreError(
                "the database was made by a newer version. Upgrade guardhouse to read it."
            ) from None
