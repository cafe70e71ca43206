"""What stands beside a number: where one may begin and end, and the words to its left that say what it is."""

from __future__ import annotations

from collections.abc import Callable

import re2

REACH = 64
"""Code points to the left of a candidate that its decision may depend on."""

_LONG = 7
"""Letters from which a word is known also inside a longer one: `taxpayer` in `taxpayerIdNumber`."""
_JOINT = "[ _.'’/-]{0,2}"

Beside = Callable[[str], bool]


def starts(before: str) -> bool:
    """Whether a number may begin after this text: not in the middle of a word, a number or an id."""
    return not before or not (before[-1].isalnum() or _is_joined(before))


def ends(following: str) -> bool:
    """Whether a number may end before this character."""
    return not (following.isalnum() or following in ("_", "%", "$", "€", "£"))


def alone(before: str) -> bool:
    """Whether a number in groups may begin after this text: as `starts`, and not behind another number."""
    return starts(before) and not (before[-1:] in (" ", "\n", "\t") and before[-2:-1].isdecimal())


def _is_joined(before: str) -> bool:
    """Whether the sign that ends this text joins what follows to a word or number."""
    sign, previous = before[-1], before[-2:-1]
    if sign == "#":
        return previous == "#" or (previous.isalnum() and before[-5:-1].lower() in ("issue", "/pull"))
    if sign == ",":
        return _is_decimal(before)
    return sign in "_$€£" or (sign in ".-/%" and previous.isalnum())


def _is_decimal(before: str) -> bool:
    """Whether a comma ends the whole part of a number (`x = 3,1`), not a cell of a row (`Ada,3,`) or a date."""
    digits = before[:-1].rstrip("0123456789")
    whole = len(before) - 1 - len(digits)
    return 1 <= whole <= 3 and bool(digits) and digits[-1] not in _CELL


_CELL = "\n\t,;|-/.:"
"""Signs before the last digits of a cell or a date, and of no decimal number."""


def says(words: str, within: int | None = None) -> Beside:
    """Whether a text holds one of the words, in any case. Write them in lower case, with | between them.

    With `within`, at most that many code points, no digit or line break among them, may follow the word.
    A space in a word stands for any joint: `tax id` is also in `taxId` and `tax_id`. Short words stand alone.
    """
    rest = "" if within is None else rf"[^\d\n]{{0,{within}}}\z"
    last = r"(?:\PL|$)" if within is None else r"(?:[^\pL\d\n]|\z)"
    long, short, humps = [], [], []
    for word in words.split("|"):
        spelt = _JOINT.join(re2.escape(part) for part in word.split())
        if len(word.replace(" ", "")) >= _LONG:
            long.append(spelt)
            continue
        short.append(spelt)
        if word.isascii() and word.isalpha():
            humps.append(f"(?:^|\\PL){word}[A-Z]|[a-z]{word.capitalize()}(?:[^a-z]|$)")
    ways = [*long, rf"(?:^|\PL)(?:{'|'.join(short)}){last}"] if short else long
    known = re2.Set.SearchSet()
    known.Add(f"(?:(?i:{'|'.join(ways)}){''.join(f'|{hump}' for hump in humps)}){rest}")
    known.Compile()
    return lambda text: bool(known.Match(text.encode("utf-8", "surrogatepass")))


def near(words: str) -> Beside:
    """Whether a number may begin after a text that holds one of the words (as in `says`)."""
    told = says(words)
    return lambda before: starts(before) and told(before)
