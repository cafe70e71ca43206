"""W3C Trace Context: whose trace a request is part of, and what a provider is told of ours."""

from __future__ import annotations

import re
from dataclasses import dataclass

from proxy.exchange import Exchange
from proxy.wire import Connection

HEADER = "traceparent"

_FORM = re.compile(r"([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?")
_NOTHING = frozenset("0")


@dataclass(frozen=True, slots=True)
class Traceparent:
    """A place in a trace."""

    trace_id: str
    span: str
    flags: str = "00"

    def __str__(self) -> str:
        """The header's value."""
        return f"00-{self.trace_id}-{self.span}-{self.flags}"


def parse(header: str | None) -> Traceparent | None:
    """What a `traceparent` says; None for none and for one that the standard calls invalid.

    Versions after 00 may say more behind the flags: that is not read.
    """
    match = _FORM.fullmatch((header or "").strip(" \t"))
    if match is None or match[1] == "ff" or (match[1] == "00" and match[5]):
        return None
    if set(match[2]) <= _NOTHING or set(match[3]) <= _NOTHING:
        return None
    # Of the flags only the first is known to mean the same in what we send.
    return Traceparent(match[2], match[3], f"{int(match[4], 16) & 1:02x}")


def enter(exchange: Exchange, connection: Connection) -> None:
    """Sets whose trace an exchange is part of: that of its caller's span, else one of its own.

    A `traceparent` that comes twice counts as none, as the standard says.
    """
    given = None if b"traceparent" in connection.repeated else parse(connection.header(b"traceparent"))
    exchange.trace_id = exchange.id if given is None else given.trace_id
    if given is not None:
        exchange.parent_span, exchange.trace_flags = given.span, given.flags


def headers(exchange: Exchange, connection: Connection) -> dict[str, str]:
    """What a provider may be told beside the request: our span as its parent, and the caller's choice of features.

    `tracestate` stays here: vendors write into it what they like.
    """
    ours = Traceparent(exchange.trace_id, exchange.span, exchange.trace_flags)
    return {**connection.forwardable(), HEADER: str(ours)}
