"""`/v1/responses/compact` as a dialect: a conversation in, the same one shortened out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from guardrails.pseudonyms import Vault
from guardrails.types import Edit
from proxy.dialects.base import Reply, Request
from proxy.dialects.extension import EXTENSION
from proxy.dialects.responses_dialect import Responses
from proxy.errors import BadRequest, Blocked, Code

if TYPE_CHECKING:
    from proxy.exchange import Exchange


class ResponsesCompact(Responses):
    """Compaction. What comes back is the next request's input, so it is told with the caller's own values."""

    name = "responses_compact"

    def check(self, request: Request) -> None:
        """As in Dialect."""
        super().check(request)
        if request.get("stream"):
            raise BadRequest(
                "This route does not stream: leave 'stream' out.", code=Code.UNKNOWN_PARAMETER, param="stream"
            )

    def blocked(self, reply: Reply) -> Reply:
        """As in Dialect."""
        raise Blocked("The provider's answer was blocked by a rule of the policy. The trace names the rule.")

    def refusal(self, exchange: Exchange) -> Reply | None:
        """None: there is no polite answer, so a block is told as an error."""
        return None

    def outgoing(self, request: Request, edits: Sequence[Edit], vault: Vault) -> Request:
        """As in Dialect. Without the line about tokens: it would come back as part of the conversation."""
        return {name: value for name, value in request.items() if name != EXTENSION}


COMPACT = ResponsesCompact()
"""The one dialect that compacts."""
