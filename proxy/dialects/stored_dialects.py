"""Stored objects as dialects: asked for by id, answered as they were when they were made.

What a model called then is not called now: it counts towards no limit, and is not recorded again. Nor is its usage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from guardrails.conversation import Conversation, ToolCall
from guardrails.engine import Guard
from guardrails.pseudonyms import Vault
from guardrails.types import Edit, Segment, Stage
from proxy.dialects import chat_reply, stored_request
from proxy.dialects.base import Reply, Request
from proxy.dialects.chat_dialect import CHAT, Chat
from proxy.dialects.chat_words import plain, reply_texts
from proxy.dialects.plain_dialect import apply_edits
from proxy.dialects.responses_dialect import RESPONSES, Responses
from proxy.dialects.responses_retold import RetoldStream, joined
from proxy.dialects.texts import MEMBER
from proxy.dialects.unstreamed import UnstreamedDialect

if TYPE_CHECKING:
    from proxy.exchange import Exchange, RetrievalHit
    from proxy.exchange import ToolCall as StoredCall

_KIND = re.compile(r"[a-z_.]{1,64}")


class _Asked:
    """Part of a dialect: a request whose only texts are metadata. See `proxy.dialects.base.Dialect`."""

    def check(self, request: Request) -> None:
        """As in Dialect. Query and body are checked where they are read."""

    def texts(self, request: Request) -> list[Segment]:
        """As in Dialect."""
        return stored_request.texts(request)

    def unscannable(self, request: Request) -> list[tuple[str, Stage]]:
        """As in Dialect."""
        return []

    def hits(self, request: Request) -> list[RetrievalHit]:
        """As in Dialect."""
        return []

    def conversation(self, request: Request, texts: Sequence[Segment], key: str) -> Conversation:
        """As in Dialect."""
        return Conversation(texts=texts, sent=texts, key=key)

    def edited(self, request: Request, edits: Iterable[Edit]) -> Request:
        """As in Dialect."""
        return apply_edits(request, edits)

    def outgoing(self, request: Request, edits: Sequence[Edit], vault: Vault) -> Request:
        """As in Dialect."""
        return request

    def stored(self, request: Request) -> Request:
        """As in Dialect."""
        return request

    def answered_calls(self, request: Request) -> list[StoredCall]:
        """As in Dialect."""
        return []

    def reply_calls(self, reply: Reply) -> list[ToolCall]:
        """As in Dialect."""
        return []

    def requested_calls(self, reply: Reply) -> list[StoredCall]:
        """As in Dialect."""
        return []


class StoredResponse(_Asked, Responses):
    """A stored response, whole or streamed again."""

    name = "stored_response"

    def note(self, exchange: Exchange, reply: Reply) -> None:
        """As in Dialect."""
        exchange.answered_model = plain(reply.get("model"))
        exchange.conversation = joined(RESPONSES.reply_calls(reply), exchange.conversation)

    def restored(self, reply: Reply, edits: Iterable[Edit], vault: Vault, request: Request) -> Reply:
        """As in Dialect. The response itself says what form it was asked for in."""
        return super().restored(reply, edits, vault, reply)

    def stream(self, guard: Guard, exchange: Exchange) -> RetoldStream:
        """As in Dialect."""
        after = exchange.request.get("starting_after", -1)
        return RetoldStream(guard, exchange.vault, exchange.conversation, after)


class StoredChat(_Asked, Chat):
    """A stored chat completion."""

    name = "stored_chat"

    def note(self, exchange: Exchange, reply: Reply) -> None:
        """As in Dialect."""
        exchange.answered_model = plain(reply.get("model"))
        exchange.conversation = joined(CHAT.reply_calls(reply), exchange.conversation)

    def restored(self, reply: Reply, edits: Iterable[Edit], vault: Vault, request: Request) -> Reply:
        """As in Dialect. The completion itself says what form it was asked for in."""
        return super().restored(reply, edits, vault, reply)


class StoredOther(_Asked, UnstreamedDialect):
    """What else is told of stored objects: that one is gone, and lists."""

    name = "stored_object"

    def reply(self, body: bytes) -> Reply:
        """As in Dialect."""
        reply = chat_reply.parse_object(body)
        return reply

    def reply_texts(self, reply: Reply) -> list[Segment]:
        """As in Dialect."""
        return [text for text in reply_texts(reply, "") if not _is_word(text)]

    def stored_reply(self, reply: Reply) -> Reply:
        """As in Dialect."""
        return reply

    def note(self, exchange: Exchange, reply: Reply) -> None:
        """Nothing was used."""


def _is_word(text: Segment) -> bool:
    """Whether a text is the kind of an object, or the name of the member that says that one is gone."""
    if text.within == MEMBER:
        return text.text == "deleted"
    return text.pointer == "/object" and _KIND.fullmatch(text.text) is not None


STORED_RESPONSE = StoredResponse()
STORED_CHAT = StoredChat()
STORED_OTHER = StoredOther()
