"""The wire under the official client: real sockets, servers that behave and servers that do not."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from evals.wire import Wire, client

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """Answers each request of each connection with the next of some raw replies; None closes the connection."""

    def __init__(self, *replies: bytes | None, after_s: float = 0) -> None:
        self._replies, self._after_s = list(replies), after_s
        self.connections = 0
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head)
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
                self.bodies.append(await reader.readexactly(int(length[0].split(b":")[1]) if length else 0))
                await asyncio.sleep(self._after_s)
                reply = self._replies.pop(0) if self._replies else OK
                if reply is None:
                    break
                writer.write(reply)
                await writer.drain()
                if b"connection: close" in reply or (
                    b"content-length" not in reply and b"chunked" not in reply
                ):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def served(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """A client for a server that runs."""
    running = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}"
    async with httpx.AsyncClient(transport=Wire(), timeout=2) as asking:
        yield asking
    running.close()


async def test_a_connection_is_used_again() -> None:
    """Requests arrive whole, one after the other on one connection, and as many as there are calls at a time."""
    server = Server()
    async with served(server) as asking:
        for number in range(3):
            reply = await asking.post(f"{server.url}/a?b=c", content=b"x" * number, headers={"x-k": "v"})
            assert (reply.status_code, reply.text) == (200, "ok")
        assert server.connections == 1
        await asyncio.gather(*(asking.get(server.url) for _ in range(5)))

    assert server.connections == 5
    assert server.heads[0].startswith(b"POST /a?b=c HTTP/1.1\r\n")
    assert b"x-k: v" in server.heads[0].lower()
    assert server.bodies[:3] == [b"", b"x", b"xx"]


PACKED = gzip.compress(b"packed", mtime=0)


@pytest.mark.parametrize(
    ("reply", "text", "connections"),
    [
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            "abcde",
            1,
        ),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end", 2),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx", "x", 2),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\ny", "y", 1),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(PACKED) + PACKED,
            "packed",
            1,
        ),
    ],
)
async def test_every_form_of_a_reply_is_read(reply: bytes, text: str, connections: int) -> None:
    """Chunks, no length, no keeping, an announcement before it, packed; and what follows is not confused by it."""
    server = Server(reply)
    async with served(server) as asking:
        assert (await asking.get(server.url)).text == text
        await asyncio.sleep(0.02)
        assert (await asking.get(server.url)).text == "ok"

    assert server.connections == connections


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (None, httpx.ReadError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nhalf", httpx.ReadError),
        (b"what?\r\n\r\n", httpx.ReadError),
    ],
)
async def test_a_reply_that_is_none_is_an_error(reply: bytes | None, error: type[Exception]) -> None:
    """Closed, cut, no HTTP: said as httpx says it, and the next call has a connection that works."""
    server = Server(reply)
    async with served(server) as asking:
        with pytest.raises(error):
            await asking.get(server.url)
        assert (await asking.get(server.url)).text == "ok"


async def test_a_kept_connection_that_is_closed_as_the_request_comes_is_no_error() -> None:
    """Nothing came back, so nothing was done: it is sent once more, over a new connection; a cut reply is not."""
    server = Server(
        OK, None, OK, OK, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nhalf"
    )
    async with served(server) as asking:
        told = [(await asking.post(server.url, content=bytes([number]))).text for number in range(3)]
        with pytest.raises(httpx.ReadError):
            await asking.get(server.url)

    assert told == ["ok"] * 3
    assert server.bodies == [b"\0", b"\1", b"\1", b"\2", b""]


async def test_a_reply_that_is_late_belongs_to_nobody_else() -> None:
    """A call that timed out or was cancelled takes its connection with it."""
    server = Server(after_s=0.2)
    async with served(server) as asking:
        with pytest.raises(httpx.ReadTimeout):
            await asking.get(server.url, timeout=httpx.Timeout(10, read=0.05))
        waiting = asyncio.ensure_future(asking.get(server.url))
        while server.connections < 2:
            await asyncio.sleep(0.01)
        waiting.cancel()
        assert (await asking.get(server.url)).text == "ok"

    assert server.connections == 3


async def test_nobody_there_is_an_error() -> None:
    """A refused connection, and a name that no host has."""
    async with httpx.AsyncClient(transport=Wire()) as asking:
        for url in ("http://127.0.0.1:9", "http://nowhere.invalid"):
            with pytest.raises(httpx.ConnectError):
                await asking.get(url)


async def test_tls_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that nobody signed is no connection, until the operator trusts it."""
    certificate = self_signed(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = Server()
    running = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    url = f"https://localhost:{running.sockets[0].getsockname()[1]}"

    async with httpx.AsyncClient(transport=Wire()) as asking:
        with pytest.raises(httpx.ConnectError):
            await asking.get(url)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with httpx.AsyncClient(transport=Wire()) as asking:
        assert (await asking.get(url)).text == "ok"
    running.close()


def self_signed(folder: Path) -> Path:
    """A certificate for localhost with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / "server.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM) + key.private_bytes(*plain))
    return path


async def test_where_the_system_names_a_proxy_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The request goes there, with the whole address."""
    server = Server()
    async with served(server):
        monkeypatch.setenv("HTTP_PROXY", server.url)
        async with client(2) as asking:
            assert (await asking.get("http://elsewhere.invalid/x")).text == "ok"

    assert server.heads[0].startswith(b"GET http://elsewhere.invalid/x HTTP/1.1\r\n")
