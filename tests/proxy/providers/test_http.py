"""The HTTP client against servers that answer in every way there is, and in some that there is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import UpstreamError, UpstreamTimeout
from proxy.providers import http
from proxy.providers.http import Client, Response, address

BODY = b'{"hello": "world"}'
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\nX-A: 1\r\nx-a: 2\r\n\r\n" + BODY
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + BODY[:5] + b"\r\nd\r\n" + BODY[5:]
CHUNKED += b"\r\n0\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\n" + BODY
INTERIM = b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n" + LENGTH


class Server:
    """Answers each request with the pieces it is told, and notes what it was asked."""

    def __init__(self, pieces: list[bytes], close: bool) -> None:
        self.pieces, self.close = pieces, close
        self.asked: list[bytes] = []
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = next(
                    (
                        int(line.split(b":")[1])
                        for line in head.split(b"\r\n")
                        if line.startswith(b"content-length")
                    ),
                    0,
                )
                self.asked.append(head + await reader.readexactly(size))
                for piece in self.pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                if self.close:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def answering(*pieces: bytes, close: bool = False) -> AsyncIterator[tuple[Client, Server]]:
    """A client and a server that answers so."""
    told = Server(list(pieces), close)
    server = await asyncio.start_server(told.serve, "127.0.0.1", 0)
    told.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/x?y=1"
    client = Client()
    try:
        yield client, told
    finally:
        await client.close()
        server.close()


async def whole(response: Response) -> bytes:
    """All of a body; the connection is given back."""
    pieces = []
    while piece := await response.read():
        pieces.append(piece)
    response.release()
    return b"".join(pieces)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([LENGTH, CHUNKED, INTERIM]),
    st.lists(st.integers(1, len(INTERIM) - 1), max_size=6),
)
async def test_an_answer_is_the_same_however_it_arrives(answer: bytes, cuts: list[int]) -> None:
    """Cut anywhere, in as many pieces as it likes; and the connection serves the next request."""
    places = sorted({0, *(cut for cut in cuts if cut < len(answer)), len(answer)})
    pieces = [answer[start:end] for start, end in pairwise(places)]
    async with answering(*pieces) as (client, server):
        for _ in range(2):
            response = await client.request("POST", server.url, {"a": "b"}, b"ask")
            assert (response.status, await whole(response)) == (200, BODY)
        assert server.connections == 1
        assert server.asked[0].startswith(b"POST /v1/x?y=1 HTTP/1.1\r\nhost: 127.0.0.1:")
        assert server.asked[0].endswith(b"\r\na: b\r\ncontent-length: 3\r\n\r\nask")


async def test_headers_that_come_twice_are_joined() -> None:
    """Names in lower case."""
    async with answering(LENGTH) as (client, server):
        response = await client.request("GET", server.url, {})
        assert response.headers == {"content-length": "18", "x-a": "1, 2"}
        assert b"content-length" not in server.asked[0]


@pytest.mark.parametrize(
    "answer",
    [
        UNTIL_CLOSE,
        LENGTH.replace(b"X-A: 1", b"Connection: close"),
        LENGTH.replace(b"HTTP/1.1", b"HTTP/1.0"),
        LENGTH + b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged",
    ],
    ids=["until close", "close", "1.0", "more than asked"],
)
async def test_a_connection_that_may_not_be_used_again_is_not(answer: bytes) -> None:
    """The next request has its own, and never what was left in the old one."""
    async with answering(answer, close=answer is UNTIL_CLOSE) as (client, server):
        for _ in range(2):
            assert await whole(await client.request("POST", server.url, {})) == BODY
        assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n" + BODY,
        CHUNKED[:-9],
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 30_000,
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"x%d: y\r\n" % n for n in range(300)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",
        LENGTH.replace(b"200", b"799"),
    ],
    ids=[
        "nothing",
        "half a head",
        "half a body",
        "half a chunk",
        "ssh",
        "lengths",
        "chunk",
        "long",
        "many",
        "huge",
        "799",
    ],
)
async def test_an_answer_that_is_none_is_an_error_of_ours(answer: bytes) -> None:
    """Never waited for, never half believed, nothing of it in the message."""
    async with answering(answer, close=True) as (client, server), asyncio.timeout(5):
        with pytest.raises(UpstreamError) as caught:
            await whole(await client.request("POST", server.url, {}))
        assert "hello" not in caught.value.message


async def test_what_cannot_be_reached_is_told_so() -> None:
    """A closed port, a name that is none; and a host that never answers is late."""
    client = Client()
    for url in ("http://127.0.0.1:1/", "http://no.such.host.invalid/"):
        with pytest.raises(UpstreamError) as caught:
            await client.request("POST", url, {})
        assert caught.value.code == "upstream_unreachable"
    with pytest.raises(UpstreamTimeout):
        await client.request("POST", "http://127.0.0.1:1/", {}, connect_seconds=0.0)
    await client.close()


async def test_a_slow_reader_makes_the_provider_wait() -> None:
    """What waits to be read is bounded, and all of it arrives."""
    size = 8 << 20
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        for _ in range(size // 65_536):
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = Client()
    response = await client.request("GET", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", {})
    await asyncio.sleep(0.2)
    assert sent < size
    assert len(response._pieces) and sum(map(len, response._pieces)) < 1 << 20
    assert len(await whole(response)) == size
    await client.close()
    server.close()


async def test_a_connection_left_alone_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider may be about to close it."""
    async with answering(LENGTH) as (client, server):
        await whole(await client.request("POST", server.url, {}))
        monkeypatch.setattr(http, "KEPT_SECONDS", -1.0)
        await whole(await client.request("POST", server.url, {}))
        assert server.connections == 2


async def test_connections_that_a_burst_left_behind_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer closes those that nobody used for long, so that they do not stay open for ever."""
    async with answering(LENGTH) as (client, server):
        burst = [await client.request("POST", server.url, {}) for _ in range(8)]
        for response in burst:
            await whole(response)
        late = await client.request("POST", server.url, {})
        assert len(client._open) == 8
        monkeypatch.setattr(http, "KEPT_SECONDS", -1.0)
        await whole(late)
        assert len(client._open) == 1


async def test_a_connection_that_the_provider_closed_is_not_used_again() -> None:
    """It is gone from those that are kept as soon as it is known to be closed."""
    async with answering(LENGTH, close=True) as (client, server):
        for _ in range(3):
            assert await whole(await client.request("POST", server.url, {})) == BODY
            await asyncio.sleep(0.02)
        assert server.connections == 3


async def test_a_connection_that_is_closed_while_a_request_is_on_its_way_is_no_fault() -> None:
    """The request goes over a new one: once, and only when nothing of an answer had come."""
    async with answering(LENGTH, close=True) as (client, server):
        for _ in range(20):
            assert await whole(await client.request("POST", server.url, {}, b"ask")) == BODY
        assert len(server.asked) == 20

    for pieces in ([], [LENGTH[:9]]):
        async with answering(LENGTH) as (client, server):
            await whole(await client.request("POST", server.url, {}))
            server.pieces, server.close = pieces, True
            with pytest.raises(UpstreamError, match="broke off"):
                await client.request("POST", server.url, {})
            assert len(server.asked) == (2 if pieces else 3)


@pytest.mark.parametrize("headers", [{"a": "b\r\nc: d"}, {"a\n": "b"}, {"a": "\0"}])
async def test_a_header_cannot_be_two(headers: dict[str, str]) -> None:
    """Nothing is sent."""
    async with answering(LENGTH) as (client, server):
        with pytest.raises(UpstreamError, match="line end"):
            await client.request("POST", server.url, headers)
        assert server.asked == []


@pytest.mark.parametrize(
    ("url", "host", "port", "name", "target"),
    [
        ("http://a.example/v1", "a.example", 80, "a.example", "/v1"),
        ("https://a.example", "a.example", 443, "a.example", "/"),
        ("https://a.example:8443/x?y=z", "a.example", 8443, "a.example:8443", "/x?y=z"),
        ("http://[::1]:9/", "::1", 9, "[::1]:9", "/"),
    ],
)
def test_a_url_leads_somewhere(url: str, host: str, port: int, name: str, target: str) -> None:
    """Host, port, and what stands in the request."""
    found = address(url)
    assert (found.host, found.port, found.name, found.target) == (host, port, name, target)
    assert found.secure == url.startswith("https")


@pytest.mark.parametrize(
    "url", ["", "ftp://x/", "http://", "http://x:y/", "http://x/\r\nhost: y", "http://[x/"]
)
def test_a_url_that_leads_nowhere_is_an_error(url: str) -> None:
    """As the configuration would have to be wrong."""
    with pytest.raises(UpstreamError):
        address(url)


async def test_over_tls_the_certificate_is_checked(tmp_path: object, own_tls: Callable[[], object]) -> None:
    """A server that nobody vouches for is not reached; one that is vouched for answers."""
    server_context, client_context = own_tls()  # type: ignore[misc]
    told = Server([LENGTH], close=False)
    server = await asyncio.start_server(told.serve, "127.0.0.1", 0, ssl=server_context)
    url = f"https://localhost:{server.sockets[0].getsockname()[1]}/"
    stranger, friend = Client(), Client()
    with pytest.raises(UpstreamError) as caught:
        await stranger.request("POST", url, {})
    assert caught.value.code == "upstream_unreachable"
    friend.__dict__["_tls"] = client_context
    assert await whole(await friend.request("POST", url, {})) == BODY
    await friend.close()
    server.close()


@pytest.fixture
def own_tls(tmp_path: object) -> Callable[[], object]:
    """Contexts of a server with a certificate of its own, and of a client that trusts it."""
    import datetime
    import ssl
    from pathlib import Path

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    def made() -> object:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        certificate = (
            builder.not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256())
        )
        folder = Path(str(tmp_path))
        (folder / "c.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / "k.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(folder / "c.pem", folder / "k.pem")
        return server, ssl.create_default_context(cafile=str(folder / "c.pem"))

    return made
