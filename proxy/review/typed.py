"""What somebody typed into a form that was not taken: it is shown back, so that nothing is lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

TEXTS = {"note": "Note", "text": "Text", "expected": "Expected answer", "missed_text": "Missed text"}
"""The fields that people write into, and what they are called."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What a form held, besides what the page put there."""

    texts: tuple[tuple[str, str], ...]
    """Each with its name."""
    chosen: tuple[tuple[str, str], ...]
    """Verdicts: of what, empty for the trace, and which."""
    tags: tuple[str, ...]
    missed: tuple[str, ...]
    """Places that were marked, in words."""

    def __bool__(self) -> bool:
        return bool(self.texts or self.chosen or self.tags or self.missed)


def typed(pairs: Iterable[tuple[str, str]]) -> Typed:
    """What of a form's fields somebody typed or chose. Secrets are not among it."""
    said = [(name, value) for name, value in pairs if value.strip()]
    kind = next((value for name, value in said if name == "missed_entity"), "")
    return Typed(
        texts=tuple((_called(name, kind), value) for name, value in said if name in TEXTS),
        chosen=tuple((_about(name), value) for name, value in said if _is_verdict(name)),
        tags=tuple(value for name, value in said if name == "tags"),
        missed=tuple(_place(value) for name, value in said if name == "missed"),
    )


def _called(name: str, kind: str) -> str:
    return f"{TEXTS[name]}, {kind}" if name == "missed_text" and kind else TEXTS[name]


def _is_verdict(name: str) -> bool:
    return name == "verdict" or name.startswith("finding.")


def _about(name: str) -> str:
    number = name.partition(".")[2]
    return f"#{int(number) + 1}" if number.isascii() and number.isdigit() and len(number) < 8 else ""


def _place(field: str) -> str:
    """A marked place, which the form holds as `side|pointer|within|start|end|entity`."""
    parts = [unquote(part) for part in field.split("|")]
    if len(parts) != 6:
        return field
    side, pointer, within, start, end, entity = parts
    return f"{entity} in the {side}, {pointer}{within and ' ' + within}, characters {start} to {end}"
