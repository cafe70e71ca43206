"""The grammar of opaque tokens: `ENTITY_` and ten hex digits, recognised however a model writes them down."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterator
from functools import cache

from guardrails.prefixes import read
from guardrails.regexes import Find, finder

DIGITS = 10
"""Hex digits of a token."""

_GAP = "[-_ \\\\\r\n\u00a0\u00ad\u200b-\u200d\u2010\u2011\u2060\ufeff]"
"""What may stand between the letters of a token: separators, markdown's backslash, breaks, unseen characters."""
_GAPS = re.compile(_GAP)
_WIDEST = 3
"""Characters that may stand between two letters, e.g. a hyphen and a line end."""
_TAIL = re.compile(rf"{_GAP}(?=([0-9a-fA-F](?:{_GAP}{{0,{_WIDEST}}}[0-9a-fA-F]){{{DIGITS - 1}}}))")
_SHAPE = f"{_GAP}(?:[0-9a-fA-F]{_GAP}{{0,{_WIDEST}}}){{{DIGITS - 1}}}[0-9a-fA-F]"
_UNFIT = re.compile(r"[^A-Z0-9_]")


def joins(letter: str) -> bool:
    """Whether a character goes on a word that stands before it, as letters of scripts with spaces do."""
    return letter.isalnum() and (letter < "\u0e00" or "\u1e00" <= letter < "\u2000")


def shaped(text: str) -> bool:
    """Whether anything in a text looks like the digits of a token, of whomever it may be."""
    return _shape()(text.encode("utf-8", "surrogatepass"), 0)[0][0] >= 0


@cache
def _shape() -> Find:
    return finder(read(_SHAPE).scan, groups=False)


def spelt(entity: str) -> str:
    """An entity's name as its tokens write it: capitals, digits and underscores."""
    return _UNFIT.sub("_", entity.upper())


def bare(token: str) -> str:
    """A token without its underscores: two tokens that share it could not be told apart."""
    return token.replace("_", "")


class Tokens:
    """Finds a set of tokens in text, in linear time.

    Letters may have another case, and up to three gap characters may stand between two of them. A token that does
    not begin with a capital has to begin a word: so prose in small letters is seldom taken for a beginning.
    """

    __slots__ = ("_by_digest", "_by_name", "_firsts", "_reach")

    def __init__(self) -> None:
        self._by_digest: dict[str, list[str]] = {}
        self._by_name: dict[str, list[str]] = {}
        self._firsts = ""
        self._reach = 0

    def add(self, token: str) -> None:
        """Takes a token up; none with the same `bare` was taken up before."""
        name, digest = bare(token)[:-DIGITS], token[-DIGITS:]
        names = self._by_digest.setdefault(digest, [])
        names.append(name)
        names.sort(key=len, reverse=True)  # EMAIL_ADDRESS is not to be taken for ADDRESS
        insort(self._by_name.setdefault(name, []), digest)
        self._firsts = "".join({*self._firsts, name[:1]})
        self._reach = max(self._reach, (len(name) + DIGITS) * (1 + _WIDEST))

    def find(self, text: str, start: int) -> Iterator[tuple[int, int, str]]:
        """(start, end, bare token) of each token in text[start:], by where their digits stand."""
        if not self._by_digest:
            return
        for tail in _TAIL.finditer(text, start):
            digest = _GAPS.sub("", tail[1]).lower()
            for name in self._by_digest.get(digest, ()):
                begin = self._begin(text, tail.end(), name, start)
                if begin >= 0:
                    yield begin, tail.end(1), name + digest
                    break

    def hold(self, text: str, start: int) -> int:
        """The first position at or after start from which the text may still become a token."""
        for place in range(max(start, len(text) - self._reach), len(text)):
            if text[place].upper() in self._firsts and self._may_begin(text, place):
                tail = _GAPS.sub("", text[place:]).upper()
                if self._opens(tail):
                    return place
        return len(text)

    def _begin(self, text: str, end: int, name: str, start: int) -> int:
        """Where `name` begins if it stands before the digits at `end`; -1 if it does not."""
        place = end
        for letter in reversed(name):
            least = max(start, place - _WIDEST)
            while place > least and _GAPS.match(text, place - 1):
                place -= 1
            place -= 1
            if place < start or text[place].upper() != letter:
                return -1
        return place if self._may_begin(text, place) else -1

    def _may_begin(self, text: str, place: int) -> bool:
        return place == 0 or text[place] in self._firsts or not joins(text[place - 1])

    def _opens(self, tail: str) -> bool:
        """Whether a token begins with `tail`, which is in capitals and without gaps, and goes on after it."""
        for name, digests in self._by_name.items():
            if name.startswith(tail):
                return True
            if tail.startswith(name) and len(tail) < len(name) + DIGITS:
                digits = tail[len(name) :].lower()
                at = bisect_left(digests, digits)
                if at < len(digests) and digests[at].startswith(digits):
                    return True
        return False
