"""How long the server bears with a client that does not send its request, or does not read its reply.

It looks at all connections once a second: a request costs nothing for it.
"""

from __future__ import annotations

import fcntl
import struct
import termios
from collections.abc import Iterable
from typing import TYPE_CHECKING

from proxy.config_schema import Clients

if TYPE_CHECKING:
    from proxy.http_protocol import HTTPConnection


class Patience:
    """Drops connections whose clients take too long. Give it all connections of a server every now and then."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients
        self._sending: dict[HTTPConnection, tuple[object, float]] = {}
        """Since when a connection waits for the head of a request: (after which request, seconds)."""
        self._reading: dict[HTTPConnection, tuple[int, float]] = {}
        """Since when a client took nothing of its reply: (bytes that it has not taken, seconds)."""

    def look(self, connections: Iterable[HTTPConnection], now: float) -> int:
        """Drop what has waited too long at a time in seconds; how many those are."""
        sending, reading = {}, {}
        for connection in connections:
            if untaken := _untaken(connection):
                known = self._reading.get(connection)
                reading[connection] = known if known and known[0] == untaken else (untaken, now)
            elif _awaits_head(connection):
                first = self._sending.get(connection)
                after = connection.cycle
                sending[connection] = first if first and first[0] is after else (after, now)
        self._sending, self._reading = sending, reading
        stuck = [each for each, (_, since) in reading.items() if now - since >= self.clients.read_s]
        for connection in stuck:
            connection.transport.abort()
        late = [each for each, (_, since) in sending.items() if now - since >= self.clients.send_s]
        if len(sending) > self.clients.waiting:
            longest = sorted(sending, key=lambda each: sending[each][1])
            late = list({*late, *longest[: len(sending) - self.clients.waiting]})
        for connection in late:
            connection.give_up()
        return len(stuck) + len(late)


def _awaits_head(connection: HTTPConnection) -> bool:
    """Whether a client owes the head of a request; between requests there is time, and uvicorn sees to that."""
    if connection.cycle is None:
        return True
    return connection.cycle.response_complete and connection.timeout_keep_alive_task is None


def _untaken(connection: HTTPConnection) -> int:
    """Bytes of a reply that wait here for the client, with those in the kernel; 0 when none wait here."""
    waiting: int = connection.transport.get_write_buffer_size()
    if not waiting:
        return 0
    # The kernel's part says that a slow client reads long before ours does: it asks for more only now and then.
    try:
        told = fcntl.ioctl(
            connection.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, b"\0" * 4
        )
    except (OSError, ValueError):  # it is closed by now
        return waiting
    return waiting + int(struct.unpack("i", told)[0])
