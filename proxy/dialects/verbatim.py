"""Events of a stream as their provider wrote them, kept until all that they say may leave.

As long as nothing in a stream had to change, its events leave whole, one by one and in their order: an app cannot tell
that a piece of text waited for the next one. When something has to change, or too much would wait, what is kept is told
as far as it may leave, and from there on the stream is told anew.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

MAX_READY = 64
"""Characters that may leave and wait for the rest of their event; with more the stream is told anew."""
MAX_BYTES = 1_048_576
"""Bytes of events that are kept."""


class Source(Protocol):
    """A text that comes in pieces."""

    came: int
    """How much of it came so far."""
    cleared: int
    """How much of it may leave unchanged."""
    free: int
    """How much could leave before the event that is looked at now."""


class Mark(NamedTuple):
    """A piece of a text in an event."""

    source: Source
    end: int
    """How much of the text came with this piece and those before."""
    text: str | None
    """The piece; None where it leaves whole or not at all."""
    holder: Any
    """What holds it in the event, None where nothing needs to be taken out of it."""
    name: Any
    stays: bool
    """Whether its member stays when nothing is left of it."""


class Waiting(NamedTuple):
    """An event that is kept."""

    payload: bytes
    event: dict[str, Any]
    """The same as parsed; its pieces are taken out when it is told anew."""
    marks: list[Mark]


@dataclass(slots=True)
class Verbatim:
    """The events that wait. `mark` each piece of an event, then `add` it and ask what is `ready`, or `give_up`."""

    on: bool = True
    """Whether the stream is still told as it was written."""
    _marks: list[Mark] = field(default_factory=list)
    _queue: deque[Waiting] = field(default_factory=deque)
    _sources: dict[int, Source] = field(default_factory=dict)
    _texts: dict[int, Source] = field(default_factory=dict)
    _sent: int = 0
    """Characters of the texts that left."""
    _bytes: int = 0

    def mark(
        self, source: Source, text: str | None, holder: Any = None, name: Any = None, stays: bool = False
    ) -> None:
        """Note a piece of the event that is looked at, after its text was taken in."""
        if self.on:
            self._marks.append(Mark(source, source.came, text, holder, name, stays))
            self._sources[id(source)] = source
            if text is not None:
                self._texts[id(source)] = source

    def add(self, payload: bytes, event: dict[str, Any]) -> None:
        """Take in an event in which nothing had to change."""
        self.settle()
        self._keep(Waiting(payload, event, self._marks))
        self._marks = []

    def settle(self) -> None:
        """What was cleared may leave, also where no further event is looked at."""
        for source in self._sources.values():
            source.free = source.cleared

    def ready(self) -> list[bytes]:
        """The events that may leave now."""
        out: list[bytes] = []
        queue = self._queue
        while queue:
            payload, _, marks = queue[0]
            for mark in marks:
                if mark.end > mark.source.free:
                    return out
            for mark in marks:
                if mark.text:
                    self._sent += len(mark.text)
            queue.popleft()
            self._bytes -= len(payload)
            out.append(payload)
        return out

    @property
    def full(self) -> bool:
        """Whether too much waits."""
        queue = self._queue
        if not queue:
            return False
        if len(queue) == 1 and self._bytes <= MAX_BYTES:
            marks = queue[0].marks
            if len(marks) == 1 and len(marks[0].text or "") <= MAX_READY:
                return False  # the usual case: one short piece waits for the next one
        ready = sum(source.free for source in self._texts.values()) - self._sent
        return ready > MAX_READY or self._bytes > MAX_BYTES

    def give_up(self) -> list[bytes | dict[str, Any]]:
        """Tell the stream anew from here on.

        What is kept, as far as it could leave before the event that is looked at now: bytes as they are to be told, or
        an event with the pieces in it cut down to that.
        """
        self.on = False
        kept, self._queue = self._queue, deque()
        self._marks = []
        return [one.payload if _is_cleared(one) else _cut(one) for one in kept]

    def _keep(self, waiting: Waiting) -> None:
        self._queue.append(waiting)
        self._bytes += len(waiting.payload)


def _is_cleared(waiting: Waiting) -> bool:
    return all(mark.end <= mark.source.free for mark in waiting.marks)


def _part(mark: Mark) -> str:
    """What may leave of a piece."""
    text = mark.text or ""
    return text[: max(0, len(text) - (mark.end - mark.source.free))]


def _cut(waiting: Waiting) -> dict[str, Any]:
    event = waiting.event
    for mark in waiting.marks:
        part = _part(mark)
        if mark.holder is None:
            continue
        if part or mark.stays:
            mark.holder[mark.name] = part
        else:
            mark.holder.pop(mark.name, None)
    return event
