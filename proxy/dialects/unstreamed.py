"""What the dialects share whose replies are data about the input: never streamed, with no text to refuse in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from guardrails.engine import Guard
from guardrails.pseudonyms import Vault, restoring
from guardrails.types import Edit, Segment, Stage
from proxy.dialects import prompts
from proxy.dialects.base import GuardedStream, Reply, Request
from proxy.dialects.plain_dialect import PlainDialect, apply_edits
from proxy.dialects.texts import MEMBER
from proxy.errors import BadRequest, Blocked, Code

if TYPE_CHECKING:
    from proxy.exchange import Exchange


class UnstreamedDialect(PlainDialect, ABC):
    """Part of a dialect whose texts stand in `input`. See `proxy.dialects.base.Dialect`."""

    done = b""

    def unscannable(self, request: Request) -> list[tuple[str, Stage]]:
        """As in Dialect."""
        return prompts.unscannable(request.get("input"), "/input")

    def outgoing(self, request: Request, edits: Sequence[Edit], vault: Vault) -> Request:
        """As in Dialect. Nobody reads the input as instructions, so no line about tokens is added."""
        return prompts.outgoing(request)

    def stored(self, request: Request) -> Request:
        """As in Dialect."""
        return prompts.stored(request, "input")

    @abstractmethod
    def reply_texts(self, reply: Reply) -> list[Segment]:
        """As in Dialect."""

    def edited_reply(self, reply: Reply, edits: Iterable[Edit]) -> Reply:
        """As in Dialect."""
        return apply_edits(reply, edits)

    def restored(self, reply: Reply, edits: Iterable[Edit], vault: Vault, request: Request) -> Reply:
        """As in Dialect."""
        found = [segment for segment in self.reply_texts(reply) if segment.within != MEMBER]
        told = restoring(found, edits, vault)
        return apply_edits(reply, told) if told else reply

    def blocked(self, reply: Reply) -> Reply:
        """As in Dialect."""
        raise Blocked("The provider's answer was blocked by a rule of the policy. The trace names the rule.")

    def finish_reasons(self, reply: Reply) -> tuple[str, ...]:
        """As in Dialect."""
        return ()

    def refusal(self, exchange: Exchange) -> None:
        """As in Dialect."""
        return None

    def events(self, reply: Reply) -> bytes:
        """As in Dialect."""
        raise no_stream()

    def stream(self, guard: Guard, exchange: Exchange) -> GuardedStream:
        """As in Dialect."""
        raise no_stream()


def check_input(request: Request, parts: bool = False) -> None:
    """Check `input` and that no stream is asked for. Raises BadRequest naming the member."""
    if request.get("stream"):
        raise no_stream()
    if request.get("input") is None:
        raise BadRequest(
            "Missing required parameter: 'input'.", code=Code.MISSING_REQUIRED_PARAMETER, param="input"
        )
    prompts.check(request, "input", parts)


def no_stream() -> BadRequest:
    """The error for a caller who asks for a stream."""
    return BadRequest("This route does not stream: leave 'stream' out.", param="stream")
