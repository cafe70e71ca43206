"""JSON held in a string, such as tool-call arguments: each value inside is inspected and rewritten by itself.

A `within` pointer follows RFC 6901, with three additions so that every string and number has its own address:
a member's *name* is addressed by its value's pointer and `#`; a `#` inside a name is written `~2`; and the
second member of the same name ends in `~x2`, the third in `~x3`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from guardrails import redact
from guardrails.types import Edit, Segment, Stage

_LEXEME = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},:]|-?[0-9][0-9.eE+-]*+')
MAX_POINTERS = 32 << 20
"""Characters that the addresses of all values of one JSON text may have together."""

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class _Value:
    """One string, number or member name in a JSON text."""

    start: int
    end: int
    text: str
    within: str


def segments(json_text: str, pointer: str, stage: Stage, channel: str) -> list[Segment]:
    """One segment per string, number and member name in a JSON text; the text itself when it is not JSON."""
    values = _values(json_text)
    if values is None:
        return [Segment(json_text, pointer, stage, channel)]
    return [Segment(value.text, pointer, stage, channel, value.within) for value in values]


def rewrite(json_text: str, edits: Iterable[Edit]) -> str:
    """The JSON text with some edits made inside its values, everything else left as it is written.

    Still valid JSON if it was: an edited number becomes a string. Text that is not JSON is edited as it is.
    Raises ValueError for an edit of a value that is not there: an edit is never lost.
    """
    by_place: dict[str, list[Edit]] = {}
    for edit in edits:
        by_place.setdefault(edit.within, []).append(edit)
    if not by_place:
        return json_text
    values = _values(json_text)
    places = {""} if values is None else {value.within for value in values}
    if not by_place.keys() <= places:
        raise ValueError("an edit is addressed to a value that this JSON text does not have")
    if values is None:
        return redact.apply(json_text, by_place[""])
    edited = [value for value in values if value.within in by_place]
    return _spliced(
        json_text, [(value, redact.apply(value.text, by_place[value.within])) for value in edited]
    )


def _spliced(json_text: str, changes: Sequence[tuple[_Value, str]]) -> str:
    pieces: list[str] = []
    done = 0
    for value, text in changes:
        # A lone surrogate cannot be sent as UTF-8; escaped it can.
        literal = json.dumps(text, ensure_ascii=_SURROGATE.search(text) is not None)
        pieces += (json_text[done : value.start], literal)
        done = value.end
    return "".join((*pieces, json_text[done:]))


def _values(json_text: str) -> list[_Value] | None:
    """Every string, number and name of a JSON text in order; None when it is not JSON or too deep to read.

    Such a text is looked at as it is written: what it escapes is undone there as in any other text.
    """
    try:
        # Numbers stay text: a number of 10,000 digits is valid JSON, and int() refuses it.
        json.loads(json_text, parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    values, spent = [], 0
    for value in _walk(json_text):
        spent += len(value.within)
        if spent > MAX_POINTERS:
            return None
        values.append(value)
    return values


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


@dataclass(slots=True)
class _Container:
    pointer: str
    is_object: bool
    place: str = ""
    """Pointer of the member that comes next."""
    at_name: bool = False
    index: int = 0
    names: dict[str, int] = field(default_factory=dict)

    def name(self, name: str) -> str:
        """Takes up a member's name and returns the pointer of its value."""
        times = self.names[name] = self.names.get(name, 0) + 1
        escaped = name.replace("~", "~0").replace("/", "~1").replace("#", "~2")
        self.place = f"{self.pointer}/{escaped}" + (f"~x{times}" if times > 1 else "")
        return self.place

    def advance(self) -> None:
        """Goes on to the next member."""
        self.at_name = self.is_object
        self.index += 1
        if not self.is_object:
            self.place = f"{self.pointer}/{self.index}"


def _walk(json_text: str) -> Iterator[_Value]:
    """Values of a text known to be JSON. Walks its lexemes: depth costs no recursion, nothing is lost."""
    inside: list[_Container] = []
    for lexeme in _LEXEME.finditer(json_text):
        written = lexeme[0]
        here = inside[-1] if inside else None
        first = written[0]
        if first in "{[":
            pointer = here.place if here else ""
            inside.append(_Container(pointer, first == "{", f"{pointer}/0", at_name=first == "{"))
        elif first in "}]":
            inside.pop()
        elif first == ",":
            if here:
                here.advance()
        elif first == ":":
            if here:
                here.at_name = False
        else:
            text = written if first != '"' else json.loads(written) if "\\" in written else written[1:-1]
            if here and here.at_name:
                yield _Value(lexeme.start(), lexeme.end(), text, here.name(text) + "#")
            else:
                yield _Value(lexeme.start(), lexeme.end(), text, here.place if here else "")
