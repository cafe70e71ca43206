"""OTLP in JSON: hex ids, camelCase, integers as strings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import BadRequest, PayloadTooLarge
from proxy.otlp import json_form
from tests.proxy.otlp import exports

ONE = exports.retriever(("d1", "text", 0.5))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["resourceSpans", "scopeSpans", "spans", "attributes", "key", "value", "stringValue", "intValue", "arrayValue",
         "kvlistValue", "values", "traceId", "spanId", "status", "resource", "startTimeUnixNano"]
    ), inner, max_size=4),
    max_leaves=25,
)  # fmt: skip


def test_ids_are_hex_in_any_case() -> None:
    """Some exporters write capital letters."""
    upper = {**ONE, "traceId": exports.TRACE.upper(), "status": {"code": 2}}
    [span] = json_form.read(exports.export(upper)).spans

    assert (span.trace_id, span.error, span.started_ns) == (exports.TRACE, True, exports.START)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "not JSON"),
        (b"[]", "not an object"),
        (b'{"resourceSpans": 1}', "resourceSpans"),
        (b'{"resourceSpans": [{"resource": 3}]}', "resource"),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [1]}]}]}', "spans"),
        (exports.export({**ONE, "traceId": "00"}), "trace id"),
        (exports.export({**ONE, "traceId": "0" * 32}), "trace id"),
        (exports.export({**ONE, "spanId": 7}), "spanId"),
        (exports.export({**ONE, "startTimeUnixNano": "-5"}), "time"),
        (exports.export({**ONE, "endTimeUnixNano": "9" * 40}), "time"),
        (b"[" * 100_000, "not JSON"),
        (b'{"resourceSpans": "\xff"}', "not JSON"),
    ],
)
def test_what_is_no_export_is_refused_with_the_reason(body: bytes, says: str) -> None:
    """Each with what is wrong, and nothing of the body."""
    with pytest.raises(BadRequest, match=says):
        json_form.read(body)


def test_one_bad_span_does_not_take_the_others_with_it() -> None:
    """The good one is read, the reason of the other kept."""
    batch = json_form.read(exports.export(ONE, {**ONE, "spanId": "0" * 16}))

    assert len(batch.spans) == 1
    assert batch.refused == ("a span id is not 8 bytes, or all zeros",)


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_any_json_is_read_or_refused(value: Any) -> None:
    """Nothing is raised but an error for the caller."""
    for body in (value, {"resourceSpans": [{"scopeSpans": [{"spans": [value]}]}]},
                 {"resourceSpans": [{"scopeSpans": [{"spans": [{**ONE, "attributes": value}]}]}]}):  # fmt: skip
        try:
            json_form.read(json.dumps(body).encode())
        except (BadRequest, PayloadTooLarge):
            pass


def test_a_small_body_of_many_values_is_refused() -> None:
    """Values over all spans are counted, and brackets before anything is made of them."""
    spans = [exports.spanned({"n": [1] * 50_000}, span=f"{number:016x}") for number in (1, 2)]
    for body in (exports.export(*spans), b"[" + b"{}," * 2_000_000 + b"{}]", b"[" * 4_000_000):
        with pytest.raises(PayloadTooLarge, match="100,000 fields and values"):
            json_form.read(body)
    assert len(json_form.read(exports.export(spans[0])).spans) == 1


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("9223372036854775807", (1 << 63) - 1),
        ("-9223372036854775808", -(1 << 63)),
        ("9223372036854775808", None),
        ("-9223372036854775809", None),
        ("18446744073709551616", None),
        ("1" * 5000, None),
        (1 << 63, None),
        (True, 1),
        ([], None),
        (1e300, None),
    ],
)
def test_integers_are_of_64_bits(given: Any, read: int | None) -> None:
    """What is larger is none: nothing that comes after could write it."""
    attributes = [{"key": "n", "value": {"intValue": given}}]
    [span] = json_form.read(exports.export({**exports.spanned({}), "attributes": attributes})).spans

    assert span.attributes == {"n": read}


def test_answers() -> None:
    """An empty object, or how many and why; 64-bit numbers are strings."""
    assert json_form.response(0, "") == b"{}"
    assert json.loads(json_form.response(2, "why")) == {
        "partialSuccess": {"rejectedSpans": "2", "errorMessage": "why"}
    }
