"""A provider that misbehaves below HTTP: it plays bytes, pauses, resets and silence, connection by connection."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from enum import Enum


class End(Enum):
    """What a connection does at a point of its play."""

    CLOSE = "closes properly"
    RESET = "resets"
    SILENT = "says nothing more, until the other side closes"
    KEEP = "waits for the next request"


Step = bytes | float | End
"""Bytes to send, seconds to wait, or how it ends."""
Play = Sequence[Step]
Choose = Callable[[int], Play]
"""Takes the number of the request, from 0, gives what is played to it."""


class RoughProvider:
    """A provider on a real socket, in its own thread, that plays `choose` after each request it read."""

    def __init__(self) -> None:
        self.choose: Choose = lambda number: [End.CLOSE]
        self.bodies: list[bytes] = []
        self.closed: list[float] = []
        """When the other side closed while an answer was owed or under way (time.monotonic)."""
        self.open = 0
        """Connections that are open."""
        self.sent = 0
        """Bytes of answers that were handed to the socket."""
        self.port = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(5)

    def play(self, *steps: Step) -> None:
        """Forget what was, and play the same to every request from now on."""
        self.reset(lambda number: steps)

    def reset(self, choose: Choose) -> None:
        """Forget what was, and play this from now on."""
        self.bodies.clear()
        self.closed.clear()
        self.sent = 0
        self.choose = choose

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read a request and play to it; whether the connection goes on."""
        head = await reader.readuntil(b"\r\n\r\n")
        sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
        self.bodies.append(await reader.readexactly(int(sizes[0].split(b":")[1])))
        playing = asyncio.ensure_future(self._play(writer, self.choose(len(self.bodies) - 1)))
        left = asyncio.ensure_future(reader.read(1))
        await asyncio.wait({playing, left}, return_when=asyncio.FIRST_COMPLETED)
        if not playing.done() or playing.exception():
            self.closed.append(time.monotonic())
            playing.cancel()
            left.cancel()
            await asyncio.wait({playing, left})
            return False
        left.cancel()
        await asyncio.wait({left})
        return await playing

    async def _play(self, writer: asyncio.StreamWriter, steps: Play) -> bool:
        for step in steps:
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
                self.sent += len(step)
                await asyncio.sleep(0)
            elif isinstance(step, float):
                await asyncio.sleep(step)
            elif step is End.KEEP:
                return True
            elif step is End.RESET:
                _reset(writer)
                return False
            elif step is End.SILENT:
                await asyncio.Event().wait()
        return False


def _reset(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
