"""HTTP/1.1 to providers: a lean client over asyncio and httptools, with connections that are kept.

It does what a gateway needs and nothing else: one request at a time on a connection, no redirects, no cookies, no
proxies. docs/decisions/0008 has the reason and the figures.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import cast
from urllib.parse import urlsplit

import httptools

from proxy.errors import Code, UpstreamError, UpstreamTimeout

KEPT_SECONDS = 15.0
"""How long a connection that nobody uses is kept."""
_MOST_HEADERS = 256
_LONGEST_HEADERS = 128 * 1024
_FULL = 256 * 1024
"""Bytes of a body that may wait to be read; beyond them the provider is made to wait."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a URL leads."""

    host: str
    port: int
    secure: bool
    name: str
    """As the `host` header has it."""
    target: str
    """Path and query."""


@lru_cache(maxsize=1024)
def address(url: str) -> Address:
    """Where a URL leads. Raises UpstreamError for one that is no HTTP URL."""
    try:
        found = urlsplit(url)
        host, port = found.hostname, found.port
        target = (found.path or "/") + (f"?{found.query}" if found.query else "")
        target.encode("ascii")
    except ValueError:
        host, port, found, target = None, None, urlsplit(""), ""
    if host is None or found.scheme not in ("http", "https") or " " in target:
        raise UpstreamError("The provider's api_base is no HTTP URL.", code=Code.UPSTREAM_UNREACHABLE)
    secure = found.scheme == "https"
    usual = 443 if secure else 80
    written = f"[{host}]" if ":" in host else host
    return Address(
        host, port or usual, secure, written if port in (None, usual) else f"{written}:{port}", target
    )


class Client:
    """Connections of one event loop, by where they lead."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, int, bool], deque[_Connection]] = {}
        self._open: set[_Connection] = set()

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        connect_seconds: float | None = None,
    ) -> Response:
        """The answer up to its headers.

        A kept connection that ends without a byte of an answer was closed before the request came: it is asked once
        more over a new one. Raises UpstreamError when the provider cannot be reached, breaks off or does not speak
        HTTP, UpstreamTimeout when connecting takes too long.
        """
        at = address(url)
        head = _head(method, at, tuple(headers.items()), len(body))
        if (kept := self._kept(at)) is not None:
            try:
                return await kept.asked(head, body)
            except UpstreamError:
                if kept.answered:
                    raise
        connection = await self._connected(at, connect_seconds)
        return await connection.asked(head, body)

    async def close(self) -> None:
        """Closes every connection."""
        for connection in [*self._open]:
            connection.close()
        self._idle.clear()

    def _kept(self, at: Address) -> _Connection | None:
        """A connection that leads there and is still open."""
        idle = self._idle.get((at.host, at.port, at.secure))
        now = asyncio.get_running_loop().time()
        while idle:
            connection = idle.pop()
            if not connection.closed and now - connection.since < KEPT_SECONDS:
                return connection
            connection.close()
        return None

    async def _connected(self, at: Address, seconds: float | None) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self, at),
                    at.host,
                    at.port,
                    ssl=self._tls if at.secure else None,
                    server_hostname=at.host if at.secure else None,
                )
        except TimeoutError:
            raise UpstreamTimeout("The provider could not be connected to in time.") from None
        except (OSError, ssl.SSLError, UnicodeError):
            raise UpstreamError("The provider cannot be reached.", code=Code.UPSTREAM_UNREACHABLE) from None
        self._open.add(connection)
        return connection

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def keep(self, connection: _Connection) -> None:
        """Takes a connection back whose answer was read to the end, and closes those that nobody used for long."""
        now = connection.since = asyncio.get_running_loop().time()
        at = connection.at
        idle = self._idle.setdefault((at.host, at.port, at.secure), deque())
        while idle and (idle[0].closed or now - idle[0].since >= KEPT_SECONDS):
            idle.popleft().close()
        idle.append(connection)

    def forget(self, connection: _Connection) -> None:
        """A connection has been closed."""
        self._open.discard(connection)


class _Connection(asyncio.Protocol):
    """One connection. Between requests it is kept by its client."""

    def __init__(self, client: Client, at: Address) -> None:
        self.at, self.since, self.closed = at, 0.0, False
        self.answered = False
        """Whether a byte of an answer to the last request came."""
        self._client = client
        self._response: Response | None = None

    async def asked(self, head: bytes, body: bytes) -> Response:
        """The answer to a request up to its headers. The connection is closed when there is none."""
        try:
            return await self._ask(head, body)
        except BaseException:
            self.close()
            raise

    async def _ask(self, head: bytes, body: bytes) -> Response:
        self.answered = False
        response = self._response = Response(self)
        if len(body) < _FULL:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)
        await response.begun
        return response

    def close(self) -> None:
        """Drops the connection at once."""
        self.closed = True
        self._client.forget(self)
        self._transport.abort()

    def done(self, again: bool) -> None:
        """The answer was read to the end; `again` says that another request may follow."""
        self._response = None
        if again and not self.closed:
            self._client.keep(self)
        else:
            self.close()

    def wait(self, full: bool) -> None:
        """Makes the provider wait, or go on."""
        if not self.closed:
            if full:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer; bytes that nobody asked for end the connection."""
        if self._response is None:
            self.close()
        else:
            self.answered = True
            self._response.feed(data)

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        self.closed = True
        self._client.forget(self)
        if self._response is not None:
            self._response.lost()


class Response:
    """An answer: its status and headers, and its body piece by piece. For one reader."""

    def __init__(self, connection: _Connection) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        """Names in lower case; of a header that came twice, the values joined by a comma."""
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._connection = connection
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._size = self._taken = self._lines = 0
        self._error: Exception | None = None
        self._ended = self._full = self._released = self._reusable = False
        self._waiting: asyncio.Future[None] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more has to come: `read` waits for nothing."""
        return self._ended or self._error is not None

    async def read(self) -> bytes:
        """What has come since; waits for something to come; empty at the end. Raises UpstreamError."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._ended:
                return b""
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if self._full:
            self._full = False
            self._connection.wait(full=False)
        return data

    def release(self) -> None:
        """Gives the connection back when the answer was read to its end, else drops it."""
        if not self._released:
            self._released = True
            if self._ended and self._error is None:
                self._connection.done(again=self._reusable)
            else:
                self._connection.close()

    def close(self) -> None:
        """Drops the connection at once, unless it was given back."""
        if not self._released:
            self._released = True
            self._connection.close()

    def fail(self, error: Exception) -> None:
        """Ends the answer: whoever reads gets this error once the pieces that came are read."""
        if self._error is None:
            self._error = error
        self._wake()

    # --- from the connection

    def feed(self, data: bytes) -> None:
        """Takes bytes as they come."""
        self._taken += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if self._ended:
                return  # what came after the answer concerns nobody; the connection is not used again
            self._broken(UpstreamError("The provider did not answer in HTTP."))
            return
        if not self.begun.done() and self._taken > _LONGEST_HEADERS:
            self._broken(UpstreamError("The provider did not answer in HTTP."))

    def lost(self) -> None:
        """The connection is gone: the end of a body that no length was told of, else a fault."""
        if self._ended:
            return
        if self.begun.done() and not self._is_bounded:
            self._ended = True
            self._wake()
        else:
            self._broken(UpstreamError("The provider broke off its answer."))

    @property
    def _is_bounded(self) -> bool:
        """Whether the answer says where it ends."""
        return (
            "content-length" in self.headers
            or "chunked" in self.headers.get("transfer-encoding", "").lower()
            or self.status in (204, 304)
        )

    def _broken(self, error: UpstreamError) -> None:
        if not self.begun.done():
            self.begun.set_exception(error)
        self.fail(error)
        self._connection.close()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    # --- from the parser

    def on_message_begin(self) -> None:
        """An answer begins; one that nobody asked for spoils the connection."""
        if self._ended:
            self._reusable = False
            raise httptools.HttpParserError("an answer that nobody asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        key, told = name.decode("latin-1").lower(), value.decode("latin-1")
        self.headers[key] = f"{self.headers[key]}, {told}" if key in self.headers else told
        self._lines += 1
        if self._lines > _MOST_HEADERS or len(value) > _LONGEST_HEADERS:
            raise httptools.HttpParserError("too many headers")

    def on_headers_complete(self) -> None:
        """The headers are there; those of an interim answer (1xx) are forgotten."""
        status = self._parser.get_status_code()
        if status < 200:
            self.headers.clear()
            return
        if status > 599:
            raise httptools.HttpParserError("a status that does not exist")
        self.status = status
        if not self.begun.done():
            self.begun.set_result(None)

    def on_body(self, piece: bytes) -> None:
        """A piece of the body."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > _FULL and not self._full:
            self._full = True
            self._connection.wait(full=True)
        self._wake()

    def on_message_complete(self) -> None:
        """The answer has ended."""
        if self.status:
            self._ended = True
            self._reusable = self._parser.should_keep_alive() and self._is_bounded
            self._wake()


def _head(method: str, at: Address, headers: tuple[tuple[str, str], ...], size: int) -> bytes:
    """The head of a request. Raises UpstreamError for a header that would be more than one."""
    length = b"content-length: %d\r\n" % size if size or method == "POST" else b""
    return _opening(method, at, headers) + length + b"\r\n"


@lru_cache(maxsize=1024)
def _opening(method: str, at: Address, headers: tuple[tuple[str, str], ...]) -> bytes:
    """The head of a request but for its length: most requests to a deployment have the same."""
    lines = [f"{method} {at.target} HTTP/1.1", f"host: {at.name}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if not all(map(_is_plain, lines)):
        raise UpstreamError("A header for the provider holds a line end or another control character.")
    return ("\r\n".join(lines) + "\r\n").encode("latin-1", "replace")


def _is_plain(text: str) -> bool:
    return (text.isascii() and text.isprintable()) or not any(ord(c) < 32 or ord(c) == 127 for c in text)
