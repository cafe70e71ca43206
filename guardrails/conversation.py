"""What stands around the texts that a check looks at: the conversation before them, its tools, and who asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from guardrails import redact
from guardrails.types import Edit, Segment


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model asks for."""

    name: str
    arguments: str
    """As written: JSON, unless whoever wrote it made a mistake."""
    pointer: str
    """RFC 6901 pointer of the arguments; the segments of their values have the same, and a `within`."""
    name_pointer: str
    """RFC 6901 pointer of the name; its segment has the same."""
    id: str = ""
    served: bool = False
    """Whether a server of tools (MCP) has the tool: a request does not name those one by one."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a request offers to the model."""

    name: str
    pointer: str
    """RFC 6901 pointer of the name; its segment has the same."""
    parameters: Mapping[str, Any] | None = None
    """JSON Schema of its arguments, as the request gives it; None when it gives none."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A request as far as a check may need to know it."""

    texts: Sequence[Segment] = ()
    """Its texts in order, as they came: messages, results of tools, retrieved texts, definitions."""
    sent: Sequence[Segment] = ()
    """The same as the model reads them: edited. Equal to `texts` when nothing was edited."""
    calls: Sequence[ToolCall] = ()
    """Tool calls of earlier turns, and those of this reply that were looked at before."""
    called: Sequence[ToolCall] = ()
    """Tool calls of this reply that are looked at now."""
    tools: Sequence[Tool] = ()
    """What the model may call."""
    key: str = ""
    """Public id of the caller's key; empty when nobody is known."""
    model: str = ""
    """The model that the request names."""

    def edited(self, edits: Iterable[Edit]) -> Conversation:
        """The same after its texts were edited for the model."""
        by_place: dict[tuple[str, str], list[Edit]] = {}
        for edit in edits:
            by_place.setdefault((edit.pointer, edit.within), []).append(edit)
        sent = [
            replace(text, text=redact.apply(text.text, by_place[text.pointer, text.within]))
            if (text.pointer, text.within) in by_place
            else text
            for text in self.texts
        ]
        return replace(self, sent=sent)

    def calling(self, called: Sequence[ToolCall]) -> Conversation:
        """The same with other calls to look at; those looked at before count as earlier ones."""
        if not called and not self.called:
            return self
        return replace(self, calls=(*self.calls, *self.called), called=called)


NOTHING_SAID = Conversation()
"""A text that stands alone."""


class Counter(Protocol):
    """Counts what happened lately, for limits on how often."""

    async def count(self, name: str, seconds: float) -> int:
        """Counts one more of that name; how many there were within the last seconds, this one with it."""


class Asked(Protocol):
    """The models of this installation, for checks that put questions to one."""

    async def answer(self, model: str, messages: Sequence[Mapping[str, str]]) -> str:
        """What the model says to some messages. Raises GuardrailsError when it says nothing."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What a check may use of the world outside the conversation; None for what there is none of."""

    counter: Counter | None = None
    models: Asked | None = None


ALONE = Outside()
"""No world outside."""
