"""`POST /v1/traces`: what comes in is kept once it is on disk, what cannot is told in the caller's own encoding."""

from __future__ import annotations

import gzip
import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from proxy.app import create_app
from proxy.settings import Settings
from tests.proxy.otlp import exports
from tests.proxy.policies import policy
from tests.proxy.test_pipeline import Answer, ask
from tests.servers import ADMIN_KEY, MemoryRecorder, Running, Upstream, make_app, served

PROTOBUF, JSON = "application/x-protobuf", "application/json"
ONE = exports.retriever(("d1", "mail ada@example.com", 0.5))


def send(proxy: Running, body: bytes, kind: str = JSON, **headers: str) -> Answer:
    """One export."""
    return ask(proxy, body, path="/v1/traces", headers={"content-type": kind, **headers})


@pytest.mark.parametrize(
    ("kind", "body", "empty"), [(JSON, exports.export(ONE), b"{}"), (PROTOBUF, exports.protobuf(ONE), b"")]
)
@pytest.mark.parametrize("packed", [False, True])
def test_spans_are_taken_in_both_encodings(
    proxy: Running, kind: str, body: bytes, empty: bytes, packed: bool
) -> None:
    """Plain or as gzip; the answer is of the same encoding, and says nothing when all is well."""
    if packed:
        answer = send(proxy, gzip.compress(body), kind, **{"content-encoding": "gzip"})
    else:
        answer = send(proxy, body, kind + "; charset=utf-8")

    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, empty, kind)
    assert len(answer.headers["x-guardhouse-trace-id"]) == 32
    assert answer.headers["x-request-id"] == answer.headers["x-guardhouse-trace-id"]
    kept = proxy.recorder.last()
    assert (kept["kind"], kept["id"]) == ("outside_span", f"{exports.TRACE}00f067aa0ba902b7@admin")
    assert kept["retrieval"][0]["doc_id"] == "d1"
    assert "ada@" not in json.dumps(kept)


@pytest.mark.parametrize("name", ["input.value", "gen_ai.request.model", "gen_ai.data_source.id"])
def test_no_number_is_a_fault(proxy: Running, name: str) -> None:
    """A number of more than 64 bits within a list is left out, whatever attribute it stands in."""
    far = {"arrayValue": {"values": [{"intValue": "99999999999999999999"}, {"intValue": "7"}]}}
    span = {**ONE, "attributes": [*ONE["attributes"], {"key": name, "value": far}]}

    assert send(proxy, exports.export(span)).status == 200
    assert "[null,7]" in json.dumps(proxy.recorder.last())


def test_single_spans_that_are_refused_are_told(proxy: Running) -> None:
    """The others are kept; how many were not, and why, stands in the answer."""
    bad = {**ONE, "spanId": "0" * 16}

    told = json.loads(send(proxy, exports.export(ONE, bad, bad)).body)["partialSuccess"]
    assert told["rejectedSpans"] == "2"
    assert "span id" in told["errorMessage"]
    proxy.recorder.last()

    answer = ExportTraceServiceResponse.FromString(send(proxy, exports.protobuf(ONE, bad), PROTOBUF).body)
    assert answer.partial_success.rejected_spans == 1
    proxy.recorder.last()


@pytest.mark.parametrize(
    ("body", "kind", "headers", "status", "code"),
    [
        (b"{", JSON, {}, 400, "invalid_json"),
        (b"\x0a\xff", PROTOBUF, {}, 400, None),
        (exports.export({**ONE, "traceId": "12"}), JSON, {}, 400, "invalid_value"),
        (b"x", "text/plain", {}, 415, "unsupported_media_type"),
        (b"x", "", {}, 415, "unsupported_media_type"),
        (exports.export(ONE), JSON, {"authorization": ""}, 401, "invalid_api_key"),
        (exports.protobuf(ONE), PROTOBUF, {"authorization": "Bearer gh-wrong"}, 401, None),
        (b"no gzip", JSON, {"content-encoding": "gzip"}, 400, "invalid_value"),
        (
            gzip.compress(b" " * 50_000_000, 9, mtime=0),
            JSON,
            {"content-encoding": "gzip"},
            413,
            "request_too_large",
        ),
        (b"\x0a\x00" * 150_000, PROTOBUF, {}, 413, None),
    ],
)
def test_what_cannot_be_taken_is_told(
    proxy: Running, body: bytes, kind: str, headers: dict[str, str], status: int, code: str | None
) -> None:
    """OpenAI's envelope for who sends JSON or nothing we know, a google.rpc.Status for who speaks protobuf."""
    answer = send(proxy, body, kind, **headers)

    assert answer.status == status
    assert len(answer.headers["x-guardhouse-trace-id"]) == 32
    if code is None:
        assert answer.headers["content-type"] == PROTOBUF
        assert answer.body[:1] == b"\x08"
    else:
        assert answer.error["code"] == code
    assert proxy.recorder.documents == []


def test_other_methods_are_told_what_to_use(proxy: Running) -> None:
    """The route is there for POST alone."""
    answer = ask(proxy, method="GET", path="/v1/traces")

    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_a_recorder_that_takes_nothing_is_told_as_503(proxy: Running) -> None:
    """With a time after which to send them again."""
    proxy.recorder.accepting = False
    try:
        answer = send(proxy, exports.export(ONE))
    finally:
        proxy.recorder.accepting = True

    assert (answer.status, answer.error["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"]


def test_ten_thousand_spans_leave_others_their_turn(tmp_path: Path, upstream: Upstream) -> None:
    """The largest export there may be is worked on in turns: others are answered meanwhile, again and again."""
    spans = [exports.retriever((f"d{n}", "some text", 0.5), span=f"{n + 1:016x}") for n in range(10_000)]
    body = exports.protobuf(*spans)
    assert len(body) < 8 << 20
    with served(make_app(tmp_path, f"http://127.0.0.1:{upstream.port}/v1", policy())) as running:
        done: list[Answer] = []
        sending = threading.Thread(target=lambda: done.append(_slowly(running, body)))
        sending.start()
        answered = 0
        while sending.is_alive():
            assert ask(running, method="GET", path="/v1/models").status == 200
            answered += 1
        sending.join()
        recorder: Any = running.recorder

    assert done[0].status == 200
    assert answered > 20
    assert len(recorder.documents) == 10_000


def _slowly(running: Running, body: bytes) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    headers = {"authorization": f"Bearer {ADMIN_KEY}", "content-type": PROTOBUF}
    connection.request("POST", "/v1/traces", body, headers)
    try:
        return Answer(connection.getresponse())
    finally:
        connection.close()


@pytest.fixture
def real(tmp_path: Path, upstream: Upstream) -> Iterator[Running]:
    """A proxy with its own recorder and database."""
    make_app(tmp_path, f"http://127.0.0.1:{upstream.port}/v1", policy())
    app = create_app(Settings(config=tmp_path / "guardhouse.yaml", admin_key=ADMIN_KEY))
    with served(app) as running:
        yield running


CANARY = "canary-7f3a"
"""Stands for a text that nobody named; `policy()` knows e-mail addresses, cards and one forbidden word."""


def test_nothing_raw_reaches_the_disk(real: Running, tmp_path: Path) -> None:
    """A value that a rule masks, an attribute that has no name here, a user's name: none is in any file."""
    secrets = ["ada@example.com", "4111 1111 1111 1111", "kryptonite"]
    said = " and ".join(secrets)
    escaped = json.dumps({"to": "ada@example.com"}).replace("@", "\\u0040")
    spans = [
        exports.retriever((said, said, 0.5), name=said, attributes={"input.value": said, "unknown": CANARY,
            "user.id": CANARY, "session.id": CANARY, "llm.model_name": said}),
        exports.spanned({"openinference.span.kind": "TOOL", "tool.name": said, "tool_call.id": said,
            "input.value": escaped, "output.value": said, CANARY: CANARY}, span="1" * 16),
        exports.spanned({"openinference.span.kind": "LLM", "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": said + CANARY, "gen_ai.response.id": said,
            "output.value": CANARY}, span="2" * 16),
        exports.spanned({"openinference.span.kind": "CHAIN", "input.value": CANARY}, span="3" * 16),
    ]  # fmt: skip

    assert send(real, exports.export(*spans, service=said)).status == 200
    assert send(real, exports.protobuf(*spans, service=said), PROTOBUF).status == 200
    until = time.monotonic() + 10
    while real.app.context.recorder.oldest_unwritten_seconds() and time.monotonic() < until:  # type: ignore[attr-defined]
        time.sleep(0.02)

    held = b"".join(file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file())
    assert exports.TRACE.encode() in held
    for secret in [*secrets, CANARY, "\\u0040example"]:
        assert secret.encode() not in held, secret


@pytest.mark.parametrize("capture", ["none", "redacted"])
def test_what_the_policy_keeps(tmp_path: Path, upstream: Upstream, capture: str) -> None:
    """Without texts the ids, ranks and scores stay: recall is counted by them. No name of the app's stays."""
    tool = {
        "openinference.span.kind": "TOOL",
        "tool.name": "find-ada",
        "tool_call.id": "c1",
        "input.value": "ada",
    }
    model = {"openinference.span.kind": "LLM", "llm.model_name": "ada-1"}
    app = make_app(tmp_path, f"http://127.0.0.1:{upstream.port}/v1", policy(capture=capture))
    with served(app) as running:
        send(running, exports.export(ONE))
        kept = running.recorder.last()
        told = []
        for attributes in (tool, model):
            send(running, exports.export(exports.spanned(attributes, name="ask ada"), service="ada's app"))
            told.append(running.recorder.last())

    assert ("ada" in json.dumps(told)) == (capture == "redacted")
    assert [call["call_id"] for call in told[0]["tool_calls"]] == ["c1"]
    [hit] = kept["retrieval"]
    assert (hit["rank"], hit["doc_id"], hit["score"]) == (1, "d1", 0.5)
    assert bool(hit["text"]) == bool(kept["detail"].get("query")) == (capture == "redacted")


def test_the_recorder_of_tests_takes_documents() -> None:
    """The one in memory keeps what it is given."""
    recorder = MemoryRecorder()
    recorder.take([{"id": "1"}])

    assert recorder.last() == {"id": "1"}
