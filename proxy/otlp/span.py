"""A span as an app sent it, whatever encoding it came in. Raw: nothing here is ever stored as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.errors import BadRequest, Code, PayloadTooLarge

MOST_SPANS = 10_000
"""Spans that one request may carry."""
_LATEST_NS = (1 << 64) - 1


class Malformed(ValueError):
    """A single span that cannot be read. The message says what is wrong and holds nothing of the span."""


@dataclass(frozen=True, slots=True)
class AppSpan:
    """One span of an app."""

    trace_id: str
    """32 hex digits."""
    span_id: str
    """16 hex digits."""
    parent: str | None
    name: str
    service: str
    started_ns: int
    """Nanoseconds since 1970 UTC; 0 when it does not say."""
    ended_ns: int
    error: bool
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """By name; a value is a string, number, bool, or a list or mapping of them."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The spans of one request, and what is wrong with those that could not be read."""

    spans: tuple[AppSpan, ...] = ()
    refused: tuple[str, ...] = ()
    """One reason for each span that was refused."""


def checked(span: AppSpan) -> AppSpan:
    """The span itself. Raises Malformed for ids and times that no span can have."""
    if len(span.trace_id) != 32 or not _is_hex(span.trace_id):
        raise Malformed("a trace id is not 16 bytes, or all zeros")
    if len(span.span_id) != 16 or not _is_hex(span.span_id):
        raise Malformed("a span id is not 8 bytes, or all zeros")
    if span.parent is not None and (len(span.parent) != 16 or not _is_hex(span.parent)):
        raise Malformed("a parent span id is not 8 bytes")
    if not 0 <= span.started_ns <= _LATEST_NS or not 0 <= span.ended_ns <= _LATEST_NS:
        raise Malformed("a time is no unsigned 64-bit number of nanoseconds")
    return span


def _is_hex(text: str) -> bool:
    return not set(text) - set("0123456789abcdef") and bool(set(text) - {"0"})


def accepted(batch: Batch) -> Batch:
    """The batch itself. Raises BadRequest when it has spans and not one of them can be read."""
    if batch.refused and not batch.spans:
        reason = batch.refused[0]
        raise BadRequest(f"No span of the request can be read: {reason}.", code=Code.INVALID_VALUE)
    return batch


def counted(spans: Iterable[Any]) -> Iterable[Any]:
    """The same, one after the other. Raises PayloadTooLarge when there are more than MOST_SPANS."""
    for number, span in enumerate(spans, 1):
        if number > MOST_SPANS:
            raise too_many()
        yield span


def too_many() -> PayloadTooLarge:
    """The error that tells of too many spans."""
    return PayloadTooLarge(
        f"The request carries more than {MOST_SPANS:,} spans. "
        "Set a smaller batch size in the exporter (OTEL_BSP_MAX_EXPORT_BATCH_SIZE)."
    )
