"""Traces as lines of OTLP in JSON, an ExportTraceServiceRequest each, as a collector's `otlpjsonfile` reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from proxy.export.lines import line
from proxy.export.spans import seen, told
from proxy.telemetry_otlp import OPERATIONS, events

BATCH = 100
"""Spans of a request at most."""
BATCH_BYTES = 1 << 20
"""Bytes after which a request ends."""
_CLIENT, _FAILED = 3, 2
_HEAD = (
    b'{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"guardhouse"}}]},'
    b'"scopeSpans":[{"scope":{"name":"guardhouse"},"spans":['
)
_FOOT = b"]}]}]}\n"


def lines(traces: Iterable[Mapping[str, Any]], content: bool) -> Iterator[bytes]:
    """One request after the other, each a line."""
    spans: list[bytes] = []
    size = 0
    for trace in traces:
        spans.append(line(span(trace, content)).rstrip())
        size += len(spans[-1])
        if len(spans) >= BATCH or size >= BATCH_BYTES:
            yield _HEAD + b",".join(spans) + _FOOT
            spans, size = [], 0
    if spans:
        yield _HEAD + b",".join(spans) + _FOOT


def span(trace: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """A trace as a span in OTLP's JSON: ids in hex, 64-bit integers as strings."""
    exchange = seen(trace)
    start = trace["started_us"] * 1000
    end = start + (trace["duration_us"] or 0) * 1000
    failed = exchange.failure is not None or exchange.cancelled
    found = {
        "traceId": trace["trace_id"],
        "spanId": exchange.span,
        "name": f"{OPERATIONS.get(trace['path'], 'chat')} {_utf8(trace['model'])}".strip(),
        "kind": _CLIENT,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(end),
        "attributes": _attributes(told(trace, content)),
        "events": [
            {"timeUnixNano": str(end), "name": name, "attributes": _attributes(about)}
            for name, about in events(exchange)
        ],
        "status": {"code": _FAILED} if failed else {},
    }
    return found if trace["parent_span"] is None else {**found, "parentSpanId": trace["parent_span"]}


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(each) for each in value]}}
    return {"stringValue": _utf8(str(value))}


def _utf8(text: str) -> str:
    """A text without halves of surrogate pairs, which protobuf has no place for."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
