"""Golden inputs that are almost the same: as one another, or as words of a prompt.

Two texts are alike by the share of four-character pieces that they have in common (Jaccard). Candidates come from
min-wise hashes in bands, so time grows with the text and not with the pairs; what is reported is measured exactly.
Texts with other numbers in them ask for other things, and short ones differ by a letter: neither is reported.
Nothing here is random: the same items always give the same pairs.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evals.golden import Item, canonical

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pieces = NDArray[np.uint64]

ALIKE = 0.8
"""Share of pieces in common from which two texts are reported."""
PIECE = 4
BANDS, ROWS = 20, 5
"""Of two texts at 0.8 one pair in 2,500 is missed, of two at 0.9 none that anybody will see."""
LEADERS = 4
"""Texts of one band that the others of it are held against."""
_SAME = 2.0
SHORTEST = 3
"""Words that a text needs before its standing in a prompt means anything."""
COMPARED = 5
"""Words that a text needs before its being like another does."""
LONG, RUN, MOST = 8, 4, 0.8
"""A text of so many words also stands in a prompt when this share of its runs of four words does."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two items with inputs that are alike."""

    first: str
    second: str
    likeness: float
    """From ALIKE to 1: the share of pieces that they have in common."""
    is_same: bool = False
    """Whether nothing but case, spacing and the mark at the end tells the whole inputs apart."""


def pairs(items: Sequence[Item]) -> list[Pair]:
    """Each item that is like an earlier one, with the one that it is most like, ordered by id.

    About 0.2 ms an item of 60 characters; memory for 100 numbers an item.
    """
    ordered = sorted(items, key=lambda item: str(item["id"]))
    ids = [str(item["id"]) for item in ordered]
    same: dict[str, int] = {}
    best: dict[int, tuple[float, int]] = {}
    for at, item in enumerate(ordered):
        first = same.setdefault(_whole(item["input"]), at)
        if first != at:
            best[at] = (_SAME, first)
    said = {at: _said(item["input"]) for at, item in enumerate(ordered) if at not in best}
    texts = {at: text for at, text in said.items() if len(text.split()) >= COMPARED}
    for likeness, first, second in _alike(texts):
        known = best.get(second, (0.0, 0))
        if (likeness, -first) > (known[0], -known[1]):
            best[second] = (likeness, first)
    return [
        Pair(ids[first], ids[at], min(likeness, 1.0), likeness == _SAME)
        for at, (likeness, first) in sorted(best.items())
    ]


def standing_in(prompt: str, items: Sequence[Item]) -> list[str]:
    """Ids of the items whose words, or nearly all of them, stand in a text, in order."""
    text = f" {plain(prompt)} "
    words = text.split()
    runs = {tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}
    return [
        str(item["id"])
        for item in items
        if any(_stands(plain(said), text, runs) for said in spoken(item["input"]))
    ]


def spoken(given: Mapping[str, Any]) -> list[str]:
    """What the user says in an input, one text for each turn; of messages nobody spoke, what they hold."""
    if question := given.get("question"):
        return [question]
    if turns := given.get("turns"):
        return [*turns]
    messages = given.get("messages") or []
    said = [text for one in messages if one.get("role") == "user" for text in _contents(one)]
    return said or [text for one in messages for text in _contents(one)]


def plain(text: str) -> str:
    """A text without case, punctuation and forms of writing: words with single spaces."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(re.findall(r"\w+", folded))


def _contents(message: Mapping[str, Any]) -> list[str]:
    content = message.get("content")
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]


def _said(given: Mapping[str, Any]) -> str:
    return plain(" ".join(spoken(given)))


def _whole(given: Mapping[str, Any]) -> str:
    """An input in which what the user says is written in one way. Signs stay: `2+2` is not `2*2`."""
    said = [_in_one_way(text) for text in spoken(given)]
    rest = {key: value for key, value in given.items() if key not in ("question", "turns", "messages")}
    others = [
        message if message.get("role") != "user" else {"role": "user", "more": _more(message)}
        for message in given.get("messages") or []
    ]
    return canonical([said, rest, others])


def _in_one_way(text: str) -> str:
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return folded.rstrip("?!. ") or folded


def _more(message: Mapping[str, Any]) -> Any:
    """What a user's message holds beside texts: pictures, files."""
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return [part for part in parts if not (isinstance(part, dict) and isinstance(part.get("text"), str))]


def _stands(said: str, text: str, runs: set[tuple[str, ...]]) -> bool:
    words = said.split()
    if len(words) < SHORTEST:
        return False
    if f" {said} " in text:
        return True
    own = {tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}
    return len(words) >= LONG and len(own & runs) >= MOST * len(own)


def _alike(texts: Mapping[int, str]) -> list[tuple[float, int, int]]:
    """Likeness, first and second of the texts that are alike, by their keys."""
    if not texts:
        return []
    import numpy as np

    keys = [*texts]
    pieces = {key: _pieces(texts[key]) for key in keys}
    signatures = np.array([_signature(pieces[key]) for key in keys], dtype=np.uint64)
    found = []
    tried: set[tuple[int, int]] = set()
    numbers = [" ".join(re.findall(r"\d+", texts[key])) for key in keys]
    for members in _bands(signatures, numbers):
        for first, second in _candidates(members, signatures):
            if (first, second) in tried:
                continue
            tried.add((first, second))
            likeness = _jaccard(pieces[keys[first]], pieces[keys[second]])
            if likeness >= ALIKE:
                found.append((likeness, keys[first], keys[second]))
    return found


def _bands(signatures: NDArray[np.uint64], numbers: Sequence[str]) -> list[list[int]]:
    """Rows that agree in their numbers and in a whole band of their signatures, the earliest first; each set once."""
    groups: set[tuple[int, ...]] = set()
    for band in range(BANDS):
        part = signatures[:, band * ROWS : (band + 1) * ROWS]
        bucket = defaultdict[tuple[str, bytes], list[int]](list)
        for row in range(len(part)):
            bucket[numbers[row], part[row].tobytes()].append(row)
        groups.update(tuple(rows) for rows in bucket.values() if len(rows) > 1)
    return [[*rows] for rows in sorted(groups)]


def _candidates(members: list[int], signatures: NDArray[np.uint64]) -> list[tuple[int, int]]:
    """Pairs of a band worth measuring: its leaders, each with the others whose signatures agree enough."""
    import numpy as np

    found: list[tuple[int, int]] = []
    waiting = np.array(members)
    for _ in range(LEADERS):
        if len(waiting) < 2:
            break
        leader, others = int(waiting[0]), waiting[1:]
        agree = (signatures[others] == signatures[leader]).mean(axis=1) >= ALIKE - 0.12
        found += [(leader, int(other)) for other in others[agree]]
        waiting = others[~agree]
    return found


def _pieces(text: str) -> Pieces:
    """Hashes of the pieces of a text, sorted, each once."""
    import numpy as np

    points = np.frombuffer(f"{text:<{PIECE}}".encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    hashed = np.zeros(len(points) - PIECE + 1, dtype=np.uint64)
    for at in range(PIECE):
        hashed = hashed * np.uint64(0x9E3779B97F4A7C15) + points[at : at + len(hashed)]
    return np.unique(_mixed(hashed))


def _signature(pieces: Pieces) -> Pieces:
    """For each of the hash functions the least value over the pieces."""
    import numpy as np

    least = np.full(BANDS * ROWS, np.iinfo(np.uint64).max, dtype=np.uint64)
    seeds = _mixed(np.arange(1, BANDS * ROWS + 1, dtype=np.uint64) * np.uint64(0xD1B54A32D192ED03))
    for start in range(0, len(pieces), 4096):
        block = pieces[start : start + 4096, None] ^ seeds[None, :]
        least = np.minimum(least, _mixed(block).min(axis=0))
    return least


def _mixed(values: Pieces) -> Pieces:
    """Each number spread over all 64 bits, the same number always to the same."""
    import numpy as np

    mixed = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    return mixed ^ (mixed >> np.uint64(29))


def _jaccard(one: Pieces, other: Pieces) -> float:
    import numpy as np

    common = len(np.intersect1d(one, other, assume_unique=True))
    return round(common / (len(one) + len(other) - common), 6)
