"""One HTTP request and its reply over bare ASGI: body in, JSON or events out, and a watch on the client."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

from proxy.errors import BadRequest, Code, PayloadTooLarge, ProxyError, RequestTimeout
from proxy.exchange import new_id

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

ID = "guardhouse.id"
"""Key of a request's scope: the id that every reply to it names, whoever answers."""
REFUSED = "guardhouse.refused"
"""Key of a request's scope: the error with which the connection itself answered before the request was whole."""
ENDED = "guardhouse.ended"
"""Key of a request's scope: there when its caller ended the connection in the middle of it."""
WATCH_AFTER_SECONDS = 0.03
"""From when on it is watched whether the client is still there."""
SLOWEST_BODY = 16 * 1024
"""Bytes a second in which a long request body must come, once the time for any body is over."""


_VENDORS = (b"openai-", b"anthropic-")
"""How the headers begin that choose features of a provider, and hold no credentials."""


class ClientGone(Exception):
    """The client closed its connection before the reply was complete."""


class Connection:
    """One request of one client, and the reply to it. For use by one task, but for `Pings`."""

    __slots__ = (
        "_last_sent",
        "_receive",
        "_scope",
        "_send",
        "complete",
        "gone",
        "headers",
        "method",
        "path",
        "query",
        "repeated",
        "started",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope.get("query_string", b"")
        """As it came, without the question mark."""
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        twice = len(self.headers) < len(scope["headers"])
        counts = Counter(name for name, _ in scope["headers"]) if twice else {}
        self.repeated = frozenset(name for name, count in counts.items() if count > 1)
        """Names of the headers that came more than once."""
        self.started = False
        """Whether the status of the reply was sent."""
        self.complete = False
        """Whether the last byte of the reply was sent."""
        self.gone = False
        """Whether the client is known to have left."""
        self._scope, self._receive, self._send = scope, receive, send
        self._last_sent = 0.0

    @property
    def id(self) -> str:
        """The id of the exchange."""
        return answered_as(self._scope)

    @property
    def ended(self) -> bool:
        """Whether the caller is known to have ended the connection in the middle of its request."""
        return ENDED in self._scope

    def header(self, name: bytes) -> str | None:
        """The value of a request header (name in lower case), or None."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def credentials(self) -> str | None:
        """What says who calls, as an `Authorization` header has it; Anthropic's clients send `x-api-key`."""
        told = self.header(b"authorization")
        key = self.header(b"x-api-key") if told is None else None
        return told if key is None else f"Bearer {key}"

    def forwardable(self) -> dict[str, str]:
        """The request's headers that a provider may be told, as text."""
        return {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in self.headers.items()
            if name.startswith(_VENDORS)
        }

    async def body(self, limit: int, seconds: float | None = None) -> bytes:
        """The whole request body, decoded, of at most `limit` bytes.

        Raises PayloadTooLarge, BadRequest for an encoding we cannot read, RequestTimeout when it takes longer
        than `seconds` and is slower than SLOWEST_BODY, ClientGone when it never arrives, and the error that was
        told meanwhile where what came is no proper HTTP.
        """
        told = self.headers.get(b"content-length", b"")
        if told.isdigit() and int(told) > limit:
            raise _too_large(limit)
        try:
            async with asyncio.timeout(seconds) as deadline:
                body = await self._read(limit, deadline)
        except TimeoutError:
            raise RequestTimeout("The request body did not come in time.") from None
        return _decoded(body, self.headers.get(b"content-encoding", b""), limit)

    async def _read(self, limit: int, deadline: asyncio.Timeout) -> bytes:
        """The body as it comes; each piece of a long one moves the deadline on by the time it may have taken."""
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.gone = True
                refused: ProxyError | None = self._scope.get(REFUSED)
                raise refused or ClientGone
            piece = message.get("body", b"")
            size += len(piece)
            if size > limit:
                raise _too_large(limit)
            pieces.append(piece)
            if not message.get("more_body", False):
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)
            if (due := deadline.when()) is not None:
                deadline.reschedule(due + len(piece) / SLOWEST_BODY)

    def watched(self) -> Watch:
        """Cancel what runs inside when the client leaves, and raise ClientGone. Read the body first."""
        return Watch(self)

    async def left(self) -> None:
        """Returns when the client has left."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True

    async def reply(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        """Send a whole reply."""
        length = (b"content-length", str(len(body)).encode())
        await self.start(status, [*headers, length])
        await self.end(body)

    async def start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Send status and headers."""
        self.started = True
        self._last_sent = time.monotonic()
        await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def write(self, data: bytes) -> None:
        """Send a piece of a streamed reply."""
        self._last_sent = time.monotonic()
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    @property
    def silence(self) -> float:
        """Seconds since something was sent; 0 as long as nothing was."""
        return time.monotonic() - self._last_sent if self.started else 0.0

    async def end(self, data: bytes = b"") -> None:
        """Send the last piece of a reply."""
        self.complete = True
        await self._send({"type": "http.response.body", "body": data})


class Watch:
    """`async with connection.watched():` ends what runs inside when the client leaves, with ClientGone."""

    __slots__ = ("_connection", "_task", "_timer", "_watching")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        """Begin to watch, a moment later: an answer that comes at once needs none, and a task has its price."""
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._timer = asyncio.get_running_loop().call_later(WATCH_AFTER_SECONDS, self._begin)

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Watch no more. Only our own cancel becomes ClientGone; one from outside (shutdown) goes on."""
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()
        if isinstance(error, asyncio.CancelledError) and self._connection.gone and self._task.uncancel() == 0:
            raise ClientGone from None

    def _begin(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        await self._connection.left()
        self._task.cancel()


class Pings:
    """Sends a frame whenever a started stream was silent for so many seconds, until cancelled."""

    __slots__ = ("_connection", "_every", "_frame", "_timer", "_writing")

    def __init__(self, connection: Connection, frame: bytes, every: float) -> None:
        self._connection, self._frame, self._every = connection, frame, every
        self._writing: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(every, self._look)

    def cancel(self) -> None:
        """Send no more, nor what a client that does not read has kept waiting."""
        self._timer.cancel()
        if self._writing is not None:
            self._writing.cancel()

    def _look(self) -> None:
        silent = self._connection.silence
        if silent >= self._every:
            # While the last one still waits to be read, one more would only wait behind it.
            if self._writing is None or self._writing.done():
                self._writing = asyncio.create_task(self._connection.write(self._frame))
            silent = 0.0
        self._timer = asyncio.get_running_loop().call_later(self._every - silent, self._look)


def answered_as(scope: Scope) -> str:
    """The id that names a request from its first byte on, to whoever asks first."""
    id: str = scope.setdefault(ID, new_id())
    return id


def answer_ids(id: str) -> dict[str, str]:
    """The headers that name a reply: one id under the name of each family of clients, and under ours."""
    return {"x-guardhouse-trace-id": id, "x-request-id": id, "request-id": id}


def identified(send: Send, id: str) -> Send:
    """A `send` that names the reply."""

    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            told = (*message.get("headers", ()), (b"x-guardhouse-trace-id", id.encode()))
            message = {**message, "headers": told}
        await send(message)

    return named


def header_pairs(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI wants them."""
    return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The request body is larger than {limit:,} bytes. Send less.")


def _decoded(body: bytes, encoding: bytes, limit: int) -> bytes:
    """The body without its content encoding; gzip is the only one that is read, and never past the limit."""
    name = encoding.strip().lower()
    if name in (b"", b"identity"):
        return body
    if name != b"gzip":
        raise BadRequest(
            "The content-encoding of the request is not supported: send it plain or as gzip.",
            code=Code.INVALID_VALUE,
            param="content-encoding",
        )
    unpack = zlib.decompressobj(wbits=31)
    try:
        plain = unpack.decompress(body, limit + 1)
    except zlib.error:
        plain = None
    if plain is not None and len(plain) > limit:
        raise _too_large(limit)
    if plain is None or not unpack.eof or unpack.unused_data:
        raise BadRequest(
            "The request says content-encoding: gzip, but its body is not gzip.",
            code=Code.INVALID_VALUE,
            param="content-encoding",
        )
    return plain
