"""Queries that end in time: a list that a reviewer waits for is not worth a minute of the database's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.exc import OperationalError

from proxy.store.db import Store

_STEPS = 2_000
"""Instructions of SQLite's machine between two looks at the clock."""
_LEAST_LOOKS = 50
"""Looks at the clock before a query may be late: what is this short is answered however busy the machine is."""
_LEAST_S = 0.005


class Late(Exception):
    """The time was over before the answer was there."""


class Timed:
    """A connection that only reads, and until when. Queries share the time."""

    def __init__(self, connection: Connection, seconds: float) -> None:
        self.connection = connection
        self.sqlite = connection.dialect.name == "sqlite"
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until the end; less than none after it."""
        return self._end - time.monotonic()

    def rows(self, query: Executable, share: float = 1.0) -> list[dict[str, Any]]:
        """The rows of a query that takes at most this share of all the time, and no more than is left. Raises Late."""
        with self.limited(share):
            return [dict(row) for row in self.connection.execute(query).mappings()]

    @contextmanager
    def limited(self, share: float = 1.0) -> Iterator[None]:
        """Ends what is executed inside when the share is used up. Raises Late."""
        seconds = min(self.left, self.seconds * share)
        if seconds < _LEAST_S:
            raise Late
        with _sqlite(self.connection, seconds) if self.sqlite else _postgresql(self.connection, seconds):
            yield


@contextmanager
def timed(store: Store, seconds: float) -> Iterator[Timed]:
    """A connection for queries that together take at most so long."""
    with store.read() as connection:
        yield Timed(connection, seconds)


@contextmanager
def _sqlite(connection: Connection, seconds: float) -> Iterator[None]:
    reached: Any = connection.connection.dbapi_connection
    end, looks = time.monotonic() + seconds, count(1)
    reached.set_progress_handler(lambda: next(looks) > _LEAST_LOOKS and time.monotonic() > end, _STEPS)
    try:
        yield
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorname", "") != "SQLITE_INTERRUPT":
            raise
        raise Late from None
    finally:
        reached.set_progress_handler(None, 0)


@contextmanager
def _postgresql(connection: Connection, seconds: float) -> Iterator[None]:
    from psycopg.errors import QueryCanceled

    # Compiling a query cannot be interrupted, and takes longer than all the time that there is.
    connection.exec_driver_sql(
        f"SET LOCAL jit = off; SET LOCAL statement_timeout = {max(1, int(seconds * 1000))}"
    )
    try:
        yield
    except OperationalError as error:
        if not isinstance(error.orig, QueryCanceled):
            raise
        # The transaction is of no use any more: the next statement begins another.
        connection.rollback()
        raise Late from None
