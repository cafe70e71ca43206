"""What was said against what was stored: the texts of a trace that the guardrails changed, side by side. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from markupsafe import Markup

from proxy.dialects.texts import walk
from proxy.document import at
from proxy.review.diff import shown, words

MOST = 50
"""Changed texts that one page shows."""
LONGEST = 20_000
"""Code points of each that are compared."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A text that is not stored as it was said."""

    pointer: str
    said: Markup
    stored: Markup
    cut: bool
    """Whether there is more of it."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A part of a trace before and after the guardrails."""

    changed: list[Changed]
    same: int
    """Texts that are stored just as they were said."""
    more: int
    """Changed texts that are not shown."""


def compared(raw: bytes, stored: Any) -> Compared | None:
    """Each text of a part, by its pointer; None when what was kept is no JSON, as with a stream."""
    try:
        said = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    changed: list[Changed] = []
    same = more = 0
    for pointer, before, after in _pairs(said, stored):
        if before == after:
            same += 1
        elif len(changed) < MOST:
            changed.append(_changed(pointer, before, after))
        else:
            more += 1
    return Compared(changed, same, more)


def _pairs(said: Any, stored: Any) -> Iterator[tuple[str, str, str]]:
    """(pointer, as said, as stored) of every text that was said, but those that the store keeps nothing of."""
    for pointer, item, _ in walk(said, ""):
        if isinstance(item, str) and item:
            kept = at(stored, pointer)
            if kept is not None:
                yield pointer, item, kept if isinstance(kept, str) else orjson.dumps(kept).decode()


def _changed(pointer: str, before: str, after: str) -> Changed:
    old, new = words(before[:LONGEST], after[:LONGEST])
    return Changed(pointer, shown(old, "del"), shown(new, "ins"), max(len(before), len(after)) > LONGEST)
