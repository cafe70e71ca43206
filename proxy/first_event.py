"""The first event of a stream: until it has come nothing is promised, and another deployment can still be asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson

from proxy.config_deployments import Deployment, Timeouts
from proxy.errors import UpstreamError, UpstreamTimeout
from proxy.providers.base import Reply, ReplyStream, scrubbed
from proxy.sse import Decoder


class _Begun:
    """A stream of which some pieces were read already: those first, then the rest, until its time is over."""

    __slots__ = ("_ends", "_held", "_pieces", "_stream", "headers", "status")

    def __init__(
        self, stream: ReplyStream, held: list[bytes], pieces: AsyncIterator[bytes], ends: float | None
    ) -> None:
        self.status, self.headers = stream.status, stream.headers
        self._stream, self._held, self._pieces, self._ends = stream, held, pieces, ends

    def __aiter__(self) -> _Begun:
        """Itself: a stream is read once."""
        return self

    async def __anext__(self) -> bytes:
        """The next piece."""
        if self._held:
            return self._held.pop(0)
        if self._ends is None:
            return await anext(self._pieces)
        try:
            async with asyncio.timeout_at(self._ends):
                return await anext(self._pieces)
        except TimeoutError:
            raise UpstreamTimeout("The provider did not finish its answer in time.") from None

    async def aclose(self) -> None:
        """Drop the provider's connection at once."""
        await self._stream.aclose()


async def begun(
    stream: ReplyStream, deployment: Deployment, deadlines: Timeouts, spent: float
) -> ReplyStream | Reply:
    """The same stream once its first event has come: one that never begins can still be retried.

    A Reply with an error status when that first event is an error: nothing was sent to the caller yet. What comes
    later than `deadlines` allow is UpstreamTimeout; `spent` seconds of them are over. Raises UpstreamError.
    """
    held: list[bytes] = []
    now = asyncio.get_running_loop().time()
    ends = None if deadlines.total is None else now + deadlines.total - spent
    pieces = aiter(stream)
    error: bytes | None = None
    good = False
    try:
        async with asyncio.timeout(deadlines.first_byte - spent):
            first = await _first_event(pieces, held)
        if not _is_error(first):
            good = True
            return _Begun(stream, held, pieces, ends)
        error = first
    except TimeoutError:
        raise UpstreamTimeout("The provider did not begin to answer in time.") from None
    finally:
        if not good:
            await stream.aclose()
    return Reply(_error_status(error), stream.headers, scrubbed(error, deployment))


async def _first_event(pieces: AsyncIterator[bytes], held: list[bytes]) -> bytes:
    """The first payload; pieces read on the way are kept in held. Raises UpstreamError for none."""
    decoder = Decoder()
    async for piece in pieces:
        held.append(piece)
        payloads = decoder.feed(piece)
        if payloads:
            return payloads[0]
    raise UpstreamError("The provider ended its answer before it began.")


def _is_error(payload: bytes) -> bool:
    """Whether an event is OpenAI's `{"error": ...}`."""
    if b'"error"' not in payload:
        return False
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return False
    return isinstance(found, dict) and bool(found.get("error")) and not found.get("choices")


_BY_TYPE = {
    "invalid_request_error": 400,
    "overloaded_error": 529,
    "rate_limit_error": 429,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
}
"""HTTP status of the errors that are told by their type alone."""


def _error_status(payload: bytes) -> int:
    """The HTTP status that an error within a stream names as its code; 502 when it names none."""
    error = orjson.loads(payload)["error"]
    code = str(error.get("code")) if isinstance(error, dict) else ""
    if isinstance(error, dict) and isinstance(error.get("type"), str) and error["type"] in _BY_TYPE:
        return _BY_TYPE[error["type"]]
    return int(code) if len(code) == 3 and code.isdecimal() and 400 <= int(code) <= 599 else 502
