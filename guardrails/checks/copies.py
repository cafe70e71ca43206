"""Which texts of a conversation stand, word for word, in another text: case, spaces and punctuation do not count."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from sys import byteorder
from unicodedata import normalize

from guardrails.errors import Exhausted

_SIGNS = bytes(code for code in range(128) if not chr(code).isalnum())
SHORTEST = 16
"""Bytes of the shortest common stretch that is looked for."""
_SIZE = 8
MOST_WORK = 4_000_000_000
"""Characters that may be read to compare the texts of one conversation with what is judged."""
_APART = b"\0"
"""Stands between two texts: what is folded never holds it."""


_INVISIBLE = re.compile("[\u00ad\u034f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")


def fold(text: str) -> bytes:
    """A text without ASCII punctuation, white space and invisible signs, in lower case, as UTF-8.

    Other forms of a character, such as full-width digits, are that character.
    """
    if not text.isascii():
        text = normalize("NFKC", _INVISIBLE.sub("", text))
    return text.lower().encode("utf-8", "surrogatepass").translate(None, _SIGNS)


class Work:
    """Counts what is read to judge something, so that no text makes judging it take for ever."""

    def __init__(self, most: int = MOST_WORK) -> None:
        self._left = most

    def spend(self, characters: int) -> None:
        """Notes that so many are about to be read. Raises Exhausted when that is too much."""
        self._left -= characters
        if self._left < 0:
            raise Exhausted


class Texts:
    """Some texts, folded and indexed when they are first asked for. Reading them is counted as work."""

    def __init__(self, texts: Iterable[str], work: Work | None = None) -> None:
        self._texts = list(dict.fromkeys(text for text in texts if text))
        self._work = work or Work()

    @cached_property
    def _size(self) -> int:
        """What it costs to look through all texts: that of a text is more than its length."""
        return sum(map(len, self._texts)) + 256 * len(self._texts)

    def __bool__(self) -> bool:
        return bool(self._texts)

    @cached_property
    def folded(self) -> bytes:
        """All texts, folded."""
        return _APART.join(map(fold, self._texts))

    def hold(self, text: str) -> bool:
        """Whether a text stands in one of them as it is written."""
        self._work.spend(self._size)
        return any(text in each for each in self._texts)

    def known(self, text: str) -> int:
        """Characters at the beginning of a text that stand in one of them as they are written."""
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self.hold(text[:middle]):
                low = middle
            else:
                high = middle - 1
        return low

    def copied(self, text: str, least: int = SHORTEST) -> bytes:
        """The longest stretch, folded, that a text has in common with one of them; empty when under `least` bytes.

        `least` is SHORTEST or more: of any common stretch of that length a whole piece of the index is part.
        """
        piece = fold(text)
        if len(piece) < least or not self._texts:
            return b""
        index = self._index
        if all(index.isdisjoint(_pieces(piece, shift)) for shift in range(_SIZE)):
            return b""
        folded, longest, at, done = self.folded, b"", 0, 0
        while at <= len(piece) - _SIZE:
            part = piece[at : at + _SIZE]
            if int.from_bytes(part, byteorder) not in index:
                at += 1
                continue
            first, last = _extended(piece, at, folded, folded.find(part), done)
            self._work.spend(8 * (last - at) + (len(folded) >> 3))
            if last - first > len(longest):
                longest = piece[first:last]
            at = max(at + 1, last - _SIZE + 1)
            if last - first >= least:
                done = at  # a copy that was seen is not looked through again
        return longest if len(longest) >= least else b""

    @cached_property
    def _index(self) -> frozenset[int]:
        """Every piece that begins at a multiple of its size, as a number: numbers are made many at a time."""
        return frozenset(_pieces(self.folded, 0))


def _pieces(folded: bytes, shift: int) -> Sequence[int]:
    """The pieces of a folded text one behind the other, the first at `shift`, as numbers."""
    size = (len(folded) - shift) // _SIZE * _SIZE
    return memoryview(folded)[shift : shift + size].cast("Q") if size > 0 else ()


def _extended(piece: bytes, at: int, folded: bytes, place: int, done: int) -> tuple[int, int]:
    """The common stretch of two texts around a place where they agree, as offsets in the first."""
    last, beyond = at + _SIZE, place + _SIZE
    while last < len(piece) and beyond < len(folded) and piece[last] == folded[beyond]:
        last, beyond = last + 1, beyond + 1
    first, before = at, place
    while first > done and before > 0 and piece[first - 1] == folded[before - 1]:
        first, before = first - 1, before - 1
    return first, last
