"""A span as an app sent it, whatever encoding it came in. Raw: nothing here is ever stored as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy.errors import BadRequest, Code, PayloadTooLarge

MOST_SPANS = 10_000
"""Spans that one request may carry."""
MOST_ATTRIBUTES = 2_000
"""Attributes of one span."""
MOST_READ = 100_000
"""Fields and values of one request that are looked at, over all of its levels."""
UNREAD = ".vector"
"""How attributes end whose values nobody reads: thousands of numbers."""
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


class Quota:
    """What may still be looked at of a request."""

    def __init__(self) -> None:
        self._left = MOST_READ

    def take(self, count: int = 1) -> None:
        """Look at so many more. Raises PayloadTooLarge when that is more than MOST_READ."""
        self._left -= count
        if self._left < 0:
            raise _too_large(f"more than {MOST_READ:,} fields and values")


def few(attributes: Sequence[Any]) -> Sequence[Any]:
    """The attributes of a span themselves. Raises Malformed when they are more than MOST_ATTRIBUTES."""
    if len(attributes) > MOST_ATTRIBUTES:
        raise Malformed(f"a span has more than {MOST_ATTRIBUTES:,} attributes")
    return attributes


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
            raise _too_large(f"more than {MOST_SPANS:,} spans")
        yield span


def _too_large(what: str) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"The request carries {what}. Set a smaller batch size in the exporter (OTEL_BSP_MAX_EXPORT_BATCH_SIZE)."
    )
