"""OTLP in protobuf: what the library reads, cut into spans before it is asked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from proxy.errors import BadRequest, PayloadTooLarge
from proxy.otlp import json_form, protobuf
from proxy.otlp.span import MOST_ATTRIBUTES, MOST_READ
from tests.cost import least
from tests.proxy.otlp import exports

ONE = exports.retriever(("d1", "text", 0.5), attributes={"n": 3, "yes": True, "list": ["a", 1]})


def test_both_encodings_say_the_same() -> None:
    """A request means the same in protobuf and in JSON."""
    spans = [ONE, exports.spanned({}, span="1" * 16, parentSpanId="2" * 16)]

    assert protobuf.read(exports.protobuf(*spans)) == json_form.read(exports.export(*spans))
    assert protobuf.read(exports.protobuf(ONE)).spans[0].service == "library"


def test_a_request_that_ends_too_early_is_wrong() -> None:
    """Cut at any byte it is refused, or says less; it never says something else, and nothing else is raised."""
    whole = exports.protobuf(ONE)
    for end in range(len(whole)):
        try:
            assert protobuf.read(whole[:end]).spans == ()
        except BadRequest as error:
            assert "ExportTraceServiceRequest" in error.message or "No span" in error.message


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No bytes raise anything but an error for the caller."""
    try:
        protobuf.read(data)
    except (BadRequest, PayloadTooLarge):
        pass


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_byte_is_read_or_refused(data: Any) -> None:
    """The same for a good request with some bytes changed."""
    body = bytearray(exports.protobuf(ONE, ONE))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        protobuf.read(bytes(body))
    except (BadRequest, PayloadTooLarge):
        pass


def test_nesting_is_bounded() -> None:
    """An attribute of lists in lists is read to some depth, or the request is refused."""
    value: Any = "deep"
    for _ in range(15):
        value = [value]
    [span] = protobuf.read(exports.protobuf(exports.spanned({"a": value}))).spans

    assert "deep" not in str(span.attributes)


def test_a_hundred_thousand_spans_are_refused_for_the_price_of_counting() -> None:
    """Refused before a message is made of any of them: a tenth of them that can be read costs more."""
    few = exports.protobuf(*[exports.spanned({}, span=f"{number:016x}") for number in range(1, 10_001)])
    many = _nested(1, 2, inner=b"\x12\x00" * 100_000)
    with pytest.raises(PayloadTooLarge, match="10,000 spans"):
        protobuf.read(many)

    assert least(lambda: _refused(many)) < least(lambda: protobuf.read(few))


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return out + bytes((value,))


def _nested(*numbers: int, inner: bytes = b"") -> bytes:
    """Bytes within fields of these numbers, the first one outermost."""
    for number in reversed(numbers):
        inner = bytes((number << 3 | 2,)) + _varint(len(inner)) + inner
    return inner


@pytest.fixture(scope="module")
def most() -> float:
    """What a request costs that holds as many parts as are read."""
    body = _nested(1, inner=b"\x12\x00" * (MOST_READ - 10))
    return least(lambda: protobuf.read(body))


def _span_of(number: int, *within: int) -> Callable[[int], bytes]:
    """Takes a count, gives a request of one span that holds so many empty parts of a number within others."""
    part = bytes((number << 3 | 2, 0))
    return lambda count: _nested(
        1, 2, 2, inner=_nested(1, inner=b"t" * 16) + _nested(*within, inner=part * count)
    )


@pytest.mark.parametrize(
    "body",
    [
        lambda count: b"\x0a\x00" * count,
        lambda count: _nested(1, inner=b"\x12\x00" * count),
        lambda count: _nested(1, inner=b"\x0a\x00" * count),
        lambda count: b"\x10\x00" * count,
        _span_of(1, 9, 2, 5),
        _span_of(1, 9, 2, 6),
        _span_of(1, 9, 2, 5, 1, 5),
        _span_of(9),
        _span_of(11),
        _span_of(13),
        lambda count: _nested(
            1, inner=_nested(1, 1, 2, 5, inner=b"\x0a\x00" * count) + _nested(2, inner=b"\x12\x00")
        ),
    ],
    ids=[
        *("resources", "scopes", "resource", "numbers", "one list", "one mapping", "a list in a list"),
        *("attributes", "events", "links", "a resource's list"),
    ],
)
def test_what_holds_no_spans_costs_no_more(body: Callable[[int], bytes], most: float) -> None:
    """Millions of parts without spans, unknown numbers or values: refused for what as many as are read cost."""
    beyond = body(30 * MOST_READ)
    with pytest.raises(PayloadTooLarge, match="100,000 fields"):
        protobuf.read(beyond)

    assert least(lambda: _refused(beyond)) < 4 * most


def _refused(body: bytes) -> None:
    with suppress(BadRequest, PayloadTooLarge):
        protobuf.read(body)


def test_a_span_of_too_many_attributes_is_refused_alone() -> None:
    """The others are kept."""
    many = exports.spanned({f"a{number}": number for number in range(MOST_ATTRIBUTES + 1)})
    for batch in (protobuf.read(exports.protobuf(ONE, many)), json_form.read(exports.export(ONE, many))):
        assert (len(batch.spans), batch.refused) == (1, ("a span has more than 2,000 attributes",))


def test_vectors_are_read_over() -> None:
    """An app's embeddings are hundreds of thousands of numbers, and nothing that a reviewer reads."""
    span = exports.spanned(
        {"embedding.embeddings.0.embedding.vector": [0.5] * 150_000, "embedding.model_name": "m"}
    )
    for batch in (protobuf.read(exports.protobuf(span)), json_form.read(exports.export(span))):
        assert batch.spans[0].attributes == {"embedding.model_name": "m"}


def test_answers_are_what_the_library_reads() -> None:
    """A full success is empty; a partial one says how many and why; a status holds code and message."""
    assert protobuf.response(0, "") == b""
    told = ExportTraceServiceResponse.FromString(protobuf.response(3, "why"))
    assert (told.partial_success.rejected_spans, told.partial_success.error_message) == (3, "why")

    message = "m" * 300
    status = protobuf.status(413, message)
    assert status[:5] == b"\x08\x08\x12" + _varint(300)
    assert status[5:] == message.encode()
