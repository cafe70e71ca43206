"""Turns of those who send spans: few are worked on at once, so that exports leave the machine to the requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from proxy.errors import Unavailable

AT_ONCE = 2
"""Exports that are worked on."""
MOST_WAITING = 8
"""Exports that wait for their turn; each holds its body in memory."""
RETRY = {"retry-after": "5"}


class Turns:
    """Who is at work and who waits, in one process."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Until the end of the block it is one's turn. Raises Unavailable when too many wait."""
        if self._waiting >= MOST_WAITING:
            raise Unavailable("Too many exports are under way. Send the spans again later.", headers=RETRY)
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()
