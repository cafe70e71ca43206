"""Direct HTTP to whatever answers OpenAI's own requests: bytes out, bytes back.

Nothing of the caller's request travels but the body: the headers are ours, and of the caller's only those in FORWARDED.
"""

from __future__ import annotations

import asyncio
import math
import zlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from proxy.config_deployments import Deployment, Timeouts
from proxy.errors import Redirected, UpstreamError, UpstreamTimeout
from proxy.providers.base import (
    Call,
    Fetch,
    Reply,
    ReplyStream,
    forwarded_headers,
    relayed_headers,
    scrubbed,
    traced_headers,
)
from proxy.providers.http import Client, Response

FORWARDED = ("openai-beta",)
"""Headers of the caller that go on to the provider: they choose features, and hold no credentials."""

MAX_REPLY_BYTES = 64 * 1024 * 1024
"""A whole reply, uncompressed, longer than this is not an answer but a fault."""

AZURE_VERSION = "2024-10-21"
"""`api_version` for Azure deployments that configure none: its last dated stable one."""

_RESPONSES = "/responses"
_COUNT = "/v1/responses/input_tokens"
"""Takes only what counts: the fields that a deployment adds are not among it."""
_AZURE_UNDATED = ("v1", "preview", "latest")


Request = tuple[str, bytes, dict[str, str]]
"""URL, body and headers."""
Begun = Callable[[], None]
"""Told that the first byte of a whole answer is there."""


class OpenAIWire:
    """Reaches deployments that speak OpenAI's wire, over connections of the loop that calls."""

    name = "openai_wire"

    def __init__(self) -> None:
        self._client = Client()

    async def complete(self, deployment: Deployment, call: Call) -> Reply:
        """The whole answer, whatever its status and whatever its body holds.

        Raises UpstreamError when there is no answer, UpstreamTimeout when it is late.
        """
        deadlines = call.deadlines(deployment)
        return await self._complete("POST", self.request(deployment, call), deployment, deadlines, call.begun)

    async def stream(self, deployment: Deployment, call: Call) -> ReplyStream | Reply:
        """The events as they are read, or a Reply when the provider refused or sent no event stream."""
        deadlines = call.deadlines(deployment)
        return await self._stream("POST", self.request(deployment, call), deployment, deadlines, call.begun)

    async def fetch(self, deployment: Deployment, asked: Fetch) -> ReplyStream | Reply:
        """As in Keeper. Raises UpstreamError or UpstreamTimeout when there is no answer."""
        headers = request_headers(deployment, asked.headers)
        if not asked.body:
            del headers["content-type"]
        request = (object_target(deployment, asked.path, asked.query), asked.body, headers)
        answer = self._stream if asked.stream else self._complete
        return await answer(asked.method, request, deployment, deployment.timeouts(asked.stream))

    async def _complete(
        self,
        method: str,
        request: Request,
        deployment: Deployment,
        deadlines: Timeouts,
        begun: Begun | None = None,
    ) -> Reply:
        try:
            async with asyncio.timeout(deadlines.total):
                body = await self._open(method, request, deployment, deadlines, deadlines.total)
                return await _whole(body, deployment, begun)
        except TimeoutError:
            raise UpstreamTimeout("The provider did not finish its answer in time.") from None

    async def _stream(
        self,
        method: str,
        request: Request,
        deployment: Deployment,
        deadlines: Timeouts,
        begun: Begun | None = None,
    ) -> ReplyStream | Reply:
        body = await self._open(method, request, deployment, deadlines, None)
        if body.status < 400 and body.is_events:
            return body
        try:
            async with asyncio.timeout(deadlines.total or deadlines.first_byte):
                return await _whole(body, deployment, begun)
        except TimeoutError:
            raise UpstreamTimeout("The provider did not finish its answer in time.") from None

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.close()

    def request(self, deployment: Deployment, call: Call) -> Request:
        """URL, body and headers of a call."""
        url, body = target(deployment, call.path), body_bytes(deployment, call)
        return url, body, request_headers(deployment, call.headers)

    async def _open(
        self,
        method: str,
        request: Request,
        deployment: Deployment,
        deadlines: Timeouts,
        watched: float | None,
    ) -> _Body:
        """The answer up to its headers. `watched` are the seconds after which the caller ends it; None: never."""
        url, body, headers = request
        early = watched is None or deadlines.first_byte < watched
        limit = asyncio.timeout(deadlines.first_byte if early else None)
        try:
            async with limit:
                response = await self._client.request(method, url, headers, body, deadlines.connect)
        except TimeoutError:
            raise UpstreamTimeout("The provider did not begin to answer in time.") from None
        if 300 <= response.status < 400:
            response.close()
            raise Redirected(
                f"The provider answered with a redirect (HTTP {response.status}): its api_base is not right."
            )
        if not 200 <= response.status < 600:
            response.close()
            raise UpstreamError("The provider answered with a status that HTTP does not have.")
        try:
            return _Body(response, deadlines, deployment)
        except UpstreamError:
            response.close()
            raise


class _Body:
    """The body of one answer, read piece by piece under its deadlines: a ReplyStream."""

    __slots__ = (
        "_decode",
        "_ends",
        "_idle",
        "_loop",
        "_packed",
        "_response",
        "_timer",
        "_waits",
        "headers",
        "status",
    )

    def __init__(self, response: Response, deadlines: Timeouts, deployment: Deployment) -> None:
        self.status: int = response.status
        self.headers: Mapping[str, str] = relayed_headers(response.headers.items(), deployment)
        self._response = response
        self._decode = _decompressor(response.headers.get("content-encoding", ""))
        self._packed = False
        self._loop = asyncio.get_running_loop()
        self._idle = deadlines.idle
        self._ends = math.inf if deadlines.total is None else self._loop.time() + deadlines.total
        self._waits = math.inf
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_events(self) -> bool:
        """Whether the provider says that this is an event stream."""
        kind = self._response.headers.get("content-type", "")
        return kind.partition(";")[0].strip().lower() == "text/event-stream"

    def __aiter__(self) -> _Body:
        """Itself: a body is read once."""
        return self

    async def __anext__(self) -> bytes:
        """The next bytes, as read and uncompressed; never empty."""
        while data := await self._read():
            if self._decode is not None:
                data = self._inflated(data)
            if data:
                return data
        self._stop_watching()
        if self._packed and not self._decode.eof:
            raise UpstreamError("The provider broke off in the middle of its answer.")
        self._response.release()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Drop the connection at once."""
        self._drop()

    async def _read(self) -> bytes:
        """The next bytes as they come over the wire; empty at the end."""
        if self._response.ended:
            return await self._response.read()
        self._waits = self._loop.time()
        if self._timer is None:
            self._watch()
        whole = False
        try:
            data = await self._response.read()
            whole = True
            return data
        finally:
            self._waits = math.inf
            if not whole:
                self._drop()

    def _watch(self) -> None:
        """End a read that is late. One timer that looks at the clock now and then, not one for each read."""
        now = self._loop.time()
        due = min(self._ends, self._waits + self._idle)
        if now >= due:
            self._response.fail(UpstreamTimeout("The provider stopped in the middle of its answer."))
            self._response.close()
            return
        self._timer = self._loop.call_at(min(due, now + self._idle), self._watch)

    def _stop_watching(self) -> None:
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _drop(self) -> None:
        """Close the connection, whatever it still carries."""
        self._stop_watching()
        self._response.close()

    def _inflated(self, data: bytes) -> bytes:
        """Compressed bytes made plain. Raises UpstreamError when they are not what the header says."""
        self._packed = True
        try:
            plain: bytes = self._decode.decompress(data, MAX_REPLY_BYTES)
        except zlib.error:
            self._drop()
            raise UpstreamError("The provider sent an answer that cannot be uncompressed.") from None
        if self._decode.unconsumed_tail:
            self._drop()
            raise UpstreamError("The provider's answer is too long.")
        return plain


def target(deployment: Deployment, path: str) -> str:
    """The URL of a route at the deployment; for Azure the one of its deployment and API version."""
    route = path.removeprefix("/v1")
    if deployment.vendor != "azure":
        return deployment.api_base + route
    base = deployment.api_base.removesuffix("/openai")
    version = deployment.api_version or AZURE_VERSION
    if base.endswith("/openai/v1"):
        return base + route
    beside = route.startswith(_RESPONSES)
    if version in _AZURE_UNDATED or (beside and not deployment.api_version):
        return f"{base}/openai/v1{route}"
    if beside:  # Azure has it beside its deployments: the body names the model
        return f"{base}/openai{route}?api-version={quote(version, safe='')}"
    name = quote(deployment.model, safe="")
    return f"{base}/openai/deployments/{name}{route}?api-version={quote(version, safe='')}"


def object_target(deployment: Deployment, path: str, query: str) -> str:
    """The URL of an object at the deployment; Azure has all of them beside its deployments."""
    if deployment.vendor == "azure" and not path.removeprefix("/v1").startswith(_RESPONSES):
        base = deployment.api_base.removesuffix("/openai").removesuffix("/openai/v1")
        url = f"{base}/openai{path}"
    else:
        url = target(deployment, path)
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url


def body_bytes(deployment: Deployment, call: Call) -> bytes:
    """The caller's own bytes when they already say what this deployment must hear, else the payload anew."""
    payload = call.payload
    fields = {} if call.path == _COUNT else deployment.defaults
    missing = {key: value for key, value in fields.items() if key not in payload}
    if call.body is not None and not missing and payload.get("model") == deployment.model:
        return call.body
    return orjson.dumps({**payload, **missing, "model": deployment.model})


def request_headers(deployment: Deployment, caller: Mapping[str, str]) -> dict[str, str]:
    """Every header of the request to the provider."""
    headers = {
        "content-type": "application/json",
        "accept-encoding": "identity",
        "user-agent": "guardhouse",
        **forwarded_headers(caller, FORWARDED),
        **traced_headers(deployment, caller),
    }
    token: Any = deployment.params.get("azure_ad_token")
    if token:
        headers["authorization"] = f"Bearer {token}"
    elif deployment.vendor == "azure":
        headers["api-key"] = deployment.api_key
    elif deployment.api_key:
        headers["authorization"] = f"Bearer {deployment.api_key}"
    if deployment.organization:
        headers["openai-organization"] = deployment.organization
    headers.update(deployment.headers)
    return headers


async def _whole(body: _Body, deployment: Deployment, begun: Begun | None) -> Reply:
    """All of the body as a Reply; it loses our key if the provider quotes it, be it in what it calls a success."""
    if begun is not None:
        begun()
    pieces, size = [], 0
    async for piece in body:
        pieces.append(piece)
        size += len(piece)
        if size > MAX_REPLY_BYTES:
            await body.aclose()
            raise UpstreamError("The provider's answer is too long.")
    return Reply(body.status, body.headers, scrubbed(b"".join(pieces), deployment))


def _decompressor(encoding: str) -> Any:
    """What makes an encoding plain, None for plain itself. Raises UpstreamError for one we did not ask for.

    We ask for `identity`; some servers compress all the same.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding in ("gzip", "x-gzip", "deflate"):
        return zlib.decompressobj(wbits=47)
    raise UpstreamError("The provider compressed its answer in a way that it was not asked for.")
