"""`/v1/messages/count_tokens` as a dialect: the request of a message, answered with a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrails.conversation import ToolCall
from proxy.dialects import messages_reply
from proxy.dialects.base import Reply, Request
from proxy.dialects.messages_dialect import Messages
from proxy.errors import BadRequest, Code

if TYPE_CHECKING:
    from proxy.exchange import Exchange
    from proxy.exchange import ToolCall as StoredCall


class MessagesCount(Messages):
    """Counting the tokens of a message. Nobody's text comes back, so a refusal is always an error."""

    name = "messages_count"

    def check(self, request: Request) -> None:
        """As in Dialect."""
        super().check(request)
        if request.get("stream"):
            raise BadRequest(
                "stream: a count of tokens is not streamed.", code=Code.UNKNOWN_PARAMETER, param="stream"
            )

    def reply(self, body: bytes) -> Reply:
        """As in Dialect."""
        return messages_reply.parse_count(body)

    def reply_calls(self, reply: Reply) -> list[ToolCall]:
        """As in Dialect."""
        return []

    def blocked(self, reply: Reply) -> Reply:
        """As in Dialect."""
        return {"input_tokens": reply["input_tokens"]}

    def note(self, exchange: Exchange, reply: Reply) -> None:
        """Nothing was used: usage stays unknown."""

    def requested_calls(self, reply: Reply) -> list[StoredCall]:
        """As in Dialect."""
        return []

    def refusal(self, exchange: Exchange) -> Reply | None:
        """None: there is no polite number, so a block is told as an error."""
        return None


COUNT = MessagesCount()
"""The one dialect that counts."""
