"""OTLP in protobuf: the only place that knows its messages.

The request is cut into its spans before any message is made of it, so that a request of a hundred thousand spans,
or of parts that hold none, is refused for the price of counting them. A long span is counted through and stripped of
what nobody reads before the library makes messages of its values, so that no single call of the library takes long.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue

_DEEPEST = 8
"""Levels of lists and mappings in an attribute that are read; what is deeper is left out."""
_GRPC = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 8, 415: 3, 429: 8, 503: 14}
"""HTTP status to the code of google.rpc.Status; any other is 13, internal."""
_BYTES = 2
"""Wire type of what has a length."""
_SPAN, _RESOURCE = 9, 1
"""Number of the attributes in a span and in a resource."""
_UNREAD_PARTS = (11, 13)
"""Numbers of a span's events and links."""
_SHORT = 2 * MOST_READ
"""Bytes of a message that cannot hold more values than are looked at: each takes two or more."""


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
                told = Resource.FromString(_bounded(memoryview(resource), _RESOURCE)).attributes
                services[resource] = str(_attributes(told, quota).get("service.name", ""))
            try:
                spans.append(_span(Span.FromString(_bounded(raw, _SPAN)), services[resource], quota))
            except (DecodeError, _Truncated):
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
    for group in _parts(body, 1, quota):
        fields = list(_fields(group, quota))
        resource = b"".join(group[inner:end] for number, _, inner, end in fields if number == 1)
        for number, _, inner, end in fields:
            if number == 2:
                yield from ((resource, span) for span in _parts(group[inner:end], 2, quota))


def _bounded(message: memoryview, attributes: int) -> bytes:
    """A span or resource for the library: a long one without what nobody reads. Raises _Truncated, PayloadTooLarge."""
    if len(message) <= _SHORT:
        return bytes(message)
    quota = Quota()
    kept: list[memoryview] = []
    for number, began, inner, end in _fields(message, quota):
        if number in _UNREAD_PARTS or (number == attributes and _is_unread(message[inner:end])):
            continue
        if number == attributes:
            _count(message[inner:end], quota)
        kept.append(message[began:end])
    return b"".join(kept)


def _is_unread(pair: memoryview) -> bool:
    """Whether nobody reads the value of an attribute, KeyValue.{1, 2}: by its last name, as the library has it."""
    names = [*_parts(pair, 1, Quota())][-1:]
    return any(bytes(name[-len(UNREAD) :]) == UNREAD.encode() for name in names)


def _count(pair: memoryview, quota: Quota) -> None:
    """Count what an attribute holds, however deep: KeyValue.2 AnyValue.{5 ArrayValue.1, 6 KeyValueList.1}."""
    pairs, values = [pair], list[memoryview]()
    while pairs or values:
        if pairs:
            values += _parts(pairs.pop(), 2, quota)
            continue
        value = values.pop()
        for number, _, inner, end in _fields(value, quota):
            if number == 5:
                values += _parts(value[inner:end], 1, quota)
            elif number == 6:
                pairs += _parts(value[inner:end], 1, quota)


def _parts(data: memoryview, wanted: int, quota: Quota) -> Iterator[memoryview]:
    """The bytes of the fields of one number."""
    return (data[inner:end] for number, _, inner, end in _fields(data, quota) if number == wanted)


def _fields(data: memoryview, quota: Quota) -> Iterator[tuple[int, int, int, int]]:
    """(number, begin of the field, begin of its bytes, end); number 0 for one without a length.

    Raises _Truncated, PayloadTooLarge.
    """
    place, end = 0, len(data)
    while place < end:
        quota.take()
        began = place
        tag, place = _varint(data, place)
        number, kind = tag >> 3, tag & 7
        size = 0
        if kind == _BYTES:
            size, place = _varint(data, place)
            if number == 0:
                raise _Truncated
        elif kind == 0:
            _, place = _varint(data, place)
        elif kind in (1, 5):
            place += 8 if kind == 1 else 4
        else:
            raise _Truncated
        inner, place = place, place + size
        if place > end:
            raise _Truncated
        yield number if kind == _BYTES else 0, began, inner, place


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
