"""`/v1/responses` as a dialect: what the modules beside this one do, under one name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import orjson

from guardrails.conversation import Conversation, ToolCall
from guardrails.engine import Guard
from guardrails.pseudonyms import Vault
from guardrails.types import Edit, Segment, Stage
from proxy import sse
from proxy.dialects import responses, responses_calls, responses_reply
from proxy.dialects.base import Reply, Request
from proxy.dialects.chat_words import counts, plain
from proxy.dialects.extension import EXTENSION, retrieval
from proxy.dialects.responses_edits import apply_edits
from proxy.dialects.responses_events import frames, named
from proxy.dialects.responses_instruction import first_token, instructed
from proxy.dialects.responses_stream import ResponsesStream
from proxy.dialects.responses_words import MEMBERS
from proxy.errors import ProxyError, openai_body

if TYPE_CHECKING:
    from proxy.exchange import Exchange, RetrievalHit
    from proxy.exchange import ToolCall as StoredCall


_LAST = 2**31 - 1
"""Number of the error that ends a stream: no event comes after it, and strict clients want one that is larger."""

_RESPONSE_ID = re.compile(r"resp[_-][A-Za-z0-9_-]{1,128}|[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")


class Responses:
    """The Responses dialect. See `proxy.dialects.base.Dialect`."""

    name = responses.NAME
    ping = sse.COMMENT_PING
    done = b""

    def check(self, request: Request) -> None:
        """As in Dialect."""
        responses.check(request)

    def texts(self, request: Request) -> list[Segment]:
        """As in Dialect."""
        return responses.segments(request)

    def unscannable(self, request: Request) -> list[tuple[str, Stage]]:
        """As in Dialect."""
        return responses.unscannable(request)

    def hits(self, request: Request) -> list[RetrievalHit]:
        """As in Dialect."""
        return retrieval(request)

    def conversation(self, request: Request, texts: Sequence[Segment], key: str) -> Conversation:
        """As in Dialect."""
        return responses_calls.conversation(request, texts, key)

    def edited(self, request: Request, edits: Iterable[Edit]) -> Request:
        """As in Dialect."""
        return apply_edits(request, edits)

    def outgoing(self, request: Request, edits: Sequence[Edit], vault: Vault) -> Request:
        """As in Dialect."""
        sent = _without_extension(request)
        first = first_token(edits, vault)
        return sent if first is None else instructed(sent, first)

    def stored(self, request: Request) -> Request:
        """As in Dialect."""
        return _known_id(responses.without_media(_without_extension(request)))

    def answered_calls(self, request: Request) -> list[StoredCall]:
        """As in Dialect."""
        return responses_calls.answered(request)

    def reply(self, body: bytes) -> Reply:
        """As in Dialect."""
        return responses_reply.parse_reply(body)

    def reply_texts(self, reply: Reply) -> list[Segment]:
        """As in Dialect."""
        return responses_reply.reply_texts(reply)

    def reply_calls(self, reply: Reply) -> list[ToolCall]:
        """As in Dialect."""
        return responses_calls.calls(reply["output"], "/output")

    def edited_reply(self, reply: Reply, edits: Iterable[Edit]) -> Reply:
        """As in Dialect."""
        return apply_edits(reply, edits)

    def restored(self, reply: Reply, edits: Iterable[Edit], vault: Vault, request: Request) -> Reply:
        """As in Dialect."""
        return responses_reply.restored(reply, edits, vault, responses_reply.is_structured(request))

    def blocked(self, reply: Reply) -> Reply:
        """As in Dialect."""
        return responses_reply.blocked_reply(reply)

    def stored_reply(self, reply: Reply) -> Reply:
        """As in Dialect."""
        return reply

    def note(self, exchange: Exchange, reply: Reply) -> None:
        """As in Dialect."""
        exchange.usage, exchange.answered_model = (
            counts(reply.get("usage"), MEMBERS),
            plain(reply.get("model")),
        )

    def finish_reasons(self, reply: Reply) -> tuple[str, ...]:
        """As in Dialect."""
        return responses_reply.finish_reasons(reply)

    def requested_calls(self, reply: Reply) -> list[StoredCall]:
        """As in Dialect."""
        return responses_calls.requested(reply)

    def refusal(self, exchange: Exchange) -> Reply | None:
        """As in Dialect."""
        return responses_reply.refusal(exchange.id, exchange.model)

    def events(self, reply: Reply) -> bytes:
        """As in Dialect."""
        return frames(reply)

    def stream(self, guard: Guard, exchange: Exchange) -> ResponsesStream:
        """As in Dialect."""
        structured = responses_reply.is_structured(exchange.request)
        return ResponsesStream(guard, exchange.vault, structured, exchange.conversation)

    def error(self, error: ProxyError) -> bytes:
        """As in Dialect."""
        return openai_body(error)

    def provider_error(self, body: bytes, status: int) -> bytes:
        """As in Dialect."""
        return body

    def error_event(self, error: ProxyError) -> bytes:
        """As in Dialect."""
        told = orjson.loads(openai_body(error))["error"]
        flat = {name: told[name] for name in ("code", "message", "param")}
        event = {"type": "error", "sequence_number": _LAST, **flat, "error": told}
        return named("error", orjson.dumps(event))


def _known_id(request: Request) -> Request:
    """What no provider's response would be called could be anything: it is not stored."""
    told = request.get("previous_response_id")
    if told is None or (isinstance(told, str) and _RESPONSE_ID.fullmatch(told)):
        return request
    return {**request, "previous_response_id": "[ID]"}


def _without_extension(request: Request) -> Request:
    return {name: value for name, value in request.items() if name != EXTENSION}


RESPONSES = Responses()
"""The one Responses dialect."""
