"""JSON contexts: what an answer says about yes/no attributes and opening hours, against the record."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from guardrails.checks.grounding_text import CAMEL, NEGATIONS, WORD, stem_of, times_of_day

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_CLAUSE = re.compile(r";|\b(?:but|however|although|though|while|whereas)\b", re.IGNORECASE)

_HOURS = re.compile(r"^\d{1,2}:\d{1,2}-\d{1,2}:\d{1,2}$")


@dataclass(frozen=True, slots=True)
class Fact:
    """One yes/no attribute of a JSON context."""

    words: tuple[str, ...]
    value: bool | None


def as_json(text: str) -> Any:
    """The object or list that the text is, as JSON; None when it is not."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict | list) else None


_YES_NO = {"no": False, "none": False, "false": False, "yes": True, "true": True, "free": True}

_FILLER = frozenset({"restaurant", "business", "good", "for", "by", "has", "is", "accept", "cater"})


def facts_of(node: Any) -> Iterator[Fact]:
    """Yes/no/unknown attributes of a JSON value, wherever they stand."""
    for key, leaf in _leaves(node):
        value = _YES_NO.get(leaf.lower(), leaf) if isinstance(leaf, str) else leaf
        if value is None or isinstance(value, bool):
            words = tuple(stem_of(word.lower()) for word in CAMEL.findall(key))
            kept = tuple(word for word in words if word not in _FILLER)
            if kept:
                yield Fact(kept, value)


def _leaves(node: Any) -> Iterator[tuple[str, Any]]:
    """Each scalar under a key, at any depth, with the nearest key."""
    waiting: list[tuple[str, Any]] = [("", node)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.items())
        elif isinstance(value, list):
            waiting.extend((key, item) for item in value)
        else:
            yield key, value


def fact_errors(facts: Sequence[Fact], text: str) -> tuple[int, int, int]:
    """How many attributes the sentence claims though false, claims though null, denies though true."""
    if not facts:
        return 0, 0, 0
    wrong = [0, 0, 0]
    for clause in _CLAUSE.split(text):
        lowered = [word.lower().replace("’", "'") for word in WORD.findall(clause)]
        stems = {stem_of(word) for word in lowered}
        stems.update(stem_of(first + second) for first, second in itertools.pairwise(lowered))
        negated = any(word in NEGATIONS for word in lowered)
        for fact in facts:
            if not (set(fact.words) <= stems or stem_of("".join(fact.words)) in stems):
                continue
            if fact.value is None:
                wrong[1] += not negated
            elif fact.value and negated:
                wrong[2] += 1
            elif not fact.value and not negated:
                wrong[0] += 1
    return wrong[0], wrong[1], wrong[2]


def opening_hours(node: Any) -> dict[str, tuple[int, int]]:
    """Opening hours by weekday, found anywhere in a JSON value as {"Monday": "9:0-17:30", ...}."""
    found: dict[str, tuple[int, int]] = {}
    for key, leaf in _leaves(node):
        if key.lower() in _DAYS and isinstance(leaf, str) and _HOURS.match(leaf):
            opens, closes = (next(times_of_day(part, 0, len(part))) for part in leaf.split("-"))
            found[key.lower()] = (opens, closes)
    return found


def wrong_hours(hours: dict[str, tuple[int, int]], text: str, times: frozenset[int]) -> int:
    """Weekdays the sentence speaks of (also inside "Monday to Friday") whose hours are not among its
    times."""
    if not hours or not times:
        return 0
    lowered = text.lower()
    named = [(lowered.index(day), at) for at, day in enumerate(_DAYS) if day in lowered]
    days = {at for _, at in named}
    named.sort()
    for (first_at, first), (second_at, second) in itertools.pairwise(named):
        if re.search(r"^\w+s?\s*(?:to|through|thru|until|-|–)\s*$", lowered[first_at:second_at]):
            days.update((first + step) % 7 for step in range((second - first) % 7))
    if "weekday" in lowered:
        days.update(range(5))
    if "weekend" in lowered:
        days.update((5, 6))
    if "daily" in lowered or "every day" in lowered or "seven days" in lowered:
        days.update(range(7))
    return sum(_DAYS[at] in hours and not set(hours[_DAYS[at]]) <= times for at in days)
