"""What the values of a filter's terms are: patterns, numbers with units, times, switches."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches

from proxy.errors import plain_name
from proxy.store.filter_text import FilterError, Pattern, Term

UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
SWITCH = {"true": True, "yes": True, "false": False, "no": False}
_AGE = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_NUMBER = re.compile(r"\$?(\d{1,12}(?:\.\d{1,9})?)([a-z]*)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

MICROSECONDS = {"": 1_000_000, "us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000}
"""How a duration is stored, by its unit; without one it is seconds."""
NANODOLLARS = {"": 1_000_000_000}
PLAIN = {"": 1}


def moment(text: str, now_us: int) -> int | None:
    """Microseconds UTC of an RFC 3339 time, or of an age (`24h` ago); None for anything else."""
    if age := _AGE.fullmatch(text):
        return now_us - int(age[1]) * UNIT_S[age[2]] * 1_000_000
    try:
        # A plus sign in a URL that was not escaped arrives as a space.
        when = datetime.fromisoformat(text.replace(" ", "+"))
        return None if when.tzinfo is None else (when - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None


def told(us: int) -> str:
    """A time as filters write it."""
    when = _EPOCH + timedelta(microseconds=min(max(us, 0), 253_402_300_799_999_999))
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def microseconds(text: str) -> int:
    """The time behind what `told` wrote."""
    return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND


def number(text: str, units: dict[str, int]) -> Decimal | None:
    """A number in the unit that is stored; None for anything else."""
    found = _NUMBER.fullmatch(text)
    if (
        found is None
        or found[2] not in units
        or (text[0] == "$") != (units is NANODOLLARS and text[0] == "$")
    ):
        return None
    return Decimal(found[1]) * units[found[2]]


def one(term: Term) -> str:
    """The single literal value of a term. Raises FilterError for a list or a star."""
    if len(term.values) != 1 or len(term.values[0]) != 1:
        raise FilterError(f"{term.field} takes one value, without a star.", term.at)
    return term.values[0][0]


def known(term: Term, words: tuple[str, ...]) -> Term:
    """The term, if its values without stars are among the words. Raises FilterError."""
    for value in term.values:
        if len(value) == 1 and value[0] not in words:
            meant = nearest(value[0], words)
            raise FilterError(
                f"{term.field} is not {plain_name(value[0])}.{meant} It takes {', '.join(words)}.", term.at
            )
    return term


def nearest(word: str, words: tuple[str, ...]) -> str:
    """A sentence that asks for the word that was meant; empty when none is near."""
    found = get_close_matches(word[:64].lower(), words, 1)
    return f" Did you mean {found[0]}?" if found else ""


def at_first(pattern: Pattern, mark: str) -> tuple[Pattern, Pattern] | None:
    """A pattern cut in two at the first place of a character; None when it has none."""
    for place, literal in enumerate(pattern):
        head, found, tail = literal.partition(mark)
        if found:
            return (*pattern[:place], head), (tail, *pattern[place + 1 :])
    return None


def at_last(pattern: Pattern, mark: str) -> tuple[Pattern, Pattern] | None:
    """The same at the last place."""
    for place in range(len(pattern) - 1, -1, -1):
        head, found, tail = pattern[place].rpartition(mark)
        if found:
            return (*pattern[:place], head), (tail, *pattern[place + 1 :])
    return None


def agrees(pattern: Pattern, value: str | None) -> bool:
    """Whether a value is as a pattern says. The same in Python as in the databases."""
    if value is None:
        return False
    return re.fullmatch(".*".join(map(re.escape, pattern)), value, re.S) is not None
