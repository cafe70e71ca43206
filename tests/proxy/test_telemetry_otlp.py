"""Spans of our own reach the operator's collector, and a collector that is down costs nothing but them."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from proxy.config_deployments import Deployment
from proxy.config_schema import Otlp
from proxy.exchange import PromptUse
from proxy.telemetry_otlp import MOST_EVENTS, QUEUE, SpanExport, attributes, events, server
from tests.fixtures import _upstream, upstream  # noqa: F401
from tests.proxy.exchanges import SECRET, finding, masked
from tests.proxy.policies import policy
from tests.proxy.test_pipeline import ask, chat
from tests.servers import Running, Upstream, make_app, served

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"
MAILED = {"role": "user", "content": "mail ada@example.com"}


class Collector:
    """A receiver of OTLP on a real socket."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.headers: list[dict[str, str]] = []
        outer = self

        class Posts(BaseHTTPRequestHandler):
            """Decodes what is posted."""

            def do_POST(self) -> None:
                """Keep the spans of one export."""
                body = self.rfile.read(int(self.headers["content-length"]))
                request = ExportTraceServiceRequest.FromString(gzip.decompress(body))
                outer.headers.append({**dict(self.headers.items()), ":path": self.path})
                outer.spans += [
                    s for g in request.resource_spans for scope in g.scope_spans for s in scope.spans
                ]
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *words: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Posts)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, count: int) -> list[Any]:
        """The spans, once there are so many."""
        until = time.monotonic() + 15
        while len(self.spans) < count and time.monotonic() < until:
            time.sleep(0.02)
        assert len(self.spans) == count
        return self.spans


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that takes everything."""
    found = Collector()
    yield found
    found.server.shutdown()
    found.server.server_close()


def told(span: Any) -> dict[str, Any]:
    """A span's attributes, or an event's."""
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


def test_an_exchange_is_a_span_below_the_callers(
    tmp_path: Path,
    upstream: Upstream,  # noqa: F811
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both conventions, what the guardrails found, a reference to the texts, and no text; nothing of the environment."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-stranger=secret")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    otlp = {
        "endpoint": collector.url,
        "headers": {"authorization": "Bearer collect"},
        "trace_url": "https://g/t/",
    }
    app = make_app(tmp_path, f"http://127.0.0.1:{upstream.port}/v1", policy(), otlp=otlp)
    with served(app) as running:
        answer = ask(running, chat(MAILED), headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        [span] = collector.wait(1)

    id = answer.headers["x-guardhouse-trace-id"]
    assert (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()) == (TRACE, id[16:], PARENT)
    assert span.name == "chat gpt-test"
    assert told(span) | {
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-test", "gen_ai.response.model": "gpt-real",
        "gen_ai.response.id": "chatcmpl-1", "gen_ai.usage.input_tokens": 1, "gen_ai.usage.output_tokens": 2,
        "gen_ai.provider.name": "openai", "server.address": "127.0.0.1", "server.port": upstream.port,
        "openinference.span.kind": "LLM", "guardhouse.trace": id, "guardhouse.trace_url": f"https://g/t/{id}",
        "guardhouse.outcome": "masked", "guardhouse.verdict": "pseudonymize",
    } == told(span)  # fmt: skip
    assert [(event.name, told(event)["guardhouse.entity"]) for event in span.events] == [
        ("guardhouse.finding", "EMAIL")
    ]
    assert b"ada@" not in span.SerializeToString()
    assert b"Hello!" not in span.SerializeToString()
    sent = {name.lower(): value for name, value in collector.headers[0].items()}
    assert (sent["authorization"], sent[":path"]) == ("Bearer collect", "/v1/traces")
    assert "x-stranger" not in sent


def test_a_collector_that_is_down_does_not_hurt(tmp_path: Path, upstream: Upstream) -> None:  # noqa: F811
    """Requests are answered, the drops counted once it stops, and it stops."""
    app = make_app(
        tmp_path, f"http://127.0.0.1:{upstream.port}/v1", policy(), otlp={"endpoint": "http://127.0.0.1:9"}
    )
    with served(app) as running:
        for _ in range(3):
            assert ask(running, chat()).status == 200

    assert b"guardhouse_otlp_dropped_total 3.0" in app.context.metrics.render()[0]


def test_our_own_ingest_takes_our_own_spans(proxy: Running, tmp_path: Path, upstream: Upstream) -> None:  # noqa: F811
    """One proxy exports to another one."""
    from tests.servers import ADMIN_KEY

    otlp = {"endpoint": proxy.url.removesuffix("/v1"), "headers": {"authorization": f"Bearer {ADMIN_KEY}"}}
    with served(make_app(tmp_path, f"http://127.0.0.1:{upstream.port}/v1", policy(), otlp=otlp)) as running:
        id = ask(running, chat()).headers["x-guardhouse-trace-id"]
        kept = proxy.recorder.last(wait=15)

    assert (kept["span_kind"], kept["response_id"], kept["id"][32:48]) == ("llm", "chatcmpl-1", id[16:])


def _export(dropped: Callable[[int], None], **keys: Any) -> SpanExport:
    return SpanExport(Otlp(endpoint="http://127.0.0.1:9", **keys), (), "1", dropped)


def test_a_full_queue_drops_and_counts() -> None:
    """Every span is either taken or counted, and none waits for the collector."""
    drops: list[int] = []
    export = _export(drops.append)
    for _ in range(QUEUE + 10):
        export.export(masked())
    export.close()

    assert sum(drops) == QUEUE + 10


def test_a_trace_is_sampled_as_a_whole() -> None:
    """By its id: all exchanges of one trace, or none; a share of nothing exports nothing."""
    drops: list[int] = []
    low, high = "0" * 31 + "1", "0" * 16 + "f" * 16
    export = _export(drops.append, sample=0.5)
    for trace in (low, low, high):
        export.export(masked(trace_id=trace))
    export.close()

    assert sum(drops) == 2


@pytest.mark.parametrize("content", [False, True])
def test_texts_go_along_only_where_asked_for_and_as_stored(content: bool) -> None:
    """Never the raw request."""
    collector = Otlp(endpoint="http://c", content=content)
    given = json.dumps(attributes(masked(), collector))

    assert ("[EMAIL_ADDRESS]" in given) == content
    assert SECRET not in given


def test_the_prompt_that_was_rendered_is_told() -> None:
    """By its name and version; an exchange without one says nothing of prompts."""
    named = masked(prompt=PromptUse("support", "7", "h"))

    found = attributes(named, Otlp(endpoint="http://c"))
    assert (found["guardhouse.prompt"], found["guardhouse.prompt.version"]) == ("support", "7")
    assert not [name for name in attributes(masked(), Otlp(endpoint="http://c")) if "prompt." in name]


def test_findings_are_bounded_and_have_no_text() -> None:
    """An event each, of the first 128."""
    exchange = masked()
    exchange.input = replace(exchange.input, findings=tuple(finding(0, 1) for _ in range(500)))

    found = events(exchange)
    assert len(found) == MOST_EVENTS
    assert found[0][1] == {
        "guardhouse.side": "input", "guardhouse.rule": "pii", "guardhouse.entity": "EMAIL_ADDRESS",
        "guardhouse.action": "redact", "guardhouse.mode": "enforce",
    }  # fmt: skip


def test_who_answers_is_told_without_secrets() -> None:
    """Host and port of the base URL; nothing for a provider that has none."""
    base = Deployment(
        "d", "m", "openai_wire", "openai", "gpt", api_base="https://u:p@api.example/v1", api_key="k"
    )

    assert server(base) == {
        "gen_ai.provider.name": "openai",
        "server.address": "api.example",
        "server.port": 443,
    }
    assert server(replace(base, vendor="fake", api_base="")) == {"gen_ai.provider.name": "fake"}


@pytest.mark.parametrize(
    "endpoint", ["", "collector:4318", "ftp://c", "http://user:pw@c", "http://c?x=1", "http://"]
)
def test_an_endpoint_is_an_http_url_without_credentials(endpoint: str) -> None:
    """Anything else is refused when the configuration is read."""
    with pytest.raises(ValueError, match="endpoint"):
        Otlp(endpoint=endpoint)
    assert Otlp(endpoint="http://c/v1/traces/").url == Otlp(endpoint="http://c/").url == "http://c/v1/traces"
