"""A judge's reply, read: a verdict of the rubric's, or the reason why there is none. Nothing is guessed.

Read are JSON alone, in a fence, or in prose; with a comma too many; with a verdict in capitals or between spaces. Not
read, and told with a reason: no JSON, half of it, a verdict that is not on the rubric's list, several that contradict.
Material may hold a verdict of its own, for the judge to repeat: then only a reply that is one object and nothing else
counts, and only if that object does not stand in the material.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from evals.judging.types import Rubric
from evals.scorers.refusing import refuses

VERSION = "2"
"""Changes whenever a reply may be read in another way than before."""
LONGEST = 200_000
"""Characters of a reply, from which on it is not read."""
MOST_EXPLAINED = 500
"""Characters that are kept of an explanation."""
REFUSED = "the judge refused"
QUOTED = "the reply holds a verdict that may be quoted from the material"

_NO_JUDGE = re.compile(
    r"\b(?:cannot|can't|can not|(?:un|not )able to|won't|will not)\s+(?:\w+\s+)?(?:judge|grade|rate|assess|evaluate)",
    re.I,
)
_OFFERED = re.compile(r"verdicts?\W{0,20}:")
_FENCE = re.compile(r"\s*(?:```\w*)?\s*")
_LETTER = re.compile(r"\\+u([0-9a-f]{4})", re.I)
_BLANK = re.compile(r"\\+[nrtbf]|[\s\\]+")
_START = re.compile(r"(\[\s*)?\{")
_STEP = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]"]|,(?=\s*[}\]])', re.S)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says. Without a verdict there is a reason."""

    verdict: str = ""
    verdicts: tuple[str, ...] = ()
    explanation: str = ""
    reason: str = ""


class _Unreadable(Exception):
    """Why a reply is not read."""


@dataclass(frozen=True, slots=True)
class _Found:
    """An object in a reply, and where it stands."""

    told: dict[str, Any]
    start: int
    end: int


def read(reply: str, rubric: Rubric, count: int = 0, material: Iterable[str] = ()) -> Reading:
    """The verdict in a reply. Never raises.

    Args:
        reply: the judge's.
        rubric: by which it was asked.
        count: of how many texts each one's verdict is wanted, where the rubric has a list.
        material: what the judge was shown, which may hold what looks like a verdict.
    """
    try:
        return _read(reply, rubric, count, material)
    except _Unreadable as why:
        return Reading(reason=str(why))
    except RecursionError:
        return Reading(reason="the reply is nested too deeply")


def _read(reply: str, rubric: Rubric, count: int, material: Iterable[str]) -> Reading:
    if not reply.strip():
        raise _Unreadable("the reply is empty")
    if len(reply) > LONGEST:
        raise _Unreadable(f"the reply has more than {LONGEST:,} characters")
    member = "verdicts" if rubric.each else "verdict"
    found = _objects(reply)
    said = [one for one in found if member in one.told]
    if not said:
        if not found and (_NO_JUDGE.search(reply) or refuses(reply)):
            raise _Unreadable(REFUSED)
        raise _Unreadable(f"the reply has no {member}" if found else "the reply holds no JSON object")
    if _may_be_quoted(reply, said, material):
        raise _Unreadable(QUOTED)
    readings = [_reading(one.told, rubric, count) for one in said]
    if len({(reading.verdict, reading.verdicts) for reading in readings}) > 1:
        raise _Unreadable("the reply contradicts itself")
    return readings[0]


def _may_be_quoted(reply: str, said: list[_Found], material: Iterable[str]) -> bool:
    """Whether a verdict in the reply may be one that stands in the material, whole or in part."""
    shown = [folded for text in material if _OFFERED.search(folded := _as_quoted(text))]
    if not shown:
        return False
    one = said[0]
    alone = _FENCE.fullmatch(reply[: one.start]) and _FENCE.fullmatch(reply[one.end :])
    if not alone:
        return True
    quoted = _as_quoted(reply[one.start : one.end])
    return any(quoted in text for text in shown)


def _as_quoted(text: str) -> str:
    """A text without what a quotation may change: spaces, case, and the escapes of JSON and HTML."""
    plain = _LETTER.sub(lambda match: chr(int(match[1], 16)), html.unescape(text))
    return _BLANK.sub("", plain).casefold()


def _reading(told: Mapping[str, Any], rubric: Rubric, count: int) -> Reading:
    explained = told.get("explanation")
    explanation = " ".join(explained.split())[:MOST_EXPLAINED] if isinstance(explained, str) else ""
    if not rubric.each:
        return Reading(_verdict(told["verdict"], rubric), (), explanation)
    entries = told["verdicts"]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _Unreadable("`verdicts` is not a list of objects")
    by_number: dict[int, str] = {}
    for entry in entries:
        number = entry.get("number")
        if type(number) is not int or not 1 <= number <= count or number in by_number:
            raise _Unreadable(f"`verdicts` has not each number from 1 to {count} once")
        by_number[number] = _verdict(entry.get("verdict"), rubric)
    if len(by_number) != count:
        raise _Unreadable(f"`verdicts` has {len(by_number)} of {count} numbers")
    verdicts = tuple(by_number[number] for number in range(1, count + 1))
    return Reading(min(verdicts, key=lambda word: rubric.verdicts[word]), verdicts, explanation)


def _verdict(said: Any, rubric: Rubric) -> str:
    if not isinstance(said, str):
        raise _Unreadable("the verdict is missing" if said is None else "the verdict is not a word")
    word = _folded(said)
    for known in rubric.verdicts:
        if _folded(known) == word:
            return known
    raise _Unreadable(f"the verdict is none of {', '.join(rubric.verdicts)}")


def _folded(word: str) -> str:
    return re.sub(r"[\s_-]+", "_", word.strip().lower())


def _objects(text: str) -> list[_Found]:
    """The outermost objects in a text. Raises _Unreadable where a brace begins anything else.

    Of half an object nothing is looked at: what stands inside may be quoted from the material.
    """
    found, at = list[_Found](), 0
    while begun := _START.search(text, at):
        if begun[1]:
            raise _Unreadable("the reply is a list")
        at, plain = _extent(text, begun.start())
        try:
            told = json.loads(plain, object_pairs_hook=_once, parse_constant=_refuse, strict=False)
            found.append(_Found(told, begun.start(), at))
        except ValueError:
            raise _Unreadable("the reply holds braces that are no JSON") from None
    return found


def _extent(text: str, start: int) -> tuple[int, str]:
    """Where an object ends, and its text without commas too many. Raises _Unreadable where it does not end."""
    depth, kept, last = 0, list[str](), start
    for step in _STEP.finditer(text, start):
        sign = step[0]
        if sign == '"':
            break
        if sign == ",":
            kept.append(text[last : step.start()])
            last = step.end()
        depth += (sign in "{[") - (sign in "}]") if len(sign) == 1 else 0
        if depth == 0 and sign in "}]":
            kept.append(text[last : step.end()])
            return step.end(), "".join(kept)
    raise _Unreadable("the reply ends within its JSON")


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Raises _Unreadable where a member stands twice with different values."""
    told: dict[str, Any] = {}
    for name, value in pairs:
        if name in told and told[name] != value:
            raise _Unreadable("the reply contradicts itself")
        told[name] = value
    return told


def _refuse(name: str) -> Any:
    raise ValueError(name)
