"""Where sentences stand in a text. English-leaning rules, no model, no data files."""

from __future__ import annotations

import re

_ABBREVIATIONS = re.compile(
    r"(?:mr|mrs|ms|dr|prof|rev|gen|col|lt|sgt|capt|sen|rep|gov|hon|jr|sr|st|mt|ft|nos?|vs|etc|eg|ie|cf|al|fig|vol|pp|ca"
    r"|approx|dept|est|inc|ltd|co|corp|bros|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)"
)
_END = re.compile(r"""(?<![.!?…])[.!?…]++["'”’)\]*]*+(?=\s)|[。！？]+[”’」』）]*|\n""")
_WORD_BEFORE = re.compile(r"(\S+)$")


def sentences(text: str) -> list[tuple[int, int]]:
    """Ranges of the sentences in a text, in order, without surrounding white space.

    Every character that is not white space lies in exactly one range. A line break always ends a sentence, so
    that headings and list items stand alone; the full stop of an abbreviation, an initial or a list number
    ("3.") does not.
    """
    found: list[tuple[int, int]] = []
    start = 0
    for end in _END.finditer(text):
        if end.group()[0] == "." and _continues(text, start, end.start(), end.end()):
            continue
        _append(found, text, start, end.end())
        start = end.end()
    _append(found, text, start, len(text))
    return found


def _append(found: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        first = start + piece.index(stripped[0])
        found.append((first, first + len(stripped)))


def _continues(text: str, start: int, stop: int, end: int) -> bool:
    """Whether the full stop at `stop` stands inside a sentence."""
    after = text[end : end + 24].lstrip(" \t")
    if after[:1].islower():
        return True
    before = _WORD_BEFORE.search(text, max(start, stop - 24), stop)
    if before is None:
        return False
    word = before.group(1).lstrip("(\"'“‘[").replace(".", "").lower()
    initial = len(word) == 1 and word.isalpha()
    list_number = word.isdigit() and not text[start : before.start(1)].strip()
    return initial or list_number or _ABBREVIATIONS.fullmatch(word) is not None
