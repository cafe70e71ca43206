"""One caller's connection: what is no proper HTTP, what does not go on, and what asks for another protocol."""

from __future__ import annotations

import json
import socket

import pytest

from proxy.http_protocol import MAX_HEAD_BYTES
from tests.servers import ADMIN_KEY, Running, Upstream

HEAD = f"POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {ADMIN_KEY}\r\n".encode()
BODY = b'{"model": "gpt-test", "messages": [{"role": "user", "content": "hi"}]}'
LENGTH = b"content-length: %d\r\n\r\n" % len(BODY)


def talk(port: int, *pieces: bytes, wait: float = 10.0, end: bool = False) -> bytes:
    """All that comes back until the proxy closes, or says nothing for a while after it began."""
    told = b""
    with socket.create_connection(("127.0.0.1", port), wait) as wire:
        try:
            for piece in pieces:
                wire.sendall(piece)
            if end:
                wire.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # answered before all of it was read
        try:
            while piece := wire.recv(65_536):
                told += piece
                wire.settimeout(0.2)
        except OSError:
            pass
    return told


def error(told: bytes) -> dict[str, str]:
    """The error of the last answer."""
    found: dict[str, str] = json.loads(told.rpartition(b"\r\n\r\n")[2])["error"]
    return found


@pytest.mark.parametrize("pieces", [1, 40])
def test_a_head_has_an_end(proxy: Running, pieces: int) -> None:
    """However it is cut."""
    long = b"x-a: " + b"a" * (MAX_HEAD_BYTES // pieces) + b"\r\n"
    told = talk(proxy.port, HEAD, *[long] * pieces, b"\r\n")
    assert told.startswith(b"HTTP/1.1 431 ")
    assert error(told)["code"] == "request_too_large"


def test_a_request_that_ends_early_is_told_so(proxy: Running, upstream: Upstream) -> None:
    """Once: an answer that was given before stands."""
    assert error(talk(proxy.port, HEAD, LENGTH, BODY[:-1], end=True))["code"] == "invalid_http"
    assert error(talk(proxy.port, HEAD[:30], end=True))["code"] == "invalid_http"
    told = talk(proxy.port, HEAD + b"content-length: 999999999\r\n\r\n", BODY, end=True)
    assert told.count(b"HTTP/1.1") == 1 and b" 413 " in told
    assert upstream.bodies == []


@pytest.mark.parametrize("cut", [1, 1_000])
def test_another_protocol_is_not_needed(proxy: Running, upstream: Upstream, cut: int) -> None:
    """A request that offers to change is answered as it stands, its body read however it comes."""
    offer = HEAD + b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMA\r\n"
    sent = offer + LENGTH + BODY
    told = talk(proxy.port, *(sent[at : at + cut] for at in range(0, len(sent), cut)), b"", end=False)
    assert told.startswith(b"HTTP/1.1 200 ")
    assert len(upstream.bodies) == 1
    assert b"upgrade" not in upstream.headers[0].lower()


def test_errors_are_told_as_the_api_tells_them(proxy: Running) -> None:
    """Anthropic's envelope where its API is called."""
    spoiled = HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\n"
    assert error(talk(proxy.port, spoiled))["code"] == "invalid_http"
    told = talk(proxy.port, spoiled.replace(b"/v1/chat/completions", b"/v1/messages"))
    assert error(told) == {"type": "invalid_request_error", "message": "The request is not well-formed HTTP."}


def test_an_answer_under_way_is_never_mixed_with_another(proxy: Running) -> None:
    """A bad request behind a good one ends the connection with one answer, whole."""
    told = talk(proxy.port, HEAD + LENGTH + BODY + b"\x00\x00\r\n\r\n")
    assert told.count(b"HTTP/1.1") == 1
    json.loads(told.rpartition(b"\r\n\r\n")[2])
