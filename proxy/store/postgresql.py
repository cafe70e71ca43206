"""PostgreSQL as the store reaches it: a database that falls silent is given up, whatever its network says.

A connection can hang without ever failing: behind a proxy that died, a firewall that forgot it, a server that is
stopped. Whoever waits on it would wait for ever, and so would whatever waits for that.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

SILENCE_SECONDS = 30.0
"""How long a statement may go without a byte of an answer, before its connection is given up."""
CONNECT_SECONDS = 5
CANCEL_SECONDS = 2.0
_ALIVE = {
    "keepalives": 1,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""How the system notices a peer that is gone, as far as the URL does not say otherwise."""


class Silent(psycopg.OperationalError):
    """The database did not answer in time. The connection is closed."""


class Impatient(psycopg.Connection[Any]):
    """A connection that ends when nothing comes for too long."""

    silence_s = SILENCE_SECONDS

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **named: Any) -> Any:
        """Wait for what the driver does. Raises Silent."""
        return super().wait(self._bounded(gen), *args, **named)

    def _bounded(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """The same steps; between two that bring something there is so much time."""
        heard = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready:
                    heard = time.monotonic()
                elif time.monotonic() - heard > self.silence_s:
                    self._give_up()
                wanted = gen.send(ready)
        except StopIteration as done:
            return done.value

    def _give_up(self) -> None:
        # A server that is only slow would otherwise go on with what nobody waits for.
        if psycopg.capabilities.has_cancel_safe():
            try:
                self.cancel_safe(timeout=CANCEL_SECONDS)
            except psycopg.Error:
                pass
        self.pgconn.finish()
        raise Silent("the database did not answer in time")


def open_engine(url: URL) -> Engine:
    """An engine for a URL. Nothing is connected yet."""
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    engine = create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_SECONDS})

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: Any, _record: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        return Impatient.connect(*args, **{**_ALIVE, **named})

    return engine


def be_patient(connection: Connection, silence_s: float = float("inf")) -> None:
    """Let this connection wait longer, for a migration as long as it takes; it is closed after its transaction."""
    connection.detach()
    reached: Any = connection.connection.dbapi_connection
    reached.silence_s = silence_s
