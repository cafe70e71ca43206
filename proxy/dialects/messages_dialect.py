"""`/v1/messages` as a dialect: what the modules beside this one do, under one name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from guardrails.conversation import Conversation, ToolCall
from guardrails.engine import Guard
from guardrails.pseudonyms import Vault
from guardrails.types import Edit, Segment, Stage
from proxy import sse
from proxy.dialects import messages, messages_conversation, messages_media, messages_reply
from proxy.dialects.base import Reply, Request
from proxy.dialects.chat_words import plain
from proxy.dialects.extension import retrieval
from proxy.dialects.instruction import first_token
from proxy.dialects.messages_errors import envelope, enveloped
from proxy.dialects.messages_instruction import instructed
from proxy.dialects.messages_stream import MessagesStream
from proxy.dialects.messages_words import counts
from proxy.errors import ProxyError

if TYPE_CHECKING:
    from proxy.exchange import Exchange, RetrievalHit
    from proxy.exchange import ToolCall as StoredCall


class Messages:
    """The Messages dialect. See `proxy.dialects.base.Dialect`."""

    name = messages.NAME
    ping = sse.named("ping", b'{"type": "ping"}')
    done = b""

    def check(self, request: Request) -> None:
        """As in Dialect."""
        messages.check(request)

    def texts(self, request: Request) -> list[Segment]:
        """As in Dialect."""
        return messages.segments(request)

    def unscannable(self, request: Request) -> list[tuple[str, Stage]]:
        """As in Dialect."""
        return messages_media.unscannable(request)

    def hits(self, request: Request) -> list[RetrievalHit]:
        """As in Dialect."""
        return retrieval(request)

    def conversation(self, request: Request, texts: Sequence[Segment], key: str) -> Conversation:
        """As in Dialect."""
        return messages_conversation.conversation(request, texts, key)

    def edited(self, request: Request, edits: Iterable[Edit]) -> Request:
        """As in Dialect."""
        return messages.apply_edits(request, edits)

    def outgoing(self, request: Request, edits: Sequence[Edit], vault: Vault) -> Request:
        """As in Dialect."""
        sent, first = messages.without_extension(request), first_token(edits, vault)
        return sent if first is None else instructed(sent, first)

    def stored(self, request: Request) -> Request:
        """As in Dialect."""
        return messages_media.without_media(messages.without_extension(request))

    def answered_calls(self, request: Request) -> list[StoredCall]:
        """As in Dialect."""
        return messages_conversation.answered_calls(request)

    def reply(self, body: bytes) -> Reply:
        """As in Dialect."""
        return messages_reply.parse_reply(body)

    def reply_texts(self, reply: Reply) -> list[Segment]:
        """As in Dialect."""
        return messages_reply.reply_segments(reply)

    def reply_calls(self, reply: Reply) -> list[ToolCall]:
        """As in Dialect."""
        return messages_conversation.reply_calls(reply)

    def edited_reply(self, reply: Reply, edits: Iterable[Edit]) -> Reply:
        """As in Dialect."""
        return messages.apply_edits(reply, edits)

    def restored(self, reply: Reply, edits: Iterable[Edit], vault: Vault, request: Request) -> Reply:
        """As in Dialect."""
        return messages_reply.restored(reply, edits, vault, messages_reply.is_structured(request))

    def blocked(self, reply: Reply) -> Reply:
        """As in Dialect."""
        return messages_reply.blocked_reply(reply)

    def stored_reply(self, reply: Reply) -> Reply:
        """As in Dialect."""
        return reply

    def note(self, exchange: Exchange, reply: Reply) -> None:
        """As in Dialect."""
        used = counts(reply.get("usage"))
        # None but zeros are no numbers: so a message says that its provider told none.
        exchange.usage = used if used and any(used.values()) else None
        exchange.answered_model = plain(reply.get("model"))

    def finish_reasons(self, reply: Reply) -> tuple[str, ...]:
        """As in Dialect."""
        return messages_reply.finish_reasons(reply)

    def requested_calls(self, reply: Reply) -> list[StoredCall]:
        """As in Dialect."""
        return messages_conversation.requested_calls(reply["content"])

    def refusal(self, exchange: Exchange) -> Reply | None:
        """As in Dialect."""
        return messages_reply.refusal(exchange.id, exchange.model)

    def events(self, reply: Reply) -> bytes:
        """As in Dialect."""
        return messages_reply.as_events(reply)

    def stream(self, guard: Guard, exchange: Exchange) -> MessagesStream:
        """As in Dialect."""
        structured = messages_reply.is_structured(exchange.request)
        return MessagesStream(guard, exchange.vault, structured, exchange.conversation)

    def error(self, error: ProxyError) -> bytes:
        """As in Dialect."""
        return envelope(error)

    def provider_error(self, body: bytes, status: int) -> bytes:
        """As in Dialect."""
        return enveloped(body, status)

    def error_event(self, error: ProxyError) -> bytes:
        """As in Dialect."""
        return sse.named("error", envelope(error))


MESSAGES = Messages()
"""The one Messages dialect."""
