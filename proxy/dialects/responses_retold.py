"""A stored response that is streamed again: guarded from its first event on, told from where the caller left off.

A value can lie across the place where a stream was broken off. So the provider is always asked for the whole stream,
the guard reads all of it, and what the caller has had is left out at the very end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from guardrails.conversation import Conversation, ToolCall
from guardrails.pseudonyms import Vault
from proxy.dialects.responses_events import Event
from proxy.dialects.responses_reply import is_structured
from proxy.dialects.responses_stream import ResponsesStream

if TYPE_CHECKING:
    from guardrails.engine import Guard


class RetoldStream(ResponsesStream):
    """The guard of one stored response that is streamed again.

    Args:
        after: number of the last event that the caller has had; -1 for none.
    """

    def __init__(
        self, guard: Guard, vault: Vault | None, conversation: Conversation, after: int = -1
    ) -> None:
        super().__init__(guard, vault, conversation=conversation)
        self._after = after

    def block(self) -> bytes:
        """The frames that end a blocked stream; they are told wherever the caller left off."""
        self._after = -1
        return super().block()

    async def _told(self, payload: bytes, event: Event) -> list[bytes]:
        response = event.get("response")
        if self._response is None and isinstance(response, dict):
            self._structured = is_structured(response)
        return await super()._told(payload, event)

    def _not_called(self, calls: list[ToolCall]) -> list[ToolCall]:
        # They were called when the response was made: now they are part of what was said.
        self._conversation = replace(
            self._conversation, calls=(*self._conversation.calls, *super()._not_called(calls))
        )
        return []

    def _frame(self, event: Event, told: Event, payload: bytes | None) -> bytes:
        return self._new(super()._frame(event, told, payload), self._number)

    def _own(self, event: Event) -> bytes:
        return self._new(super()._own(event), self._number)

    def _new(self, frame: bytes, number: int | None) -> bytes:
        """The frame, or nothing when the caller has had it."""
        return b"" if number is not None and number <= self._after else frame


def joined(calls: Iterable[ToolCall], conversation: Conversation) -> Conversation:
    """The conversation with calls that were made before."""
    return replace(conversation, calls=(*conversation.calls, *calls))
