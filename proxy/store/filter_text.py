"""A filter's text: how it is read, term by term, and written again. What the fields mean is not known here."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass

LONGEST = 4_000
"""Characters of a filter."""
MOST_TERMS = 32
MOST_VALUES = 100
"""Values of all terms together."""
MOST_STARS = 3
"""`*` in one value: each may make a database try every place of a text."""

_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9_]*)(:|>=|<=|>|<)")
_BARE = re.compile(r"[\w.@/=+-]+")

Pattern = tuple[str, ...]
"""The literal parts of a value, between its stars: `("gpt", "")` for `gpt*`, `("gpt-4o",)` for itself alone."""


class FilterError(ValueError):
    """A filter that means nothing. The message says what is wrong and what to write instead."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at
        """Where in the text, in code points."""

    def pointed(self, text: str) -> str:
        """The message, and below it the line of the filter with a caret at the place."""
        shown = "".join(character if character.isprintable() else " " for character in text)
        first = max(0, self.at - 60)
        return f"{self}\n  {shown[first : first + 100]}\n  {' ' * (self.at - first)}^"


@dataclass(frozen=True, slots=True)
class Term:
    """One condition of a filter: its field is any of the values."""

    field: str
    operator: str
    """`:`, `>`, `>=`, `<` or `<=`."""
    values: tuple[Pattern, ...]
    negated: bool = False
    at: int = dataclasses.field(default=0, compare=False)

    def __str__(self) -> str:
        """The term as it is read."""
        told = ",".join("*".join(map(_quoted, value)) or '""' for value in self.values)
        return f"{'-' if self.negated else ''}{self.field}{self.operator}{told}"


@dataclass(frozen=True, slots=True)
class Filter:
    """Terms that must all hold; none hold for everything."""

    terms: tuple[Term, ...] = ()
    reader: str | None = dataclasses.field(default=None, compare=False)
    """Who asks: judgements that are hidden from them count as not there. None: whoever sees all."""

    def __str__(self) -> str:
        """The filter as it is read: reading it gives the same filter."""
        return " ".join(map(str, self.terms))

    def __add__(self, other: Filter) -> Filter:
        """What is in both."""
        return Filter(self.terms + other.terms, self.reader or other.reader)

    def without(self, *fields: str) -> Filter:
        """The same but for the terms of some fields."""
        return Filter(tuple(term for term in self.terms if term.field not in fields), self.reader)


def read(text: str, checked: Callable[[Term], Term]) -> Filter:
    """The filter that a text spells; `checked` gives a term of known meaning, or raises. Raises FilterError."""
    check(text)
    terms: list[Term] = []
    values, at = 0, 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        if len(terms) == MOST_TERMS:
            raise FilterError(f"The filter has over {MOST_TERMS} terms. Leave some out.", at)
        term, at = _term(text, at, checked)
        values += len(term.values)
        if values > MOST_VALUES:
            raise FilterError(f"The filter has over {MOST_VALUES} values. Leave some out.", term.at)
        terms.append(term)
    return Filter(tuple(terms))


def check(text: str) -> None:
    """Raises FilterError for a text that is too long, or has what no database takes: NUL, half a surrogate pair."""
    if len(text) > LONGEST:
        raise FilterError(f"The filter is over {LONGEST} characters. Leave some of it out.", LONGEST)
    for at, character in enumerate(text):
        if character == "\0" or "\ud800" <= character <= "\udfff":
            raise FilterError("No stored text has this character. Leave it out.", at)


def _term(text: str, start: int, checked: Callable[[Term], Term]) -> tuple[Term, int]:
    negated = text[start] == "-"
    at = start + negated
    if at == len(text) or text[at].isspace():
        raise FilterError("A minus stands before the term that must not hold, without a space.", start)
    named = _FIELD.match(text, at)
    if named is None:
        value, end = _value(text, at, listed=False)
        return checked(Term("text", ":", (value,), negated, start)), end
    # A field that there is not is told before what is wrong with its value.
    known = checked(Term(named[1].lower(), named[2], (), negated, start))
    values, end = [], named.end()
    while True:
        value, end = _value(text, end, listed=True)
        values.append(value)
        if end == len(text) or text[end] != ",":
            break
        end += 1
    return checked(Term(known.field, known.operator, tuple(values), negated, start)), end


def _value(text: str, start: int, listed: bool) -> tuple[Pattern, int]:
    """The value that begins there, and where it ends."""
    parts, at, quoted = [""], start, False
    while at < len(text):
        character = text[at]
        if character.isspace() or (listed and character == ","):
            break
        if character == '"':
            inner, at = _inside(text, at)
            parts[-1] += inner
            quoted = True
            continue
        if character == "\\":
            if at + 1 == len(text):
                raise FilterError("A backslash stands before the character that it is for.", at)
            at += 1
            parts[-1] += text[at]
        elif character != "*":
            parts[-1] += character
        elif len(parts) == 1 or parts[-1]:
            parts.append("")  # two stars mean no more than one
        at += 1
    if at == start or (parts == [""] and not quoted):
        raise FilterError('A value is missing here. Write "" for an empty one.', start)
    if len(parts) - 1 > MOST_STARS:
        raise FilterError(f"A value takes at most {MOST_STARS} stars.", start)
    return tuple(parts), at


def _inside(text: str, start: int) -> tuple[str, int]:
    """What stands between two quotes, the first of them there, and where the term goes on."""
    found: list[str] = []
    at = start + 1
    while at < len(text):
        if text[at] == '"':
            return "".join(found), at + 1
        if text[at] == "\\" and text[at + 1 : at + 2] in ('"', "\\"):
            at += 1
        found.append(text[at])
        at += 1
    raise FilterError("This quote is not closed.", start)


def _quoted(literal: str) -> str:
    if not literal or _BARE.fullmatch(literal):
        return literal
    return '"' + literal.replace("\\", "\\\\").replace('"', '\\"') + '"'
