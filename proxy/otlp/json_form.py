"""OTLP in JSON: ids in hex, names in camelCase, 64-bit integers as strings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from proxy.errors import BadRequest, Code
from proxy.otlp.span import (
    MOST_READ,
    UNREAD,
    AppSpan,
    Batch,
    Malformed,
    Quota,
    accepted,
    checked,
    counted,
    few,
)

_DEEPEST = 8
"""As in protobuf."""
_DENSEST = 5 * MOST_READ
"""Brackets in a body: objects take far more memory than the two bytes that an empty one is written in."""
_DIGITS = 20
"""Of the largest unsigned 64-bit number."""


def read(body: bytes) -> Batch:
    """The spans of an ExportTraceServiceRequest. Raises BadRequest when it is none, PayloadTooLarge for too many."""
    quota = Quota()
    quota.take(max(0, body.count(b"{") + body.count(b"[") - _DENSEST))
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest("The body is not JSON.", code=Code.INVALID_JSON) from None
    if not isinstance(request, dict):
        raise _wrong("The body", "an object")
    spans: list[AppSpan] = []
    refused: list[str] = []
    for service, raw in counted(list(counted(_each(request, quota)))):
        try:
            spans.append(_span(raw, service, quota))
        except Malformed as error:
            refused.append(str(error))
    return accepted(Batch(tuple(spans), tuple(refused)))


def _each(request: dict[str, Any], quota: Quota) -> Iterator[tuple[str, dict[str, Any]]]:
    """(service, span). Raises BadRequest naming what is not as it must be."""
    for group in _objects(request, "resourceSpans", quota):
        resource = group.get("resource") or {}
        if not isinstance(resource, dict):
            raise _wrong("resource", "an object")
        service = str(_attributes(resource.get("attributes"), quota).get("service.name", ""))
        for scope in _objects(group, "scopeSpans", quota):
            for span in _objects(scope, "spans", quota):
                yield service, span


def _objects(holder: dict[str, Any], name: str, quota: Quota) -> list[dict[str, Any]]:
    found = holder.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise _wrong(name, "an array of objects")
    quota.take(len(found))
    return found


def _span(span: dict[str, Any], service: str, quota: Quota) -> AppSpan:
    status, attributes = span.get("status"), span.get("attributes")
    return checked(
        AppSpan(
            trace_id=_text(span, "traceId").lower(),
            span_id=_text(span, "spanId").lower(),
            parent=_text(span, "parentSpanId").lower() or None,
            name=_text(span, "name"),
            service=service,
            started_ns=_integer(span.get("startTimeUnixNano", 0)),
            ended_ns=_integer(span.get("endTimeUnixNano", 0)),
            error=isinstance(status, dict) and status.get("code") in (2, "STATUS_CODE_ERROR"),
            attributes=_attributes(few(attributes) if isinstance(attributes, list) else (), quota),
        )
    )


def _text(span: dict[str, Any], name: str) -> str:
    value = span.get(name, "")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{name} is not a string")
    return value


def _integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS:
        return int(value)
    raise Malformed("a time is no number of nanoseconds")


def _attributes(pairs: Any, quota: Quota, depth: int = 0) -> dict[str, Any]:
    if not isinstance(pairs, list):
        return {}
    return {
        pair["key"]: _value(pair.get("value"), quota, depth)
        for pair in pairs
        if isinstance(pair, dict) and isinstance(pair.get("key"), str) and not pair["key"].endswith(UNREAD)
    }


def _value(value: Any, quota: Quota, depth: int) -> Any:
    """What an AnyValue holds; None for what is none, or too deep."""
    quota.take()
    if not isinstance(value, dict):
        return None
    for name, kind in (("stringValue", str), ("boolValue", bool)):
        if isinstance(found := value.get(name), kind):
            return found
    if "intValue" in value:
        return _integer_value(value["intValue"])
    if isinstance(number := value.get("doubleValue"), int | float):
        return float(number) if abs(number) < 1e300 else None
    for name in ("arrayValue", "kvlistValue"):
        if isinstance(inner := value.get(name), dict) and depth < _DEEPEST:
            values = inner.get("values")
            if name == "kvlistValue":
                return _attributes(values, quota, depth + 1)
            return [_value(each, quota, depth + 1) for each in values] if isinstance(values, list) else []
    return None


def _integer_value(value: Any) -> int | None:
    """A signed 64-bit number; None for what is none."""
    if isinstance(value, str) and len(value) > _DIGITS:
        return None
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if -(1 << 63) <= number < 1 << 63 else None


def _wrong(where: str, kind: str) -> BadRequest:
    return BadRequest(
        f"{where} is not {kind}.", code=Code.INVALID_TYPE, param=None if " " in where else where
    )


def response(refused: int, reason: str) -> bytes:
    """An ExportTraceServiceResponse; with `partialSuccess` when spans were refused or there is something to say."""
    if not refused and not reason:
        return b"{}"
    return orjson.dumps({"partialSuccess": {"rejectedSpans": str(refused), "errorMessage": reason}})
