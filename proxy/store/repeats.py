"""Tool calls that an agent run asks for again and again. Pure: equal arguments are one blob, so no text is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

REPEATS = 3
"""A tool that is asked for so often with the same arguments is a loop, as the check `loops` has it."""
_DAY = 12
"""Characters of a blob's id that say its day: a run may go on past midnight."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One time that a call was asked for."""

    span_id: str
    seq: int
    started_us: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """A tool that was asked for with the same arguments, and every time that it was."""

    name: str
    times: tuple[Asked, ...]


def repeats(called: Iterable[Mapping[str, Any]], least: int = REPEATS) -> list[Repeat]:
    """The calls that were asked for at least so often, the most often first.

    Takes rows of `tool_call` in order; only those with state `requested` are counted.
    """
    found: dict[tuple[str, str], list[Asked]] = {}
    for row in called:
        if row["state"] == "requested":
            alike = found.setdefault((row["name"], row["arguments_blob"][_DAY:]), [])
            alike.append(Asked(row["span_id"], row["seq"], row["started_us"]))
    many = [Repeat(name, tuple(times)) for (name, _), times in found.items() if len(times) >= least]
    return sorted(many, key=lambda one: -len(one.times))
