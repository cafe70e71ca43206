"""`/v1/responses/input_tokens` as a dialect: the request of a response, answered with a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrails.conversation import ToolCall
from proxy.dialects.base import Reply
from proxy.dialects.chat_reply import parse_object
from proxy.dialects.request_body import refuse_doubles
from proxy.dialects.responses_compact import ResponsesUnstreamed
from proxy.errors import UpstreamError

if TYPE_CHECKING:
    from proxy.exchange import Exchange
    from proxy.exchange import ToolCall as StoredCall


class ResponsesCount(ResponsesUnstreamed):
    """Counting the tokens of a request. Nobody's text comes back."""

    name = "responses_count"

    def reply(self, body: bytes) -> Reply:
        """As in Dialect."""
        reply = parse_object(body)
        refuse_doubles(reply, body)
        if not isinstance(reply.get("input_tokens"), int):
            raise UpstreamError("The provider's answer has no count of tokens.")
        return reply

    def reply_calls(self, reply: Reply) -> list[ToolCall]:
        """As in Dialect."""
        return []

    def note(self, exchange: Exchange, reply: Reply) -> None:
        """Nothing was used: usage stays unknown."""

    def requested_calls(self, reply: Reply) -> list[StoredCall]:
        """As in Dialect."""
        return []


COUNT = ResponsesCount()
"""The one dialect that counts for responses."""
