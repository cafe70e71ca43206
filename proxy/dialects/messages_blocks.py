"""The state of one content block of a streamed Messages reply: its texts, each in a lane, and its call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from guardrails.conversation import ToolCall
from proxy.errors import UpstreamError

if TYPE_CHECKING:
    from guardrails.stream import StreamGuard

MAX_INPUT = 4 * 1024 * 1024
"""Characters of input one tool call may have; more is a fault of the provider."""


@dataclass(slots=True)
class Lane:
    """One text of a block, and the type of the deltas that bring it."""

    guard: StreamGuard
    kind: str


@dataclass(slots=True)
class Block:
    """One content block while it comes in."""

    index: int
    pointer: str
    """Where it stands in the reply."""
    recorded: dict[str, Any]
    """What is stored of it besides its lanes."""
    lanes: dict[str, Lane] = field(default_factory=dict)
    """By member of the block."""
    is_call: bool = False
    opening: dict[str, Any] | None = None
    """The event that begins a call, as it came, while it is held back."""
    pieces: list[str] = field(default_factory=list)
    size: int = 0
    held: list[bytes] = field(default_factory=list)
    """Frames that leave when the block's own texts have left."""
    begun: bool = False
    """Whether the caller knows of it."""
    closed: bool = False
    """Whether all that it held has left."""
    stopped: bool = False
    """Whether the caller knows that it ended."""
    lists: dict[str, int] = field(default_factory=dict)
    """How many elements came of each list."""

    def collect(self, piece: str) -> None:
        """Take in one piece of a call's input."""
        self.size += len(piece)
        if self.size > MAX_INPUT:
            raise UpstreamError("The provider sent a tool call without end.")
        if piece:
            self.pieces.append(piece)

    @property
    def input(self) -> str:
        """The input of a call as it was written so far."""
        return "".join(self.pieces)

    def call(self) -> ToolCall:
        """The call, complete."""
        told = self.recorded if self.opening is None else self.opening["content_block"]
        return ToolCall(
            str(told.get("name") or ""),
            self.input or "{}",
            f"{self.pointer}/input",
            f"{self.pointer}/name",
            str(told.get("id") or ""),
        )

    def note_input(self, text: str) -> None:
        """Keep a call's input as it may be stored: an object, or the text when it is no JSON."""
        try:
            self.recorded["input"] = orjson.loads(text) if text else {}
        except orjson.JSONDecodeError:
            self.recorded["input"] = text

    def append(self, name: str, item: Any) -> None:
        """Keep one more element of a list as it may be stored."""
        if not isinstance(self.recorded.get(name), list):
            self.recorded[name] = []
        self.recorded[name].append(item)

    def response(self) -> dict[str, Any]:
        """What left of it, with pseudonyms in place."""
        told = {name: lane.guard.recorded for name, lane in self.lanes.items()}
        return {**self.recorded, **told}
