"""What the dialects share whose requests are no conversation: no roles, no tools, errors as OpenAI tells them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from guardrails import redact
from guardrails.conversation import Conversation, ToolCall
from guardrails.types import Edit, Segment
from proxy import sse
from proxy.dialects import prompts
from proxy.dialects.base import Reply, Request
from proxy.dialects.chat_words import counts, plain
from proxy.dialects.extension import retrieval
from proxy.dialects.texts import edited
from proxy.errors import ProxyError, openai_body

if TYPE_CHECKING:
    from proxy.exchange import Exchange, RetrievalHit
    from proxy.exchange import ToolCall as StoredCall


class PlainDialect:
    """Part of a dialect. See `proxy.dialects.base.Dialect`."""

    ping = sse.COMMENT_PING
    done = sse.event(sse.DONE)

    def texts(self, request: Request) -> list[Segment]:
        """As in Dialect."""
        return prompts.texts(request)

    def hits(self, request: Request) -> list[RetrievalHit]:
        """As in Dialect."""
        return retrieval(request)

    def conversation(self, request: Request, texts: Sequence[Segment], key: str) -> Conversation:
        """As in Dialect."""
        return Conversation(texts=texts, sent=texts, key=key, model=request.get("model") or "")

    def edited(self, request: Request, edits: Iterable[Edit]) -> Request:
        """As in Dialect."""
        return apply_edits(request, edits)

    def answered_calls(self, request: Request) -> list[StoredCall]:
        """As in Dialect."""
        return []

    def reply_calls(self, reply: Reply) -> list[ToolCall]:
        """As in Dialect."""
        return []

    def requested_calls(self, reply: Reply) -> list[StoredCall]:
        """As in Dialect."""
        return []

    def note(self, exchange: Exchange, reply: Reply) -> None:
        """As in Dialect."""
        exchange.usage, exchange.answered_model = counts(reply.get("usage")), plain(reply.get("model"))

    def error(self, error: ProxyError) -> bytes:
        """As in Dialect."""
        return openai_body(error)

    def provider_error(self, body: bytes, status: int) -> bytes:
        """As in Dialect."""
        return body

    def error_event(self, error: ProxyError) -> bytes:
        """As in Dialect."""
        return sse.event(openai_body(error))


def apply_edits(document: dict[str, Any], edits: Iterable[Edit]) -> dict[str, Any]:
    """A request or a reply with its edits applied: a copy where something changes, the rest shared."""
    return edited(document, edits, lambda _, text, made: redact.apply(text, made))
