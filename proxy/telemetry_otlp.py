"""Spans of our own for the operator's collector: one an exchange, over OTLP, in the names of both conventions.

The one door to OpenTelemetry's SDK. A collector that is slow or down costs spans, which are counted, and nothing else.
Texts leave only where the configuration says so, and then as they are stored: after the guardrails.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from guardrails.types import Verdict
from proxy.config_deployments import Deployment
from proxy.config_schema import Otlp
from proxy.exchange import Exchange
from proxy.store.bodies import encode

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

QUEUE = 4_096
"""Spans that may wait for the collector; more are dropped."""
_BATCH = 512
_EVERY_MS = 1_000
_SECONDS = 5.0
"""How long one batch may take, with everything that is tried again."""
_CLOSING_SECONDS = 3.0
_MOST_CONTENT = 65_536
"""Code points of a body that go along."""
MOST_EVENTS = 128
"""Findings of one exchange that are told."""
_SENT = (
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "user-agent",
)
"""Headers of an export beside those that are configured."""

OPERATIONS = {
    "/v1/chat/completions": "chat",
    "/v1/messages": "chat",
    "/v1/responses": "chat",
    "/v1/completions": "text_completion",
    "/v1/embeddings": "embeddings",
}


class SpanExport:
    """Hands spans of finished exchanges to a thread that sends them. `export` never waits and never raises for it.

    Args:
        collector: where they go.
        deployments: who answers, by the names that exchanges have for them.
        version: ours.
        dropped: told how many spans were not taken.
    """

    def __init__(
        self,
        collector: Otlp,
        deployments: Sequence[Deployment],
        version: str,
        dropped: Callable[[int], None],
    ) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        self._collector, self._dropped = collector, dropped
        self._resource = Resource({"service.name": "guardhouse", "service.version": version})
        self._servers = {each.id: server(each) for each in deployments}
        self._waiting = 0
        self._lock = threading.Lock()
        self._exporter = _exporter(collector, self._left)
        self._processor = BatchSpanProcessor(
            self._exporter,
            max_queue_size=QUEUE,
            schedule_delay_millis=_EVERY_MS,
            max_export_batch_size=_BATCH,
            export_timeout_millis=_SECONDS * 1000,
        )

    def export(self, exchange: Exchange) -> None:
        """Take a finished exchange, unless too many wait or its trace is not sampled."""
        if int((exchange.trace_id or exchange.id)[16:], 16) / 2**64 >= self._collector.sample:
            return
        with self._lock:
            full = self._waiting >= QUEUE
            self._waiting += not full
        if full:
            self._dropped(1)
        else:
            told = attributes(exchange, self._collector) | self._servers.get(exchange.deployment, {})
            self._processor.on_end(span(exchange, told, self._resource))

    def close(self) -> None:
        """Send what waits, for a few seconds at most. Blocks: for threads."""
        ending = threading.Timer(_CLOSING_SECONDS, self._exporter.shutdown)
        ending.daemon = True
        ending.start()
        self._processor.shutdown()
        ending.cancel()

    def _left(self, spans: int, sent: bool) -> None:
        with self._lock:
            self._waiting -= spans
        if not sent:
            self._dropped(spans)


def _exporter(collector: Otlp, left: Callable[[int, bool], None]) -> SpanExporter:
    """An exporter that tells what became of each batch, and takes nothing from the environment."""
    import requests
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import SpanExportResult

    allowed = {*_SENT, *(name.lower() for name in collector.headers)}

    class Session(requests.Session):  # type: ignore[misc]
        """Sends what is configured alone: the library adds headers and proxies that the environment names."""

        trust_env = False

        def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
            for name in [name for name in request.headers if name.lower() not in allowed]:
                del request.headers[name]
            return super().send(request, **{**options, "allow_redirects": False})

    class Exporter(OTLPSpanExporter):  # type: ignore[misc]
        """Tells how many spans left the queue, and whether the collector took them."""

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            result = SpanExportResult.FAILURE
            try:
                result = super().export(spans)
            finally:
                left(len(spans), result is SpanExportResult.SUCCESS)
            return result

        def shutdown(self) -> None:
            if not self._shutdown:
                super().shutdown()

    return Exporter(
        endpoint=collector.url,
        headers={"user-agent": "guardhouse", **collector.headers},
        timeout=_SECONDS,
        compression=Compression.Gzip,
        session=Session(),
    )


def sending(collector: Otlp, version: str) -> Callable[[Sequence[tuple[Exchange, Mapping[str, Any]]]], bool]:
    """Sends exchanges with what is told of each, and says whether the collector took them. Blocks: for commands."""
    from opentelemetry.sdk.resources import Resource

    resource = Resource({"service.name": "guardhouse", "service.version": version})
    taken: list[bool] = []
    exporter = _exporter(collector, lambda _, sent: taken.append(sent))

    def send(exchanges: Sequence[tuple[Exchange, Mapping[str, Any]]]) -> bool:
        exporter.export([span(exchange, told, resource) for exchange, told in exchanges])
        return taken[-1]

    return send


def server(deployment: Deployment) -> dict[str, Any]:
    """What is told of who answers."""
    told: dict[str, Any] = {"gen_ai.provider.name": deployment.vendor}
    base = urlsplit(deployment.api_base)
    if base.hostname:
        told["server.address"] = base.hostname
        told["server.port"] = base.port or (443 if base.scheme == "https" else 80)
    return told


def span(exchange: Exchange, told: Mapping[str, Any], resource: Any) -> ReadableSpan:
    """The exchange as a span: our own id, below the span that the caller named."""
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
    from opentelemetry.trace.status import Status, StatusCode

    trace_id = int(exchange.trace_id or exchange.id, 16)
    flags = TraceFlags(TraceFlags.SAMPLED)
    parent = exchange.parent_span
    start = exchange.started_us * 1000
    end = start + (exchange.duration_us or 0) * 1000
    operation = OPERATIONS.get(exchange.path, "chat")
    failed = exchange.failure is not None or exchange.cancelled
    return ReadableSpan(
        name=f"{operation} {exchange.model}".strip(),
        context=SpanContext(trace_id, int(exchange.span, 16), False, flags),
        parent=None if parent is None else SpanContext(trace_id, int(parent, 16), True, flags),
        resource=resource,
        attributes=told,
        events=[Event(name, about, timestamp=end) for name, about in events(exchange)],
        kind=SpanKind.CLIENT,
        status=Status(StatusCode.ERROR if failed else StatusCode.UNSET),
        start_time=start,
        end_time=end,
        instrumentation_scope=InstrumentationScope("guardhouse"),
    )


def attributes(exchange: Exchange, collector: Otlp) -> dict[str, Any]:
    """What is told of an exchange, by attribute; what is not known is left out."""
    principal, failure, usage = exchange.principal, exchange.failure, exchange.usage or {}
    operation, prompt = OPERATIONS.get(exchange.path, "chat"), exchange.prompt
    told: dict[str, Any] = {
        "gen_ai.operation.name": operation,
        "gen_ai.request.model": exchange.model or None,
        "gen_ai.response.model": exchange.answered_model,
        "gen_ai.response.id": exchange.response_id,
        "gen_ai.response.finish_reasons": list(exchange.finish_reasons) or None,
        "gen_ai.usage.input_tokens": _count(usage, "prompt_tokens", "input_tokens"),
        "gen_ai.usage.output_tokens": _count(usage, "completion_tokens", "output_tokens"),
        "gen_ai.conversation.id": exchange.run_id,
        "error.type": _error(exchange),
        "http.response.status_code": exchange.http_status or None,
        "url.path": exchange.path,
        "openinference.span.kind": "EMBEDDING" if operation == "embeddings" else "LLM",
        "llm.model_name": exchange.answered_model or exchange.model or None,
        "llm.token_count.prompt": _count(usage, "prompt_tokens", "input_tokens"),
        "llm.token_count.completion": _count(usage, "completion_tokens", "output_tokens"),
        "session.id": exchange.session_id,
        "guardhouse.trace": exchange.id,
        "guardhouse.trace_url": f"{collector.trace_url}{exchange.id}" if collector.trace_url else None,
        "guardhouse.policy": exchange.policy,
        "guardhouse.outcome": exchange.outcome,
        "guardhouse.verdict": max(
            exchange.input.action, exchange.output.action, key=lambda each: each.rank
        ).value,
        "guardhouse.deployment": exchange.deployment or None,
        "guardhouse.key": principal.key_id if principal else None,
        "guardhouse.team": principal.team if principal else None,
        "guardhouse.prompt": prompt.name if prompt else None,
        "guardhouse.prompt.version": prompt.version if prompt else None,
        "guardhouse.shadow_of": exchange.shadow_of,
        "guardhouse.error.code": failure.code if failure else None,
    }
    if collector.content:
        told |= {
            "input.value": _body(exchange.safe_request),
            "input.mime_type": exchange.safe_request and "application/json",
            "output.value": _body(exchange.safe_response),
            "output.mime_type": exchange.safe_response and "application/json",
        }
    return {name: value for name, value in told.items() if value is not None}


def events(exchange: Exchange) -> list[tuple[str, dict[str, Any]]]:
    """What the guardrails found and could not look at, an event each: which rule, what kind, what became of it."""
    told: list[tuple[str, dict[str, Any]]] = []
    sides: tuple[tuple[str, Verdict], ...] = (("input", exchange.input), ("output", exchange.output))
    for side, verdict in sides:
        for found in verdict.findings:
            about = {
                "rule": found.rule,
                "entity": found.entity,
                "action": found.action.value,
                "mode": found.mode.value,
            }
            told.append(("guardhouse.finding", {"guardhouse.side": side, **_named(about)}))
        for failed in verdict.failures:
            about = {"rule": failed.rule, "kind": failed.kind, "action": failed.action.value}
            told.append(("guardhouse.check_failure", {"guardhouse.side": side, **_named(about)}))
    return told[:MOST_EVENTS]


def _named(about: Mapping[str, str]) -> dict[str, str]:
    return {f"guardhouse.{name}": value for name, value in about.items()}


def _error(exchange: Exchange) -> str | None:
    if exchange.cancelled:
        return "cancelled"
    failure = exchange.failure
    return None if failure is None else failure.code or str(failure.status)


def _count(usage: Mapping[str, Any], *names: str) -> int | None:
    values = (usage.get(name) for name in names)
    return next(
        (v for v in values if isinstance(v, int) and not isinstance(v, bool) and 0 <= v < 1 << 62), None
    )


def _body(body: Mapping[str, Any] | None) -> str | None:
    return None if body is None else encode(body).decode("utf-8", "replace")[:_MOST_CONTENT]
