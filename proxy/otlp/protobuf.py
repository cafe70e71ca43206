"""OTLP in protobuf: the only place that knows its messages.

The request is cut into its spans before any message is made of it, so that a request of a hundred thousand spans,
or of parts that hold none, is refused for the price of counting them, and no single call of the library takes long.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from proxy.errors import BadRequest, Code
from proxy.otlp.span import UNREAD, AppSpan, Batch, Malformed, Quota, accepted, checked, counted, few

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue

_DEEPEST = 8
"""Levels of lists and mappings in an attribute that are read; what is deeper is left out."""
_GRPC = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 8, 415: 3, 429: 8, 503: 14}
"""HTTP status to the code of google.rpc.Status; any other is 13, internal."""
_BYTES = 2
"""Wire type of what has a length."""


def read(body: bytes) -> Batch:
    """The spans of an ExportTraceServiceRequest. Raises BadRequest when it is none, PayloadTooLarge for too many."""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    quota = Quota()
    spans: list[AppSpan] = []
    refused: list[str] = []
    try:
        cut = list(counted(_cut(memoryview(body), quota)))
        services: dict[bytes, str] = {}
        for resource, raw in cut:
            if resource not in services:
                services[resource] = str(
                    _attributes(Resource.FromString(resource).attributes, quota).get("service.name", "")
                )
            try:
                spans.append(_span(Span.FromString(bytes(raw)), services[resource], quota))
            except DecodeError:
                refused.append("a span cannot be decoded, or is nested too deep")
            except Malformed as error:
                refused.append(str(error))
    except (DecodeError, _Truncated):
        raise BadRequest(
            "The body is no ExportTraceServiceRequest in protobuf.", code=Code.INVALID_VALUE
        ) from None
    return accepted(Batch(tuple(spans), tuple(refused)))


def _span(span: Any, service: str, quota: Quota) -> AppSpan:
    return checked(
        AppSpan(
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent=span.parent_span_id.hex() or None,
            name=span.name,
            service=service,
            started_ns=span.start_time_unix_nano,
            ended_ns=span.end_time_unix_nano,
            error=span.status.code == 2,
            attributes=_attributes(few(span.attributes), quota),
        )
    )


def _attributes(pairs: Any, quota: Quota, depth: int = 0) -> dict[str, Any]:
    return {pair.key: _value(pair.value, quota, depth) for pair in pairs if not pair.key.endswith(UNREAD)}


def _value(value: AnyValue, quota: Quota, depth: int) -> Any:
    quota.take()
    kind = value.WhichOneof("value")
    if kind in ("string_value", "bool_value", "int_value", "double_value"):
        return getattr(value, kind)
    if kind == "array_value" and depth < _DEEPEST:
        return [_value(each, quota, depth + 1) for each in value.array_value.values]
    if kind == "kvlist_value" and depth < _DEEPEST:
        return _attributes(value.kvlist_value.values, quota, depth + 1)
    return None


class _Truncated(ValueError):
    """Bytes that end before the message does, or are none."""


def _cut(body: memoryview, quota: Quota) -> Iterator[tuple[bytes, memoryview]]:
    """(resource, span), each as it was encoded: ExportTraceServiceRequest.1 ResourceSpans.{1, 2} ScopeSpans.2."""
    for number, group in _fields(body, quota):
        if number != 1:
            continue
        parts = list(_fields(group, quota))
        resource = b"".join(bytes(part) for number, part in parts if number == 1)
        for number, scope in parts:
            if number == 2:
                yield from ((resource, span) for number, span in _fields(scope, quota) if number == 2)


def _fields(data: memoryview, quota: Quota) -> Iterator[tuple[int, memoryview]]:
    """(number, bytes) of the fields that have a length; others are read over. Raises _Truncated, PayloadTooLarge."""
    place, end = 0, len(data)
    while place < end:
        quota.take()
        tag, place = _varint(data, place)
        number, kind = tag >> 3, tag & 7
        if kind == _BYTES:
            size, place = _varint(data, place)
            if number == 0 or place + size > end:
                raise _Truncated
            yield number, data[place : place + size]
            place += size
        elif kind == 0:
            _, place = _varint(data, place)
        elif kind in (1, 5):
            place += 8 if kind == 1 else 4
        else:
            raise _Truncated
    if place > end:
        raise _Truncated


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 64:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise _Truncated


def response(refused: int, reason: str) -> bytes:
    """An ExportTraceServiceResponse; with `partial_success` when spans were refused or there is something to say."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    answer = ExportTraceServiceResponse()
    if refused or reason:
        answer.partial_success.rejected_spans = refused
        answer.partial_success.error_message = reason
    body: bytes = answer.SerializeToString()
    return body


def status(http: int, message: str) -> bytes:
    """A google.rpc.Status: field 1 its code, field 2 its message."""
    text = message.encode()
    size, length = len(text), b""
    while size > 0x7F:
        length += bytes((size & 0x7F | 0x80,))
        size >>= 7
    return b"\x08" + bytes((_GRPC.get(http, 13),)) + b"\x12" + length + bytes((size,)) + text
