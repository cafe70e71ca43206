"""What a check is, and how one is found by name.

A check is an async callable: segments in, spans out. Its factory's typed signature is its configuration.
A check that decides by looking at bounded pieces of text also offers `scan` and `hold`: those can run in a stream.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cache
from importlib import metadata
from typing import Any, Protocol, TypeVar, get_type_hints, runtime_checkable

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from guardrails.conversation import ALONE, NOTHING_SAID, Conversation, Outside
from guardrails.errors import CheckError
from guardrails.types import Segment, Span

ENTRY_POINT_GROUP = "guardhouse.checks"
"""Third-party packages register a factory under this entry-point group; the entry's name is the check's name."""

BUILT_IN = {
    "canary": "guardrails.checks.canary:canary",
    "exfiltration": "guardrails.checks.exfiltration:exfiltration",
    "grounding": "guardrails.checks.grounded:grounding",
    "injection": "guardrails.checks.injection:injection",
    "judge": "guardrails.checks.judge:judge",
    "loops": "guardrails.checks.loops:loops",
    "pii": "guardrails.checks.pii:pii",
    "secrets": "guardrails.checks.secrets:secrets",
    "taint": "guardrails.checks.taint:taint",
    "tools": "guardrails.checks.tools:tools",
    "topics": "guardrails.checks.topics:topics",
    "words": "guardrails.checks.words:words",
}
"""The checks that ship with the product: name to `module:factory`, imported when first asked for."""


class Check(Protocol):
    """Looks at segments and reports spans. Keeps no state between calls.

    A check whose attribute `pure` is true finds in a segment what follows from its text, stage and channel
    alone: such a segment is not looked at again as long as it is remembered.
    """

    async def __call__(self, segments: Sequence[Segment], /) -> list[list[Span]]:
        """Spans found in each segment, in the order of the segments."""


@runtime_checkable
class Scanner(Protocol):
    """A check whose every decision depends on a bounded piece of text, so that it also works in a stream.

    The contract, for every text T and every cut c = hold(T, start): whatever is appended to T,
    scan of the longer text finds the same spans before c, and no span across c.
    """

    context: int
    """Code points to the left of a span that its decision may depend on."""

    async def __call__(self, segments: Sequence[Segment], /) -> list[list[Span]]:
        """As in Check."""

    def scan(self, text: str, start: int = 0) -> list[Span]:
        """Spans in text[start:], ordered by start; text[:start] is only looked at as context."""

    def hold(self, text: str, start: int = 0) -> int:
        """The first position at or after start from which the text could still become (part of) a match."""


class TextScanner(ABC):
    """Base for scanners: runs `scan` over each segment. Subclasses give `scan`, `hold` and `context`."""

    context: int = 0

    async def __call__(self, segments: Sequence[Segment], /) -> list[list[Span]]:
        """Spans found in each segment, in the order of the segments."""
        return [self.scan(segment.text) for segment in segments]

    @abstractmethod
    def scan(self, text: str, start: int = 0) -> list[Span]:
        """Spans in text[start:], ordered by start."""

    @abstractmethod
    def hold(self, text: str, start: int = 0) -> int:
        """The first position at or after start from which the text could still become a match."""


class ConversationCheck(ABC):
    """Base for checks that judge a text by the conversation it stands in. Subclasses give `judge`.

    Such a check is not pure, and runs in the caller's process. One that sets `streams` also gives `scanner`:
    it is what looks at texts of stage output then, whole or in a stream, as the model wrote them (with
    pseudonyms in place). `judge` gets texts with pseudonyms turned back into their values.
    """

    streams: bool = False
    """Whether texts of stage output are looked at by what `scanner` returns."""
    shown_masked: bool = False
    """Whether it is shown texts in which all that the policy's scanners find is masked: it shows them to others."""

    async def __call__(self, segments: Sequence[Segment], /) -> list[list[Span]]:
        """Spans found in each segment, as if it stood alone."""
        return await self.judge(segments, NOTHING_SAID, ALONE)

    @abstractmethod
    async def judge(
        self, segments: Sequence[Segment], conversation: Conversation, outside: Outside
    ) -> list[list[Span]]:
        """Spans found in each segment, in the order of the segments."""

    def scanner(self, conversation: Conversation) -> TextScanner:
        """The scanner for texts of stage output in that conversation. Raises CheckError when it follows no streams."""
        raise CheckError("this check follows no streams: it sets `streams` and gives no scanner.")


Factory = Callable[..., Check]
_Made = TypeVar("_Made", bound=Factory)


def in_process(when: Callable[..., bool] | None = None) -> Callable[[_Made], _Made]:
    """Marks a factory whose checks may run in the caller's process: they are quick and end on every text.

    A check without the mark runs in a process of its own, which can be killed (`guardrails.isolation`).

    Args:
        when: given the options, says whether the mark holds for them; without it, it always holds.
    """

    def mark(make: _Made) -> _Made:
        setattr(make, _MARK, when or _always)
        return make

    return mark


def runs_in_process(make: Factory, options: dict[str, Any]) -> bool:
    """Whether a factory is marked `in_process` for these options (validated, all of them)."""
    mark: Callable[..., bool] | None = getattr(make, _MARK, None)
    return mark is not None and mark(**options)


def _always(**options: Any) -> bool:
    return True


_MARK = "guardrails_in_process"


def names() -> list[str]:
    """Every check that can be asked for: built in, and installed by other packages."""
    return sorted({*BUILT_IN, *(entry.name for entry in metadata.entry_points(group=ENTRY_POINT_GROUP))})


def entry(name: str) -> metadata.EntryPoint:
    """Where the factory registered under a name is, not imported yet. Raises CheckError when there is none."""
    if name in BUILT_IN:
        return metadata.EntryPoint(name, BUILT_IN[name], ENTRY_POINT_GROUP)
    for found in metadata.entry_points(group=ENTRY_POINT_GROUP, name=name):
        return found
    raise CheckError(f"there is no check named {name!r}. Known checks: {', '.join(names())}.")


@cache
def factory(name: str) -> Factory:
    """The factory registered under a name. Raises CheckError when there is none."""
    loaded: Factory = entry(name).load()
    return loaded


def options_model(name: str, make: Factory) -> type[BaseModel]:
    """A model of the options that a factory takes, from its signature."""
    hints = get_type_hints(make)
    fields: dict[str, Any] = {
        parameter.name: (
            hints.get(parameter.name, Any),
            ... if parameter.default is inspect.Parameter.empty else parameter.default,
        )
        for parameter in inspect.signature(make).parameters.values()
    }
    return create_model(f"{name}_options", __config__=ConfigDict(extra="forbid"), **fields)


def configured(name: str, make: Factory, options: dict[str, Any]) -> dict[str, Any]:
    """The options as a factory takes them, all of them. Raises CheckError naming the one that does not fit."""
    model = options_model(name, make)
    fields = model.model_fields
    try:
        values = model(**options)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        known = ", ".join(fields) or "none"
        raise CheckError(f"check {name!r}, option {where!r}: {first['msg']}. It takes: {known}.") from None
    return {field: getattr(values, field) for field in fields}


def build(name: str, options: dict[str, Any]) -> Check:
    """The check of that name, configured. Raises CheckError naming the option that does not fit."""
    make = factory(name)
    return make(**configured(name, make, options))
