"""The arguments of a tool call as JSON: no text makes reading it fail, take long, or lose a digit."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import isinf
from typing import Any, NoReturn

import orjson

DEEPEST = 200
"""Lists and objects inside one another; a text with more is not read."""
_DELICATE = re.compile(r"[0-9](?:[.eE]|[0-9]{15})")
"""Numbers that the quick reader may write in two ways, or may not hold."""
_EXACT = 15
"""Characters of a fraction that a float holds for sure."""

Place = tuple["Place | None", str | int]
"""Where a value stands: where its container does, and its name or index there. The outermost is ROOT."""

ROOT: Place = (None, "")


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a call's arguments say."""

    value: Any
    """Of JSON's types; numbers that no float holds are Decimal, and 1.0 is 1. The text itself if it is no JSON."""
    is_json: bool = True
    doubled: bool = False
    """Whether an object in it has two members of the same name, of which programs read either."""


def read(text: str) -> Arguments:
    """The arguments in a text. An empty text is an empty object, as providers write it."""
    if not text.strip():
        return Arguments({})
    doubled = False

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal doubled
        made = dict(pairs)
        doubled = doubled or len(made) < len(pairs)
        return made

    try:
        value = json.loads(
            text,
            object_pairs_hook=members,
            parse_int=_whole,
            parse_float=_fraction,
            parse_constant=_refuse,
        )
    except (ValueError, RecursionError, InvalidOperation):
        return Arguments(text, is_json=False)
    if text.count("[") + text.count("{") > DEEPEST and _is_deep(value):
        return Arguments(text, is_json=False)
    return Arguments(value, doubled=doubled)


def canonical(value: Any) -> str:
    """A text that is the same for values that are equal as JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_written)


def meaning(text: str) -> str:
    """A text that is the same for arguments that mean the same, however they are written."""
    if not _DELICATE.search(text):
        try:
            return orjson.dumps(orjson.loads(text), option=orjson.OPT_SORT_KEYS).decode()
        except (ValueError, TypeError):
            pass
    arguments = read(text)
    return canonical(arguments.value) if arguments.is_json else text


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal as JSON: `true` is no 1, and 1.0 is 1."""
    if isinstance(left, bool) or isinstance(right, bool) or left is None or right is None:
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, Sequence) and isinstance(right, Sequence) and not isinstance(left, str):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def pointer(place: Place) -> str:
    """A place as `guardrails.arguments` writes it in a segment's `within`."""
    parts: list[str] = []
    above, key = place
    while above is not None:
        parts.append(str(key).replace("~", "~0").replace("/", "~1").replace("#", "~2"))
        above, key = above
    return "".join(f"/{part}" for part in reversed(parts))


def _is_deep(value: Any) -> bool:
    """Whether more than DEEPEST lists and objects stand inside one another."""
    level = [value]
    for _ in range(DEEPEST):
        inside = (each.values() if isinstance(each, dict) else each for each in level)
        level = [below for each in inside for below in each if isinstance(below, dict | list)]
    return bool(level)


def _whole(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= 1000 else Decimal(digits)


def _fraction(digits: str) -> int | float | Decimal:
    value = float(digits)
    if len(digits) > _EXACT or isinf(value):
        return Decimal(digits)
    return int(value) if value.is_integer() and abs(value) < 1 << 53 else value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _written(number: Decimal) -> list[str]:
    return ["", str(number)]
