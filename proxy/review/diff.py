"""Two texts side by side, word by word: what only one of them has. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

from markupsafe import Markup

from proxy.review.marks import visible

MOST_WORDS = 1_500
"""Words of a text that are compared; what differs in longer ones is shown as one piece."""
_WORD = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")


class Piece(NamedTuple):
    """Some words in a row."""

    text: str
    changed: bool
    """Whether the other text has something else, or nothing, in their place."""


def words(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts in pieces; joined, the pieces of each are that text again."""
    start = _shared(before, after)
    rest = min(len(before), len(after)) - start
    end = _shared(before[::-1][:rest], after[::-1][:rest])
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    head, tail = Piece(before[:start], False), Piece(before[len(before) - end :], False)
    olds, news = _between(_WORD.findall(old), _WORD.findall(new))
    return _joined([head, *olds, tail]), _joined([head, *news, tail])


def shown(pieces: Iterable[Piece], kind: str) -> Markup:
    """The pieces, escaped, what changed as `ins` or `del`. `kind` is one of the two."""
    tag = "ins" if kind == "ins" else "del"
    opened, closed = Markup("<{}>").format(tag), Markup("</{}>").format(tag)
    return Markup().join(
        opened + visible(piece.text) + closed if piece.changed else visible(piece.text) for piece in pieces
    )


def _shared(one: str, other: str) -> int:
    """Characters that both begin with, up to the end of a word."""
    most = min(len(one), len(other))
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    while 0 < low < most and (one[low - 1] + one[low]).isalnum() | (other[low - 1] + other[low]).isalnum():
        low -= 1
    return low


def _between(old: list[str], new: list[str]) -> tuple[list[Piece], list[Piece]]:
    if max(len(old), len(new)) > MOST_WORDS:
        return [Piece("".join(old), True)], [Piece("".join(new), True)]
    olds, news = [], []
    for kind, a, b, c, d in SequenceMatcher(None, old, new).get_opcodes():
        olds.append(Piece("".join(old[a:b]), kind != "equal"))
        news.append(Piece("".join(new[c:d]), kind != "equal"))
    return olds, news


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    return list(_merged(piece for piece in pieces if piece.text))


def _merged(pieces: Iterator[Piece]) -> Iterator[Piece]:
    last: Piece | None = None
    for piece in pieces:
        if last is not None and last.changed == piece.changed:
            last = Piece(last.text + piece.text, last.changed)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last
