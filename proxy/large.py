"""Large requests: read beside the event loop, so that others are served meanwhile, and bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from guardrails.types import Segment
from proxy.errors import PayloadTooLarge
from proxy.exchange import Exchange

LARGE_BYTES = 128 * 1024
"""Requests of so many bytes and more are read in a thread."""

MAX_TEXTS = 50_000
"""Texts that one request may have: each message, part, name and value is one."""

P = ParamSpec("P")
T = TypeVar("T")


async def aside(exchange: Exchange, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """What some work on a request gives; for a large one it is done in a thread."""
    if exchange.size < LARGE_BYTES:
        return work(*args, **named)
    return await asyncio.to_thread(work, *args, **named)


def texts_of(exchange: Exchange) -> list[Segment]:
    """Every text of the request. Raises PayloadTooLarge for more than MAX_TEXTS."""
    texts = exchange.dialect.texts(exchange.request)
    if len(texts) > MAX_TEXTS:
        raise PayloadTooLarge(f"The request has more than {MAX_TEXTS:,} texts. Send fewer.")
    return texts
