"""W3C Trace Context: what is a trace context and what is none, and what providers are told."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from pathlib import Path

import pytest

from proxy.traceparent import Traceparent, parse
from tests.proxy.policies import policy
from tests.proxy.test_pipeline import ask, chat
from tests.servers import ADMIN_KEY, Running, Upstream, make_app, served

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GIVEN = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (GIVEN, Traceparent(TRACE, SPAN, "01")),
        (f" {GIVEN}\t", Traceparent(TRACE, SPAN, "01")),
        (f"00-{TRACE}-{SPAN}-ff", Traceparent(TRACE, SPAN, "01")),
        (f"00-{TRACE}-{SPAN}-fe", Traceparent(TRACE, SPAN, "00")),
        (f"cc-{TRACE}-{SPAN}-00-what-comes", Traceparent(TRACE, SPAN, "00")),
        (f"cc-{TRACE}-{SPAN}-00what", None),
        (f"00-{TRACE}-{SPAN}-01-more", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        (f"00-{TRACE}-{SPAN}", None),
        ("", None),
        (None, None),
    ],
)
def test_a_trace_context_is_read_as_the_standard_says(header: str | None, found: Traceparent | None) -> None:
    """Invalid ones count as none; flags are reduced to the one that is known."""
    assert parse(header) == found


def test_it_is_written_as_it_is_read() -> None:
    """Always as version 00."""
    assert str(Traceparent(TRACE, SPAN, "01")) == GIVEN


def test_the_callers_span_is_recorded_and_providers_are_told_nothing(
    proxy: Running, upstream: Upstream
) -> None:
    """Some providers refuse the header, so an operator must ask for it."""
    ask(proxy, chat(), headers={"traceparent": GIVEN, "tracestate": "vendor=secret"})

    kept = proxy.recorder.last()
    assert (kept["trace_id"], kept["parent_span"]) == (TRACE, SPAN)
    assert b"trace" not in upstream.headers[0].lower()


def test_two_are_none(proxy: Running) -> None:
    """Which of two trace contexts holds is nobody's guess: the exchange is of a trace of its own."""
    body = json.dumps(chat()).encode()
    other = f"00-{'1' * 32}-{SPAN}-01"
    with closing(http.client.HTTPConnection("127.0.0.1", proxy.port)) as connection:
        connection.putrequest("POST", "/v1/chat/completions")
        for name, value in (
            ("authorization", f"Bearer {ADMIN_KEY}"),
            ("content-length", str(len(body))),
            ("traceparent", GIVEN),
            ("traceparent", other),
        ):
            connection.putheader(name, value)
        connection.endheaders(body)
        assert connection.getresponse().status == 200

    kept = proxy.recorder.last()
    assert (kept["trace_id"], kept["parent_span"]) == (kept["id"], None)


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/embeddings", "/v1/completions", "/v1/responses"]
)
def test_our_span_is_the_parent_that_providers_see_where_that_is_wanted(
    tmp_path: Path, upstream: Upstream, path: str
) -> None:
    """The trace goes on under our own span, on every route; `tracestate` and the caller's span stay here."""
    app = make_app(tmp_path, f"http://127.0.0.1:{upstream.port}/v1", policy(), forward_traceparent=True)  # fmt: skip
    body = {
        "model": "gpt-test",
        "messages": [{"role": "user", "content": "hi"}],
        "input": "hi",
        "prompt": "hi",
    }
    wanted = {"/v1/chat/completions": "messages", "/v1/completions": "prompt"}.get(path, "input")
    with served(app) as running:
        ask(running, {name: body[name] for name in ("model", wanted)}, path=path, headers={"traceparent": GIVEN, "tracestate": "a=b"})  # fmt: skip
        kept = running.recorder.last()

    head = upstream.headers[0].decode().lower()
    assert f"traceparent: 00-{TRACE}-{kept['id'][16:]}-01\r\n" in head
    assert "tracestate" not in head
    assert SPAN not in head


def test_a_request_outside_a_trace_begins_one(proxy: Running, upstream: Upstream) -> None:
    """Its trace id is the id of the record."""
    ask(proxy, chat(), headers={"traceparent": "00-nonsense"})

    kept = proxy.recorder.last()
    assert (kept["trace_id"], kept["parent_span"]) == (kept["id"], None)
