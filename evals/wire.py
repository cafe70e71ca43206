"""The wire under the official client: one connection a call at a time, as many as there are calls.

The client's own pool looks at every connection before and after each call, which at 64 calls at a time costs more than
all the rest of a run. Here a call takes the connection that was used last and puts it back. TLS is verified as httpx
does it; a reply is read whole; a call's time is for the whole reply.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import cast
from urllib.request import getproxies

import httptools
import httpx

Origin = tuple[bool, str, int]
"""Whether it is TLS, host, port."""


def client(timeout_s: float) -> httpx.AsyncClient:
    """A client for calls that are made many at a time; where the system names a proxy, an ordinary one."""
    if getproxies():
        return httpx.AsyncClient(timeout=timeout_s)
    return httpx.AsyncClient(transport=Wire(), timeout=timeout_s)


class Wire(httpx.AsyncBaseTransport):
    """Sends requests over connections that are kept. Raises httpx' errors."""

    def __init__(self) -> None:
        self._free: dict[Origin, list[_Connection]] = {}
        self._context: ssl.SSLContext | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As httpx has it, with the whole reply read."""
        url, timeout = request.url, request.extensions.get("timeout", {})
        secure = url.scheme == "https"
        origin = (secure, url.host, url.port or (443 if secure else 80))
        data = b"".join((_head(request), await request.aread()))
        if (kept := self._idle(origin)) is not None:
            try:
                return await self._asked(kept, origin, data, request)
            except httpx.ReadError:
                # The server closed the connection as the request came: it has not been read, so it may be sent again.
                if not kept.silent:
                    raise
        connection = await self._connected(origin, timeout.get("connect"), request)
        return await self._asked(connection, origin, data, request)

    async def _asked(
        self, connection: _Connection, origin: Origin, data: bytes, request: httpx.Request
    ) -> httpx.Response:
        try:
            async with asyncio.timeout(request.extensions.get("timeout", {}).get("read")):
                await connection.ask(data)
        except TimeoutError:
            raise httpx.ReadTimeout("no whole reply in time", request=request) from None
        except (OSError, httptools.HttpParserError) as error:
            raise httpx.ReadError(str(error), request=request) from error
        finally:
            if connection.reusable:
                self._free.setdefault(origin, []).append(connection)
            else:
                connection.abort()
        return connection.response(request)

    async def aclose(self) -> None:
        """Closes every connection that no call is using."""
        for connections in self._free.values():
            for connection in connections:
                connection.abort()
        self._free.clear()
        # The loop lets go of the sockets in its next round.
        await asyncio.sleep(0)

    def _idle(self, origin: Origin) -> _Connection | None:
        waiting = self._free.get(origin, [])
        while waiting:
            if (connection := waiting.pop()).reusable:
                return connection
        return None

    async def _connected(self, origin: Origin, within_s: float | None, request: httpx.Request) -> _Connection:
        secure, host, port = origin
        if secure and self._context is None:
            self._context = httpx.create_ssl_context()
        try:
            async with asyncio.timeout(within_s):
                _, protocol = await asyncio.get_running_loop().create_connection(
                    _Connection, host, port, ssl=self._context if secure else None
                )
        except TimeoutError:
            raise httpx.ConnectTimeout("no connection in time", request=request) from None
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(str(error), request=request) from error
        return protocol


class _Connection(asyncio.Protocol):
    """One connection: a request out, its reply in."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._done: asyncio.Future[None] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._status, self._whole, self._kept, self._heard = 0, False, False, False

    @property
    def silent(self) -> bool:
        """Whether nothing at all came back for the last request."""
        return not self._heard

    @property
    def reusable(self) -> bool:
        """Whether it is open and idle, and the server keeps it open."""
        return self._whole and self._kept and self._transport is not None and not self._transport.is_closing()

    async def ask(self, data: bytes) -> None:
        """Sends, and waits for the whole reply. Raises OSError or HttpParserError."""
        self._begin()
        self._done = asyncio.get_running_loop().create_future()
        if self._transport is None:
            raise ConnectionResetError("the connection is closed")
        self._transport.write(data)
        await self._done

    def response(self, request: httpx.Request) -> httpx.Response:
        """The reply that came in last."""
        body = b"".join(self._body)
        return httpx.Response(self._status, headers=self._headers, content=body, request=request)

    def abort(self) -> None:
        """Closes it, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio has it."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """As asyncio has it."""
        self._heard = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._end(error)

    def connection_lost(self, error: Exception | None) -> None:
        """As asyncio has it. A reply without a length ends with its connection."""
        self._transport = None
        lengths = {name.lower() for name, _ in self._headers} & {b"content-length", b"transfer-encoding"}
        if error is None and self._status >= 200 and not lengths and not self._whole:
            self._whole, self._kept = True, False
            self._end(None)
        else:
            self._end(error or ConnectionResetError("the connection was closed before the reply was whole"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """As httptools has it."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """As httptools has it."""
        self._status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        """As httptools has it."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """As httptools has it. What is below 200 announces the reply that follows."""
        if self._status < 200:
            self._headers, self._status = [], 0
            return
        self._whole, self._kept = True, self._parser.should_keep_alive()
        self._end(None)

    def _begin(self) -> None:
        self._parser, self._headers, self._body = httptools.HttpResponseParser(self), [], []
        self._status, self._whole, self._kept, self._heard = 0, False, False, False

    def _end(self, error: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            if error is None:
                self._done.set_result(None)
            else:
                self._done.set_exception(error)


def _head(request: httpx.Request) -> bytes:
    target = request.url.raw_path
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), target)]
    lines += [b"%b: %b" % pair for pair in request.headers.raw]
    return b"\r\n".join((*lines, b"", b""))
