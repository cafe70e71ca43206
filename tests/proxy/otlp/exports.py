"""Exports as apps send them, in both encodings."""

from __future__ import annotations

import json
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

TRACE = "0af7651916cd43dd8448eb211c80319c"
START = 1_800_000_000_000_000_000


def retriever(
    *documents: tuple[str, str, float], span: str = "00f067aa0ba902b7", **more: Any
) -> dict[str, Any]:
    """An OpenInference retriever span in OTLP's JSON: (id, text, score) of each document."""
    attributes: dict[str, Any] = {"openinference.span.kind": "RETRIEVER", "input.value": "who?"}
    for place, (id, text, score) in enumerate(documents):
        at = f"retrieval.documents.{place}.document"
        attributes |= {f"{at}.id": id, f"{at}.content": text, f"{at}.score": score}
    return spanned(attributes | more.pop("attributes", {}), span=span, **more)


def spanned(attributes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A span with these attributes in OTLP's JSON."""
    start = more.pop("start", START)
    return {
        "traceId": more.pop("trace", TRACE),
        "spanId": more.pop("span", "00f067aa0ba902b7"),
        "name": more.pop("name", "step"),
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(more.pop("end", start + 1_000_000)),
        "attributes": [{"key": key, "value": value(one)} for key, one in attributes.items()],
        **more,
    }


def value(given: Any) -> dict[str, Any]:
    """An AnyValue in JSON."""
    if isinstance(given, bool):
        return {"boolValue": given}
    if isinstance(given, int):
        return {"intValue": str(given)}
    if isinstance(given, float):
        return {"doubleValue": given}
    if isinstance(given, list):
        return {"arrayValue": {"values": [value(one) for one in given]}}
    return {"stringValue": given}


def export(*spans: dict[str, Any], service: str = "library") -> bytes:
    """A request in JSON."""
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    return json.dumps(
        {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}
    ).encode()


def protobuf(*spans: dict[str, Any], service: str = "library") -> bytes:
    """The same in protobuf."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = service
    scope = group.scope_spans.add()
    for one in spans:
        span = scope.spans.add()
        span.trace_id, span.span_id = bytes.fromhex(one["traceId"]), bytes.fromhex(one["spanId"])
        span.parent_span_id = bytes.fromhex(one.get("parentSpanId", ""))
        span.name = one["name"]
        span.start_time_unix_nano = int(one["startTimeUnixNano"])
        span.end_time_unix_nano = int(one["endTimeUnixNano"])
        span.attributes.extend(
            KeyValue(key=each["key"], value=_any(each["value"])) for each in one["attributes"]
        )
    body: bytes = request.SerializeToString()
    return body


def _any(given: dict[str, Any]) -> AnyValue:
    [(kind, inner)] = given.items()
    if kind == "stringValue":
        return AnyValue(string_value=inner)
    if kind == "intValue":
        return AnyValue(int_value=int(inner))
    if kind == "boolValue":
        return AnyValue(bool_value=inner)
    if kind == "doubleValue":
        return AnyValue(double_value=inner)
    found = AnyValue()
    found.array_value.values.extend(_any(one) for one in inner["values"])
    return found
