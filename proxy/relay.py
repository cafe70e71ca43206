"""How an exchange is answered: a whole reply, a stream, an error, each with our headers on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping
from typing import Any

import orjson

from guardrails.types import Segment, Stage, strictest
from proxy import admission, objects, runs, sse
from proxy.context import Context
from proxy.dialects import stream_usage
from proxy.dialects.base import GuardedStream
from proxy.dialects.chat_words import reply_texts
from proxy.dialects.openai_errors import foreign_error, provider_error
from proxy.dialects.plain_dialect import apply_edits
from proxy.dialects.reply_body import reply_object
from proxy.errors import FAILED, Code, ProxyError, Unavailable, UpstreamError
from proxy.exchange import Exchange, Failure
from proxy.identity import reply_id
from proxy.kept import keep, record, storable_reply, watched
from proxy.providers.base import Reply, ReplyStream
from proxy.wire import ClientGone, Connection, Pings, header_pairs

STOPPED = "The proxy was stopped before this request was answered. Send it again."
TURN_SECONDS = 0.01
"""How long one read of a stream is worked on before others have their turn."""
DRAIN_SECONDS = 1.0
"""How long a finished stream may take to close properly, so that its connection can be used again."""
SSE_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}
JSON_HEADERS = {"content-type": "application/json"}
_OWN = (Stage.OUTPUT, Stage.TOOL_CALL)
"""Stages of what a reply says itself; in some dialects it also repeats what it was asked."""


class Timed:
    """`with Timed(exchange, step):` notes how many milliseconds a step takes."""

    __slots__ = ("_exchange", "_started", "_step")

    def __init__(self, exchange: Exchange, step: str) -> None:
        self._exchange, self._step = exchange, step

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *raised: object) -> None:
        spent_us = int((time.perf_counter() - self._started) * 1_000_000)
        self._exchange.timings[self._step] = spent_us / 1000


class Outlet:
    """The way back to the caller of one exchange: sets what the exchange says of the reply, then sends it."""

    __slots__ = ("connection", "context", "exchange")

    def __init__(self, context: Context, connection: Connection, exchange: Exchange) -> None:
        self.context, self.connection, self.exchange = context, connection, exchange

    def headers(self, kind: Mapping[str, str], provider: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
        """The headers of the reply: the provider's that callers may see, and ours."""
        exchange, id = self.exchange, self.exchange.id.encode()
        inspected = "inspect_input" in exchange.timings
        verdict = strictest((exchange.input.action, exchange.output.action)).value if inspected else "none"
        steps = [f"{step};dur={spent}, " for step, spent in exchange.timings.items()]
        told = [
            (b"x-guardhouse-trace-id", id),
            (b"x-guardhouse-verdict", verdict.encode()),
            (b"x-guardhouse-policy", exchange.policy.encode("latin-1", "replace")),
            (b"server-timing", f"{''.join(steps)}total;dur={exchange.elapsed_us() / 1000}".encode()),
            *header_pairs(kind),
            *header_pairs(admission.told(exchange, provider)),
        ]
        if used := exchange.prompt:
            told.append((b"x-guardhouse-prompt", f"{used.name}@{used.version}".encode()))
            told.append((b"x-guardhouse-prompt-hash", used.hash.encode()))
        told += [(name.encode(), id) for name in ("x-request-id", "request-id") if name not in provider]
        return told

    async def whole(self, status: int, body: bytes, provider: Mapping[str, str] | None = None) -> None:
        """Send a whole JSON reply. In strict mode its trace is on disk first."""
        self.exchange.http_status = status
        await keep(self.context, self.exchange)
        await self.connection.reply(status, self.headers(JSON_HEADERS, provider or {}), body)

    async def begin(self, provider: Mapping[str, str]) -> None:
        """Send the head of a streamed reply, unless that was done."""
        if not self.connection.started:
            self.exchange.http_status = 200
            await self.connection.start(200, self.headers(SSE_HEADERS, provider))

    async def end(self, frames: bytes) -> None:
        """Send the last frames of a stream and `[DONE]`. In strict mode the trace is on disk first."""
        await keep(self.context, self.exchange)
        await self.connection.end(frames + self.exchange.dialect.done)

    async def error(self, error: ProxyError) -> None:
        """Tell the caller of an error: as the reply, or inside the stream that was begun."""
        try:
            await self._tell(error)
        except Unavailable as unkept:
            await self._tell(unkept)

    async def _tell(self, error: ProxyError) -> None:
        exchange = self.exchange
        code = None if error.code is None else str(error.code)
        if exchange.failure is None:
            exchange.failure = Failure(error.status, error.type, code, error.message, error.param)
        dialect, error.request_id = exchange.dialect, exchange.id
        if self.connection.started:
            await self.end(dialect.error_event(error))
        else:
            await self.whole(error.status, dialect.error(error), error.headers)


async def settled(out: Outlet, answering: Awaitable[None]) -> None:
    """Runs what answers an exchange: whatever becomes of it, the caller is told, and it is recorded exactly once."""
    try:
        await _recorded(out, answering)
    finally:
        admission.settle(out.context, out.exchange)


async def _recorded(out: Outlet, answering: Awaitable[None]) -> None:
    """The same, but for what its limits hold reserved."""
    exchange, connection = out.exchange, out.connection
    done = False
    try:
        await answering
        done = True
    except ProxyError as error:
        exchange.cancelled = connection.ended
        await out.error(error)
        done = True
    except ClientGone:
        exchange.cancelled = not connection.complete
        done = True
    except asyncio.CancelledError:
        # The server stops, and nobody waits for this task: it ends as soon as its caller was told.
        done = True
        if not connection.complete:
            exchange.cancelled = True
            await out.error(Unavailable(STOPPED, headers={"retry-after": "1"}))
    finally:
        if not done:
            # A fault of our own: told, recorded, and on its way to the server's log.
            await out.error(ProxyError(FAILED))
        try:
            await watched(exchange)
            await out.context.runs.settle(exchange)
        finally:
            record(out.context, exchange)


async def whole(out: Outlet, reply: Reply) -> None:
    """Answer with a provider's whole reply: inspected, edited, restored; its own bytes if unchanged.

    Raises UpstreamError when it is no completion.
    """
    exchange = out.exchange
    if exchange.raw is not None:
        exchange.raw.answered(reply.body)
    if reply.status >= 400:
        await refused(out, reply)
        return
    dialect = exchange.dialect
    answer = dialect.reply(reply.body)
    dialect.note(exchange, answer)
    exchange.response_id = reply_id(answer.get("id"))
    await objects.note(out.context, exchange, answer)
    with Timed(exchange, "inspect_output"):
        told = exchange.told = await _inspected(out, answer)
    body = reply.body if told is answer else orjson.dumps(told)
    exchange.first_token_us = exchange.elapsed_us()
    if not exchange.stream:
        await out.whole(reply.status, body, reply.headers)
        return
    # A provider that does not stream answers a streaming caller all the same, in the caller's shape.
    await out.begin(reply.headers)
    await out.end(dialect.events(told))


async def _inspected(out: Outlet, answer: dict[str, Any]) -> dict[str, Any]:
    """The reply as the caller may have it; the same object when nothing had to change."""
    exchange, dialect = out.exchange, out.exchange.dialect
    verdict = await exchange.guard.inspect(
        _unseen(dialect.reply_texts(answer), exchange),
        exchange.vault,
        reply=True,
        conversation=exchange.conversation.calling(dialect.reply_calls(answer)),
    )
    exchange.output = verdict
    if verdict.blocked_by:
        safe = told = dialect.blocked(answer)
    else:
        safe = dialect.edited_reply(answer, verdict.edits) if verdict.edits else answer
        told = safe
        if exchange.vault:
            told = dialect.restored(answer, verdict.edits, exchange.vault, exchange.request)
    exchange.finish_reasons = dialect.finish_reasons(safe)
    exchange.safe_response = storable_reply(exchange, verdict, dialect.stored_reply(safe))
    return told


def _unseen(texts: list[Segment], exchange: Exchange) -> list[Segment]:
    """The texts of a reply without those that repeat its request word for word: these were inspected there."""
    if all(text.stage in _OWN for text in texts):
        return texts
    sent = frozenset(exchange.conversation.sent)
    return [text for text in texts if text not in sent]


async def refused(out: Outlet, reply: Reply) -> None:
    """Tell of a provider's refusal: in its own words, inspected, when they are an error as OpenAI writes it."""
    out.exchange.refused = True
    body = await _inspected_error(out, reply.body)
    error, foreign = provider_error(body), foreign_error(body)
    kind, code = error or (
        "invalid_request_error" if reply.status < 500 else "server_error",
        Code.UPSTREAM_ERROR,
    )
    if error is None:
        message = f"The provider refused the request with HTTP {reply.status}."
        refusal = UpstreamError(foreign or message, status=reply.status, type=kind, headers=reply.headers)
        if foreign is None:
            raise refusal
        refusal.request_id = out.exchange.id
        body = out.exchange.dialect.error(refusal)
    message = f"The provider answered with HTTP {reply.status}."
    out.exchange.failure = Failure(reply.status, kind, code, message)
    told = out.exchange.dialect.provider_error(body, reply.status)
    await out.whole(reply.status, told, reply.headers)


async def _inspected_error(out: Outlet, body: bytes) -> bytes:
    """A provider's error as the caller may have it; empty when a rule blocks it or it is no JSON object."""
    try:
        document = reply_object(body)
    except UpstreamError:
        return b""
    found = reply_texts(document, "")
    verdict = out.exchange.output = await out.exchange.guard.inspect(found, out.exchange.vault, reply=True)
    if verdict.blocked_by:
        return b""
    return orjson.dumps(apply_edits(document, verdict.edits)) if verdict.edits else body


async def stream(out: Outlet, reply: ReplyStream) -> None:
    """Relay a stream as it comes, each read in one piece, with the guards of its lanes between.

    Raises UpstreamError when it breaks; what could leave before that has left.
    """
    exchange = out.exchange
    guarded = exchange.dialect.stream(exchange.guard, exchange)
    pings = Pings(out.connection, exchange.dialect.ping, out.context.config.clients.ping_s)
    failure: ProxyError | None = None
    out.context.metrics.streaming(1)
    try:
        try:
            await _pump(out, reply, guarded)
        except ProxyError as error:
            failure = error
        rest = b"" if guarded.blocked else await guarded.end()
        if guarded.blocked:
            await reply.aclose()
            rest, failure = guarded.block(), None
        elif failure is None and guarded.broken is not None:
            failure = UpstreamError(guarded.broken)
        if failure is not None:
            if rest:
                await out.begin(reply.headers)
                await out.connection.write(rest)
            raise failure
        _note(out, guarded)
        await out.begin(reply.headers)
        pings.cancel()
        await out.end(rest)
        await _drain(reply)
    finally:
        out.context.metrics.streaming(-1)
        pings.cancel()
        if not out.connection.complete:
            _note(out, guarded)
        await reply.aclose()


async def _pump(out: Outlet, reply: ReplyStream, guarded: GuardedStream) -> None:
    """Pass on what may leave until the provider ends, says `[DONE]`, or a rule blocks."""
    decoder, exchange, named = sse.Decoder(), out.exchange, False
    breathing = Breathing()
    async for data in reply:
        if exchange.raw is not None:
            exchange.raw.answered(data)
        frames: list[bytes] = []
        try:
            for payload in decoder.feed(data):
                if exchange.counting:
                    payload = stream_usage.uncounted(payload, guarded)
                if not payload:
                    continue  # an event without data is none: some send it to keep the connection
                frames.append(await guarded.feed(payload))
                await breathing.pause()
                if guarded.blocked or guarded.done:
                    break
        finally:
            if guarded.started:
                if not named:
                    named = True
                    await objects.note(out.context, exchange, guarded.response())
                await out.begin(reply.headers)
            if ready := b"".join(frames):
                if exchange.first_token_us is None:
                    exchange.first_token_us = exchange.elapsed_us()
                await out.connection.write(ready)
        if guarded.blocked or guarded.done:
            return


class Breathing:
    """Gives others their turn on the event loop when a read with many events takes long."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def pause(self) -> None:
        """Let others go on, when that is due."""
        now = time.perf_counter()
        if now - self._since > TURN_SECONDS:
            await asyncio.sleep(0)
            self._since = time.perf_counter()


async def _drain(reply: ReplyStream) -> None:
    """Read to the end what has said that it is done: its connection can then serve another request."""
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in reply:
                pass
    except (TimeoutError, ProxyError):
        pass


def _note(out: Outlet, guarded: GuardedStream) -> None:
    """Set what the exchange says of its streamed reply, as far as it came."""
    exchange = out.exchange
    exchange.output = guarded.verdict()
    exchange.usage = guarded.usage
    exchange.answered_model = guarded.model
    exchange.finish_reasons = guarded.finish_reasons()
    response = guarded.response()
    exchange.response_id = reply_id((response or {}).get("id"))
    exchange.told = runs.told(exchange, response)
    exchange.safe_response = storable_reply(exchange, exchange.output, response)
