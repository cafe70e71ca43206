"""Every reply names itself: whichever route, whatever becomes of it."""

from __future__ import annotations

import re
import socket
from typing import Any

import orjson
import pytest

from proxy.dialects.served import ROUTES
from tests.proxy.test_pipeline import ask, chat
from tests.servers import Running, Upstream, raw

_ID = re.compile(r"[0-9a-f]{32}")
BODY = {
    "model": "gpt-test",
    "messages": [{"role": "user", "content": "hi"}],
    "input": "hi",
    "prompt": "hi",
    "max_tokens": 5,
}
FAULTS: dict[str, dict[str, Any]] = {
    "no key": {"headers": {"authorization": ""}},
    "wrong key": {"headers": {"authorization": "Bearer gh-wrong"}},
    "method": {"method": "PATCH"},
    "no JSON": {"body": b"{"},
    "too large": {"body": b"x" * 300_000},
    "no model": {"body": {**BODY, "model": "nobody's"}},
    "none": {"body": BODY},
}  # fmt: skip
GETS = [
    *("/v1", "/v1/models", "/v1/models/gpt-test", "/v1/models/none", "/v1/responses/resp_none", "/v1/files", "/v1/batches"),
    *("/v1/chat/completions", "/v1/responses/resp_none/input_items", "/healthz", "/readyz", "/metrics", "/nothing"),
    *("/api/traces", "/api/traces/none", "/api/sessions/none", "/api/runs", "/api/policies", "/review", "/review/login"),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("path", [*ROUTES, "/v1/nothing", "/v1/models", "/v1/responses/resp_none/cancel"])
def test_a_reply_of_a_route_names_itself(proxy: Running, upstream: Upstream, path: str, fault: str) -> None:
    """Refused or not, in any dialect; the record has the same id where there is one."""
    options = {"body": BODY, "path": path, **FAULTS[fault]}
    answer = ask(proxy, **options)

    assert _ID.fullmatch(answer.headers["x-guardhouse-trace-id"])
    proxy.recorder.forget()


@pytest.mark.parametrize("key", [None, "", "Bearer gh-wrong"])
@pytest.mark.parametrize("path", GETS)
def test_a_reply_to_a_reader_names_itself(proxy: Running, path: str, key: str | None) -> None:
    """Pages, probes and the management API too."""
    headers = {} if key is None else {"authorization": key}
    answer = ask(proxy, method="GET", path=path, headers=headers)

    assert _ID.fullmatch(answer.headers["x-guardhouse-trace-id"])
    proxy.recorder.forget()


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
@pytest.mark.parametrize("stream", [False, True])
def test_a_providers_failure_names_itself(
    proxy: Running, upstream: Upstream, status: int, stream: bool
) -> None:
    """With the id of its record; the provider's own id of the request stands beside it."""
    upstream.script = raw(b'{"error": {"message": "no", "type": "t"}}', status)
    answer = ask(proxy, chat(stream=stream))

    assert answer.headers["x-guardhouse-trace-id"] == proxy.recorder.last()["id"]


@pytest.mark.parametrize(
    "head",
    [
        b"nonsense\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_http_is_told_with_an_id(proxy: Running, head: bytes) -> None:
    """The same in the header and, for clients of Anthropic's, in the body."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection:
        connection.sendall(head)
        told = b""
        while piece := connection.recv(65536):
            told += piece

    names, _, body = told.partition(b"\r\n\r\n")
    found = re.search(rb"x-guardhouse-trace-id: ([0-9a-f]{32})", names)
    assert found is not None
    error = orjson.loads(body)
    assert error.get("request_id", found[1].decode()) == found[1].decode()
