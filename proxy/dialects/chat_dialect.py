"""`/v1/chat/completions` as a dialect: what the modules beside this one do, under one name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from guardrails.conversation import Conversation, ToolCall
from guardrails.engine import Guard
from guardrails.pseudonyms import Vault
from guardrails.types import Edit, Segment, Stage
from proxy import sse
from proxy.dialects import chat, chat_conversation, chat_reply
from proxy.dialects.base import Reply, Request
from proxy.dialects.chat_stream import ChatStream
from proxy.dialects.chat_words import counts, plain
from proxy.dialects.extension import retrieval
from proxy.dialects.instruction import first_token
from proxy.errors import ProxyError, openai_body

if TYPE_CHECKING:
    from proxy.exchange import Exchange, RetrievalHit
    from proxy.exchange import ToolCall as StoredCall


class Chat:
    """The chat dialect. See `proxy.dialects.base.Dialect`."""

    name = chat.NAME
    ping = sse.COMMENT_PING
    done = sse.event(sse.DONE)

    def check(self, request: Request) -> None:
        """As in Dialect."""
        chat.check(request)

    def texts(self, request: Request) -> list[Segment]:
        """As in Dialect."""
        return chat.segments(request)

    def unscannable(self, request: Request) -> list[tuple[str, Stage]]:
        """As in Dialect."""
        return chat.unscannable(request)

    def hits(self, request: Request) -> list[RetrievalHit]:
        """As in Dialect."""
        return retrieval(request)

    def conversation(self, request: Request, texts: Sequence[Segment], key: str) -> Conversation:
        """As in Dialect."""
        return chat_conversation.conversation(request, texts, key)

    def edited(self, request: Request, edits: Iterable[Edit]) -> Request:
        """As in Dialect."""
        return chat.apply_edits(request, edits)

    def outgoing(self, request: Request, edits: Sequence[Edit], vault: Vault) -> Request:
        """As in Dialect."""
        return chat.outgoing(request, first_token(edits, vault))

    def stored(self, request: Request) -> Request:
        """As in Dialect."""
        return chat.without_media(chat.outgoing(request))

    def answered_calls(self, request: Request) -> list[StoredCall]:
        """As in Dialect."""
        return chat.answered_calls(request)

    def reply(self, body: bytes) -> Reply:
        """As in Dialect."""
        return chat_reply.parse_reply(body)

    def reply_texts(self, reply: Reply) -> list[Segment]:
        """As in Dialect."""
        return chat_reply.reply_segments(reply)

    def reply_calls(self, reply: Reply) -> list[ToolCall]:
        """As in Dialect."""
        return chat_conversation.reply_calls(reply)

    def edited_reply(self, reply: Reply, edits: Iterable[Edit]) -> Reply:
        """As in Dialect."""
        return chat_reply.apply_reply(reply, edits)

    def restored(self, reply: Reply, edits: Iterable[Edit], vault: Vault, request: Request) -> Reply:
        """As in Dialect."""
        return chat_reply.restored(reply, edits, vault, chat_reply.is_structured(request))

    def blocked(self, reply: Reply) -> Reply:
        """As in Dialect."""
        return chat_reply.blocked_reply(reply)

    def stored_reply(self, reply: Reply) -> Reply:
        """As in Dialect."""
        return reply

    def note(self, exchange: Exchange, reply: Reply) -> None:
        """As in Dialect."""
        exchange.usage, exchange.answered_model = counts(reply.get("usage")), plain(reply.get("model"))

    def finish_reasons(self, reply: Reply) -> tuple[str, ...]:
        """As in Dialect."""
        return chat_reply.finish_reasons(reply)

    def requested_calls(self, reply: Reply) -> list[StoredCall]:
        """As in Dialect."""
        return [call for choice in reply["choices"] for call in chat.requested_calls(choice["message"])]

    def refusal(self, exchange: Exchange) -> Reply:
        """As in Dialect."""
        return chat_reply.refusal(exchange.id, exchange.model)

    def events(self, reply: Reply) -> bytes:
        """As in Dialect."""
        return b"".join(sse.event(chunk) for chunk in chat_reply.as_chunks(reply))

    def stream(self, guard: Guard, exchange: Exchange) -> ChatStream:
        """As in Dialect."""
        structured = chat_reply.is_structured(exchange.request)
        return ChatStream(guard, exchange.vault, structured, exchange.conversation)

    def error(self, error: ProxyError) -> bytes:
        """As in Dialect."""
        return openai_body(error)

    def provider_error(self, body: bytes, status: int) -> bytes:
        """As in Dialect."""
        return body

    def error_event(self, error: ProxyError) -> bytes:
        """As in Dialect."""
        return sse.event(openai_body(error))


CHAT = Chat()
"""The one chat dialect."""
