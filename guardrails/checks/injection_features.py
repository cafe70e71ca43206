"""What the injection model sees of a text: hashed character and word n-grams of windows of sentences.

Everything is computed once over the whole text; a window's features are ranges of those arrays, so that the cost
is linear in the text's length however many windows there are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from guardrails.sentences import sentences

BITS = 19
"""The table of weights has 2**BITS entries."""

PIECE = 240
"""Code points after which a sentence is cut, at white space where there is some."""

WINDOW = 3
"""Most pieces in a window."""

BLOCK = 512
"""Pieces that are looked at together."""

REACH = 480
"""Most code points in a window of more than one piece."""

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]

_LABEL = re.compile(
    r"[\s\"'{,>*-]{0,9}(?:subject|content|message|body|text|title|description|comment|note|summary|snippet|value)"
    r"[\"'*]{0,3}\s{0,3}:[\s\"'*]{1,9}(?=\w)",
    re.IGNORECASE,
)
"""The name of a field before its value, as in "CONTENT: Hello": the value is a sentence of its own."""

_WORD = 2.0
_OPENING = 4.0

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_LETTERS = 48
"""Letters of a word that count; longer words differ by these only."""


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of feature. Feature i starts at unit i; a window holds those that start in it and end in it."""

    hashes: Hashes
    """Table entry of each feature, in order of their start."""
    first: Ints
    """For each window, its first feature."""
    last: Ints
    """For each window, one past its last feature; never less than first."""
    weight: float = 1.0
    """How much one feature counts beside a run of characters: a word says more."""


@dataclass(frozen=True, slots=True)
class Windows:
    """A text as windows of one to three consecutive sentences, and their features."""

    starts: Ints
    """First code point of each window, in the text as it was given."""
    ends: Ints
    """One past the last code point."""
    counts: Ints
    """Sentences in each window."""
    families: tuple[Family, ...]

    @property
    def sizes(self) -> Ints:
        """Number of features of each window."""
        total: Ints = np.sum([family.last - family.first for family in self.families], axis=0)
        return total


def windows(text: str) -> Windows:
    """The windows of a text that is no longer than a block. A text without letters has none."""
    spans = pieces(text)
    return _windows(text, spans, 0)


def blocks(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[Windows]:
    """The windows of a text of any length, from its pieces; what a block needs of memory is bounded."""
    for at in range(0, len(spans), BLOCK):
        # The last windows of a block reach into the next one.
        group = spans[at : at + BLOCK + WINDOW - 1]
        offset = group[0][0]
        yield _windows(text[offset : group[-1][1]], [(a - offset, b - offset) for a, b in group], offset)


def _windows(text: str, spans: Sequence[tuple[int, int]], offset: int) -> Windows:
    codes = _folded(text)
    firsts = np.array([start for start, _ in spans], dtype=np.int64)
    lasts = np.array([end for _, end in spans], dtype=np.int64)
    begin, stop = _runs(firsts, lasts)
    keep, index = _collapsed(codes)
    squeezed = codes[keep]
    # A blank on both sides belongs to the window, so that n-grams know where it begins and ends.
    low = index[firsts[begin] + 1] - 1
    high = np.minimum(index[lasts[stop]] + 2, len(squeezed))
    families = [
        *_characters(squeezed, low, high),
        *_words(squeezed, index, firsts + 1, (begin, stop), (low, high)),
    ]
    return Windows(firsts[begin] + offset, lasts[stop] + offset, stop - begin + 1, tuple(families))


def pieces(text: str) -> list[tuple[int, int]]:
    """Ranges of the sentences of a text, long ones cut, without those that hold no letter."""
    found: list[tuple[int, int]] = []
    for start, end in sentences(text):
        label = _LABEL.match(text, start, end)
        if label:
            found.append((start, label.end()))
            start = label.end()
        while end - start > PIECE:
            cut = text.rfind(" ", start + PIECE // 2, start + PIECE)
            cut = start + PIECE if cut < 0 else cut + 1
            found.append((start, cut))
            start = cut
        found.append((start, end))
    return [(start, end) for start, end in found if any(map(str.isalpha, text[start:end]))]


def _runs(firsts: Ints, lasts: Ints) -> tuple[Ints, Ints]:
    """First and last piece of every window, single pieces first."""
    count = len(firsts)
    every = np.arange(count)
    begin, stop = [every], [every]
    for more in range(1, WINDOW):
        head = every[: max(0, count - more)]
        fits = lasts[head + more] - firsts[head] <= REACH
        begin.append(head[fits])
        stop.append(head[fits] + more)
    return np.concatenate(begin), np.concatenate(stop)


@cache
def _tables() -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """For every code point of the basic plane: what it is folded to, and whether it belongs to a word."""
    fold = np.arange(0x10000, dtype=np.uint32)
    word = np.zeros(0x10000, dtype=bool)
    for code in range(0x10000):
        char = chr(code)
        lower = char.lower()
        word[code] = char.isalnum() or unicodedata.category(char)[0] == "M"
        if char.isdigit():
            fold[code] = ord("0")
        elif char.isspace():
            fold[code] = ord(" ")
        elif len(lower) == 1:
            fold[code] = ord(lower)
    for quotes, plain in (("‘’‚`´", "'"), ("“”„«»「」", '"'), ("–—―", "-")):
        fold[[ord(quote) for quote in quotes]] = ord(plain)
    return fold, word


def _folded(text: str) -> NDArray[np.uint32]:
    """A blank, the code points in lower case (digits as 0, white space as blanks, quotes as plain ones), two blanks."""
    codes = np.frombuffer(f" {text}  ".encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    fold, _ = _tables()
    return np.where(codes < 0x10000, fold[np.minimum(codes, 0xFFFF)], codes)


def _collapsed(codes: NDArray[np.uint32]) -> tuple[NDArray[np.bool_], Ints]:
    """Which code points stay when runs become short (one blank, three of anything else), and each one's place
    after that."""
    same = codes[1:] == codes[:-1]
    keep = np.ones(len(codes), dtype=bool)
    keep[1:] = ~(same & (codes[1:] == ord(" ")))
    keep[3:] &= ~(same[2:] & same[1:-1] & same[:-2])
    return keep, np.cumsum(keep) - 1


def _table_entry(hashes: Hashes, salt: int) -> Hashes:
    mixed = (hashes + np.uint64(salt)) * _MULTIPLIER
    mixed ^= mixed >> np.uint64(29)
    return (mixed * _MULTIPLIER) >> np.uint64(64 - BITS)


def _characters(codes: NDArray[np.uint32], low: Ints, high: Ints) -> list[Family]:
    """Runs of three to five characters."""
    wide = codes.astype(np.uint64)
    found = []
    hashes = wide
    for length in range(2, 6):
        hashes = hashes[: max(0, len(hashes) - 1)] * np.uint64(0x100000001B3) + wide[length - 1 :]
        if length > 2:
            first = np.minimum(low, len(hashes))
            found.append(Family(_table_entry(hashes, length), first, np.maximum(high - length + 1, first)))
    return found


def _words(
    codes: NDArray[np.uint32], index: Ints, firsts: Ints, runs: tuple[Ints, Ints], spans: tuple[Ints, Ints]
) -> list[Family]:
    """Words, pairs of neighbours, pairs with one word between, and the words with which pieces begin."""
    _, table = _tables()
    inside = np.where(codes < 0x10000, table[np.minimum(codes, 0xFFFF)], True)
    edges = np.flatnonzero(np.diff(inside.astype(np.int8), prepend=0, append=0))
    starts, ends = edges[0::2], edges[1::2]
    # A word of no length at the end, so that "the next word" always exists.
    words = np.append(_word_hashes(codes, starts, ends), np.zeros(2, dtype=np.uint64))
    from_word = np.searchsorted(starts, spans[0])
    to_word = np.maximum(np.searchsorted(ends, spans[1], side="right"), from_word)
    second, third = np.roll(words, -1), np.roll(words, -2)
    factor = np.uint64(0x100000001B3)
    found = [
        Family(_table_entry(words, 11), from_word, to_word, _WORD),
        Family(
            _table_entry(words * factor + second, 12), from_word, np.maximum(to_word - 1, from_word), _WORD
        ),
        Family(
            _table_entry(words * factor + third, 13), from_word, np.maximum(to_word - 2, from_word), _WORD
        ),
    ]
    opening = np.minimum(np.searchsorted(starts, index[firsts]), max(0, len(words) - 2))
    begin, stop = runs[0], runs[1] + 1
    found.append(Family(_table_entry(words[opening], 14), begin, stop, _OPENING))
    found.append(Family(_table_entry((words * factor + second)[opening], 15), begin, stop, _OPENING))
    return found


def _word_hashes(codes: NDArray[np.uint32], starts: Ints, ends: Ints) -> Hashes:
    """One hash a word, of its first letters."""
    if not len(starts):
        return np.zeros(0, dtype=np.uint64)
    place = np.arange(len(codes)) - np.repeat(
        np.append(0, starts), np.diff(np.concatenate(([0], starts, [len(codes)])))
    )
    powers = np.cumprod(np.full(_LETTERS, 0xD6E8FEB86659FD93, dtype=np.uint64))
    weighted = codes.astype(np.uint64) * powers[np.minimum(place, _LETTERS - 1)]
    total = np.concatenate(([np.uint64(0)], np.cumsum(weighted)))
    stops = np.minimum(ends, starts + _LETTERS)
    hashes: Hashes = total[stops] - total[starts]
    return hashes
