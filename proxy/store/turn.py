"""Whose turn it is to maintain a database that several processes share.

Whoever takes the lock first: an advisory lock in PostgreSQL, or the file `maintenance.lock` beside SQLite's. It is
kept as long as its process lives; then the next one has it.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from proxy.store.db import AWAY, Store
from proxy.store.postgresql import Impatient

_LOCK = 0x67756D61696E74
_SILENCE_S = 5.0
"""How long the connection that holds the lock may be silent: whoever stops waits for it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to do the jobs: a file that is locked, or a connection that is."""

    file: IO[str] | None = None
    connection: Connection | None = None

    def holds(self) -> bool:
        """Whether nobody else can have it. Raises sqlalchemy's errors when the connection is gone."""
        if self.connection is not None:
            self.connection.execute(text("SELECT 1"))
            self.connection.rollback()
        return True

    def give_up(self) -> None:
        """Let the next one have it."""
        if self.file is not None:
            self.file.close()
        if self.connection is not None:
            # Closed, it holds no lock any more; asked first, a database that hangs would keep whoever stops.
            with suppress(*AWAY):
                self.connection.invalidate()
                self.connection.close()


def take_turn(store: Store, folder: Path) -> Turn | None:
    """The right to do the jobs; None while another process has it. Raises OSError and sqlalchemy's errors."""
    if store.engine.dialect.name == "sqlite":
        # Beside the database: proxies may share that, and each have a folder of its own.
        beside = Path(store.engine.url.database or folder).parent / "maintenance.lock"
        file = os.fdopen(os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return Turn(file=file)
    connection = store.engine.connect()
    try:
        got = connection.execute(
            text("SELECT pg_try_advisory_lock(hashtextextended(current_schema(), :id))"), {"id": _LOCK}
        ).scalar_one()
        connection.rollback()
    except SQLAlchemyError:
        connection.close()
        raise
    if not got:
        connection.close()
        return None
    # Never given back to the pool: it is closed when the turn ends.
    held = connection.connection.dbapi_connection
    if isinstance(held, Impatient):
        held.silence_s = _SILENCE_S
    return Turn(connection=connection)
