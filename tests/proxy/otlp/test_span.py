"""What any span must have, whatever encoding it came in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.errors import BadRequest, PayloadTooLarge
from proxy.otlp.span import MOST_SPANS, AppSpan, Batch, Malformed, accepted, checked, counted

GOOD = AppSpan("0" * 31 + "1", "0" * 15 + "1", None, "n", "s", 1, 2, False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"trace_id": "0" * 32},
        {"trace_id": "1" * 31},
        {"trace_id": "g" * 32},
        {"span_id": "0" * 16},
        {"span_id": ""},
        {"parent": "12"},
        {"started_ns": -1},
        {"ended_ns": 1 << 64},
    ],
)
def test_ids_and_times_that_no_span_has_are_refused(wrong: dict[str, object]) -> None:
    """All zeros is no id, and time is an unsigned 64-bit number."""
    assert checked(GOOD) is GOOD
    with pytest.raises(Malformed):
        checked(replace(GOOD, **wrong))


def test_a_request_of_which_nothing_can_be_read_is_wrong() -> None:
    """Some refused is a partial success; all refused, an error; none at all, nothing to say."""
    assert accepted(Batch()) == Batch()
    assert accepted(Batch((GOOD,), ("x",))).refused == ("x",)
    with pytest.raises(BadRequest, match="a reason"):
        accepted(Batch((), ("a reason",)))


def test_too_many_spans_are_told_what_to_do() -> None:
    """The limit itself is fine; one more names the exporter's setting."""
    assert len(list(counted(range(MOST_SPANS)))) == MOST_SPANS
    with pytest.raises(PayloadTooLarge, match="OTEL_BSP_MAX_EXPORT_BATCH_SIZE"):
        list(counted(range(MOST_SPANS + 1)))
