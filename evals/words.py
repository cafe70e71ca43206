"""Two texts word by word: what they share, what only one of them has. The work is bounded, however long they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

SAME, GONE, NEW = "same", "gone", "new"
MOST_EDITS = 300
"""Words that may differ; texts that differ in more are shown one after the other, where they differ."""
ISLAND = 4
"""Characters of a shared piece that is not worth standing alone between two changes."""
LEAST_SHARED = 0.2
"""Share of the longer text that must be the same for a comparison by words to help a reader."""

Piece = tuple[str, str]
"""Kind (`same`, `gone`, `new`) and text."""
_WORD = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")


def diff(before: str, after: str) -> list[Piece]:
    """The pieces of both texts in reading order.

    The `same` and `gone` pieces joined are `before`, the `same` and `new` ones are `after`. Of two neighbours that
    differ, `gone` stands first.
    """
    old, new = _WORD.findall(before), _WORD.findall(after)
    head = _shared(old, new)
    old, new = old[head:], new[head:]
    tail = _shared(old[::-1], new[::-1])
    middle = _between(old[: len(old) - tail], new[: len(new) - tail])
    start, end = "".join(_WORD.findall(before)[:head]), "".join(old[len(old) - tail :])
    pieces = _tidy([(SAME, start), *middle, (SAME, end)])
    shared = sum(len(text) for kind, text in pieces if kind == SAME)
    if shared < LEAST_SHARED * max(len(before), len(after)):
        return _grouped([(GONE, before), (NEW, after)])
    return pieces


def excerpt(pieces: Iterable[Piece], around: int = 60, limit: int = 600) -> list[Piece]:
    """The pieces with long shared ones cut to what stands near a change, `limit` characters in all, cuts marked."""
    found = list(pieces)
    short: list[Piece] = []
    left = limit
    for place, (kind, text) in enumerate(found):
        if kind == SAME:
            text = _near(text, around, first=place == 0, last=place == len(found) - 1)
        if len(text) > left:
            return [*short, (kind, text[:left] + "…")]
        left -= len(text)
        short.append((kind, text))
    return short


def _near(text: str, around: int, *, first: bool, last: bool) -> str:
    if first and last:
        return text
    if first:
        return text if len(text) <= around else "…" + text[-around:]
    if last:
        return text if len(text) <= around else text[:around] + "…"
    return text if len(text) <= 2 * around else f"{text[:around]} … {text[-around:]}"


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """Words that both begin with."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _between(old: Sequence[str], new: Sequence[str]) -> list[Piece]:
    """A shortest way from the old words to the new ones (Myers 1986), or all of both when it is too long."""
    steps = _steps(old, new)
    if steps is None:
        return [(GONE, "".join(old)), (NEW, "".join(new))]
    pieces: list[Piece] = []
    x, y = len(old), len(new)
    for depth in range(len(steps) - 1, 0, -1):
        reach, diagonal = steps[depth - 1], x - y
        down = _goes_down(reach, diagonal, depth)
        before = diagonal + 1 if down else diagonal - 1
        from_x = reach[before]
        from_y = from_x - before
        pieces += [(SAME, word) for word in reversed(old[from_x + (not down) : x])]
        pieces.append((NEW, new[from_y]) if down else (GONE, old[from_x]))
        x, y = from_x, from_y
    pieces += [(SAME, word) for word in reversed(old[:x])]
    return pieces[::-1]


def _steps(old: Sequence[str], new: Sequence[str]) -> list[dict[int, int]] | None:
    """How far each diagonal reaches after 0, 1, 2 … edits, until both ends are reached; None when they are too far."""
    reach = {1: 0}
    steps: list[dict[int, int]] = []
    for depth in range(min(MOST_EDITS, len(old) + len(new)) + 1):
        for diagonal in range(-depth, depth + 1, 2):
            x = reach[diagonal + 1] if _goes_down(reach, diagonal, depth) else reach[diagonal - 1] + 1
            y = x - diagonal
            while x < len(old) and y < len(new) and old[x] == new[y]:
                x, y = x + 1, y + 1
            reach[diagonal] = x
            if x >= len(old) and y >= len(new):
                return [*steps, dict(reach)]
        steps.append(dict(reach))
    return None


def _goes_down(reach: Mapping[int, int], diagonal: int, depth: int) -> bool:
    """Whether the way to a diagonal comes by a new word, rather than by one that is gone."""
    return diagonal == -depth or (diagonal != depth and reach[diagonal - 1] < reach[diagonal + 1])


def _tidy(pieces: Sequence[Piece]) -> list[Piece]:
    """Shared crumbs between two changes become part of them: words, not confetti."""
    grouped = _grouped(pieces)
    whole: list[Piece] = []
    for place, (kind, text) in enumerate(grouped):
        inside = 0 < place < len(grouped) - 1
        if kind == SAME and inside and len(text.strip()) <= ISLAND:
            whole += [(GONE, text), (NEW, text)]
        else:
            whole.append((kind, text))
    return _grouped(_unspaced(_grouped(whole)))


def _unspaced(pieces: Sequence[Piece]) -> Iterable[Piece]:
    """Where one word stands for another, the space before both of them is shared."""
    place = 0
    while place < len(pieces):
        kind, text = pieces[place]
        after = pieces[place + 1] if place + 1 < len(pieces) else (SAME, "")
        if (kind, after[0]) == (GONE, NEW):
            lead = _space(text, after[1])
            yield from ((SAME, text[:lead]), (GONE, text[lead:]), (NEW, after[1][lead:]))
            place += 2
        else:
            yield kind, text
            place += 1


def _space(one: str, other: str) -> int:
    """Characters of white space that both begin with."""
    count = 0
    while count < min(len(one), len(other)) and one[count] == other[count] and one[count].isspace():
        count += 1
    return count


def _grouped(pieces: Iterable[Piece]) -> list[Piece]:
    """Neighbours of a kind joined; between two shared pieces what is gone stands before what is new."""
    found: list[tuple[str, list[str]]] = []
    gone, new = list[str](), list[str]()
    for kind, text in [*(piece for piece in pieces if piece[1]), (SAME, "")]:
        if kind != SAME:
            (gone if kind == GONE else new).append(text)
            continue
        found += [(changed, texts) for changed, texts in ((GONE, gone), (NEW, new)) if any(texts)]
        gone, new = [], []
        if found and found[-1][0] == SAME:
            found[-1][1].append(text)
        elif text:
            found.append((SAME, [text]))
    return [(kind, "".join(texts)) for kind, texts in found]
