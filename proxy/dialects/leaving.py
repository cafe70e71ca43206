"""What the guards of a streamed reply released for the event at hand: taken back where the event does not leave.

A rule that blocks in one text of an event keeps the whole event back, also what other texts of it, and the text
before what was found, had been cleared for. Nobody received that, so the record must not say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guardrails.stream import StreamGuard


class Leaving:
    """The guards that were asked for one event, each with what it had released before."""

    __slots__ = ("_before",)

    def __init__(self) -> None:
        self._before: list[tuple[StreamGuard, int]] = []

    def note(self, guard: StreamGuard, released: int | None = None) -> None:
        """A guard is about to be asked what may leave, or was when it had `released` so much."""
        self._before.append((guard, guard.released if released is None else released))

    def left(self) -> None:
        """What was released so far has left."""
        self._before.clear()

    def take_back(self) -> None:
        """Nothing that was released since has left."""
        for guard, released in reversed(self._before):
            guard.take_back(released)
        self._before.clear()
