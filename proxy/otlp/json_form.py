"""OTLP in JSON: ids in hex, names in camelCase, 64-bit integers as strings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from proxy.errors import BadRequest, Code
from proxy.otlp.span import AppSpan, Batch, Malformed, accepted, checked, counted

_DEEPEST = 8
"""As in protobuf."""
_DIGITS = 20
"""Of the largest unsigned 64-bit number."""


def read(body: bytes) -> Batch:
    """The spans of an ExportTraceServiceRequest. Raises BadRequest when it is none, PayloadTooLarge for too many."""
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest("The body is not JSON.", code=Code.INVALID_JSON) from None
    if not isinstance(request, dict):
        raise _wrong("The body", "an object")
    spans: list[AppSpan] = []
    refused: list[str] = []
    for service, raw in counted(list(counted(_each(request)))):
        try:
            spans.append(_span(raw, service))
        except Malformed as error:
            refused.append(str(error))
    return accepted(Batch(tuple(spans), tuple(refused)))


def _each(request: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(service, span). Raises BadRequest naming what is not as it must be."""
    for group in _objects(request, "resourceSpans"):
        resource = group.get("resource") or {}
        if not isinstance(resource, dict):
            raise _wrong("resource", "an object")
        service = str(_attributes(resource.get("attributes")).get("service.name", ""))
        for scope in _objects(group, "scopeSpans"):
            for span in _objects(scope, "spans"):
                yield service, span


def _objects(holder: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = holder.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise _wrong(name, "an array of objects")
    return found


def _span(span: dict[str, Any], service: str) -> AppSpan:
    status = span.get("status")
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
            attributes=_attributes(span.get("attributes")),
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


def _attributes(pairs: Any, depth: int = 0) -> dict[str, Any]:
    if not isinstance(pairs, list):
        return {}
    return {
        pair["key"]: _value(pair.get("value"), depth)
        for pair in pairs
        if isinstance(pair, dict) and isinstance(pair.get("key"), str)
    }


def _value(value: Any, depth: int) -> Any:
    """What an AnyValue holds; None for what is none, or too deep."""
    if not isinstance(value, dict):
        return None
    for name, kind in (("stringValue", str), ("boolValue", bool)):
        if isinstance(found := value.get(name), kind):
            return found
    if "intValue" in value:
        try:
            return _integer_value(value["intValue"])
        except (TypeError, ValueError, OverflowError):
            return None
    if isinstance(number := value.get("doubleValue"), int | float):
        return float(number) if abs(number) < 1e300 else None
    for name in ("arrayValue", "kvlistValue"):
        if isinstance(inner := value.get(name), dict) and depth < _DEEPEST:
            values = inner.get("values")
            if name == "kvlistValue":
                return _attributes(values, depth + 1)
            return [_value(each, depth + 1) for each in values] if isinstance(values, list) else []
    return None


def _integer_value(value: Any) -> int:
    if isinstance(value, str) and len(value) > _DIGITS:
        raise ValueError
    return int(value)


def _wrong(where: str, kind: str) -> BadRequest:
    return BadRequest(
        f"{where} is not {kind}.", code=Code.INVALID_TYPE, param=None if " " in where else where
    )


def response(refused: int, reason: str) -> bytes:
    """An ExportTraceServiceResponse; with `partialSuccess` when spans were refused or there is something to say."""
    if not refused and not reason:
        return b"{}"
    return orjson.dumps({"partialSuccess": {"rejectedSpans": str(refused), "errorMessage": reason}})
