"""`/v1/responses/input_tokens` as a dialect: the request of a response, answered with a number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from guardrails.conversation import ToolCall
from guardrails.pseudonyms import Vault
from guardrails.types import Edit, Segment
from proxy.dialects import chat_reply, responses_reply
from proxy.dialects.base import Reply, Request
from proxy.dialects.responses_dialect import Responses
from proxy.errors import BadRequest, Code, UpstreamError

if TYPE_CHECKING:
    from proxy.exchange import Exchange
    from proxy.exchange import ToolCall as StoredCall

_KIND = "response.input_tokens"


class ResponsesCount(Responses):
    """Counting the tokens of a response's input. Nobody's text comes back, so a refusal is always an error."""

    name = "responses_count"

    def check(self, request: Request) -> None:
        """As in Dialect."""
        super().check(request)
        if request.get("stream"):
            raise BadRequest(
                "stream: a count of tokens is not streamed.", code=Code.UNKNOWN_PARAMETER, param="stream"
            )

    def reply(self, body: bytes) -> Reply:
        """As in Dialect."""
        reply = chat_reply.parse_object(body)
        if not isinstance(reply.get("input_tokens"), int):
            raise UpstreamError("The provider's answer is no count of tokens.")
        return reply

    def reply_texts(self, reply: Reply) -> list[Segment]:
        """As in Dialect."""
        rest = {name: value for name, value in reply.items() if (name, value) != ("object", _KIND)}
        return responses_reply.reply_texts(rest)

    def reply_calls(self, reply: Reply) -> list[ToolCall]:
        """As in Dialect."""
        return []

    def restored(self, reply: Reply, edits: Iterable[Edit], vault: Vault, request: Request) -> Reply:
        """As in Dialect. A count is in no form that was asked for."""
        return super().restored(reply, edits, vault, {})

    def blocked(self, reply: Reply) -> Reply:
        """As in Dialect."""
        return {"object": _KIND, "input_tokens": reply["input_tokens"]}

    def note(self, exchange: Exchange, reply: Reply) -> None:
        """Nothing was used: usage stays unknown."""

    def requested_calls(self, reply: Reply) -> list[StoredCall]:
        """As in Dialect."""
        return []

    def refusal(self, exchange: Exchange) -> None:
        """None: there is no polite number, so a block is told as an error."""
        return None


COUNT = ResponsesCount()
"""The one dialect that counts the input of a response."""
