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

_CLAUSE = re.compile(r";|\b(?:but|however|although|though|while|whereas|except)\b", re.IGNORECASE)

_LEADING = re.compile(r"^(\W*(?:while|although|though|despite)\b[^,]*),", re.IGNORECASE)

_DENIED_BEFORE = re.compile(
    r"^(?!.*\b(?:no|without|neither|lacks?)\b).*\b(?:is|are|was|were)(?:n['’]t| not| unavailable)\b",
    re.IGNORECASE,
)
"""A denial of what stands before it, as in "valet parking is not available"."""

_UNTOLD = re.compile(
    r"\b(?:not|n['’]t|no|nor)\b.{0,40}\b(?:mention|specif|state|clear|indicat|disclos|provided in|information)"
    r"|\bun(?:specified|clear|known)\b",
    re.IGNORECASE,
)

_AGAIN = re.compile(
    r"(?:,\s*|\band\s+)(?:(?:it|they|there|the|customers|you|we)\b"
    r"|(?:also\s+)?(?:offers?|has|have|is|are|provides?|accepts?|features?|allows?|serves?)\b)"
    r"(?!\s+(?:not|no)\b)(?!\s+(?:do|does|is|are)(?:n['’]t|\s+not)\b)",
    re.IGNORECASE,
)
"""Where a denial ends and the sentence claims something again."""

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


_EVERY_DAY = re.compile(r"\b(?:daily|every ?day|each day|(?:seven|7) days|all week)\b")

_OPEN = re.compile(r"\b(?:open|opens|operat\w*|hours|available|from)\b", re.IGNORECASE)

_SHUT = re.compile(r"\b(?:closed|closes|closing|not open|except|reviews?|visited)\b", re.IGNORECASE)

_OTHER_HOURS = re.compile(r"\b(?:extend\w*|longer|shorter|later|different|vary\w*|late)\b", re.IGNORECASE)

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


def longest_list(node: Any) -> int:
    """How many things the longest list has, at any depth: an answer may count them."""
    waiting, longest = [node], 0
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            longest = max(longest, len(value))
        if isinstance(value, dict | list):
            waiting.extend(value.values() if isinstance(value, dict) else value)
    return longest


def fact_errors(facts: Sequence[Fact], text: str) -> tuple[int, int, int, int]:
    """How many attributes the sentence claims though false, claims though null, denies though true, denies
    though null."""
    wrong = [0, 0, 0, 0]
    for words, negated in _stretches(text) if facts else ():
        stems = {stem_of(word) for word in words}
        stems.update(stem_of(first + second) for first, second in itertools.pairwise(words))
        for fact in facts:
            if not (set(fact.words) <= stems or stem_of("".join(fact.words)) in stems):
                continue
            if fact.value is None:
                wrong[3 if negated else 1] += 1
            elif fact.value is negated:
                wrong[2 if negated else 0] += 1
    return wrong[0], wrong[1], wrong[2], wrong[3]


def _stretches(text: str) -> Iterator[tuple[list[str], bool]]:
    """The words of a sentence in stretches that are denied or not. What it only calls unknown is left out."""
    for clause in _CLAUSE.split(_LEADING.sub(r"\1;", text)):
        if _UNTOLD.search(clause):
            continue
        at, denied = 0, bool(_DENIED_BEFORE.search(clause))
        if not denied:
            first = next((m for m in WORD.finditer(clause) if _plain(m) in NEGATIONS), None)
            if first:
                yield _own_words(clause[: first.start()]), False
                again = _AGAIN.search(clause, first.end())
                at, denied = again.start() if again else len(clause), True
                yield _own_words(clause[first.start() : at]), True
                denied = False
        yield _own_words(clause[at:]), denied


def _own_words(text: str) -> list[str]:
    """Words in lower case, but for those that are part of a name ("Anacapa Street")."""
    found = []
    last: re.Match[str] | None = None
    for match in WORD.finditer(text):
        word = match.group()
        named = last is not None and word[0].isupper() and text[last.end() : match.start()] in (" ", " & ")
        if not (named and last is not None and (last.group()[0].isupper() or last.group()[0].isdigit())):
            found.append(_plain(match))
        last = match
    return found


def _plain(match: re.Match[str]) -> str:
    return match.group().lower().replace("’", "'")


def opening_hours(node: Any) -> dict[str, tuple[int, int]]:
    """Opening hours by weekday, found anywhere in a JSON value as {"Monday": "9:0-17:30", ...}."""
    found: dict[str, tuple[int, int]] = {}
    for key, leaf in _leaves(node):
        if key.lower() in _DAYS and isinstance(leaf, str) and _HOURS.match(leaf):
            opens, closes = (next(times_of_day(part, 0, len(part))) for part in leaf.split("-"))
            found[key.lower()] = (opens, closes)
    return found


def wrong_hours(hours: dict[str, tuple[int, int]], text: str, times: frozenset[int]) -> int:
    """Weekdays the sentence speaks of (also inside "Monday to Friday") whose hours are not among its times,
    or that it calls open though the record has no hours for them."""
    if not hours or _OTHER_HOURS.search(text):
        return 0
    days = _days(text.lower())
    shut = sum(_DAYS[at] not in hours for at in days) if _OPEN.search(text) and not _SHUT.search(text) else 0
    if not times:
        return shut
    enough = 1 if len(times) == 1 else 2
    return shut + sum(
        _DAYS[at] in hours and len(set(hours[_DAYS[at]]) & times) < min(enough, len(set(hours[_DAYS[at]])))
        for at in days
    )


def _days(lowered: str) -> set[int]:
    """Weekdays that a sentence names, with those between the ends of a range."""
    named = sorted((lowered.index(day), at) for at, day in enumerate(_DAYS) if day in lowered)
    days = {at for _, at in named}
    for (first_at, first), (second_at, second) in itertools.pairwise(named):
        if re.search(r"^\w+s?\s*(?:to|through|thru|until|-|–)\s*$", lowered[first_at:second_at]):
            days.update((first + step) % 7 for step in range((second - first) % 7))
    if "weekday" in lowered:
        days.update(range(5))
    if "weekend" in lowered:
        days.update((5, 6))
    if _EVERY_DAY.search(lowered):
        days.update(range(7))
    return days
