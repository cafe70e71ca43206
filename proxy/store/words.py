"""Texts as words, the same for every database: what the index holds, what a search asks for, and when they agree.

Databases cut texts in their own ways, so that one search would find different traces in each. Here the words are cut
once and handed over ready.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from unicodedata import normalize

LONGEST_WORD = 64
"""Characters of a word that count; the rest is cut off, in the index and in a search."""
MOST_PLACES = 250
"""Places in one text at which a word is found. PostgreSQL knows 255."""
BREAK = "\ue000"
"""Stands between two texts, and for a word in too many places, so that no phrase runs across it. Never asked for."""

_ACCENTS = re.compile("[\u0300-\u036f]+")
_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u3040-\u30ff\u31f0-\u31ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_WORD = re.compile(rf"(?![_\W])[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W_])+")
_ASCII_WORD = re.compile("[0-9a-z]+")


def words(text: str) -> list[str]:
    """The words of a text in order: runs of letters and digits, in lower case and without accents.

    Each character of a script that writes no spaces is a word, so that a phrase finds any part of such a text.
    """
    if text.isascii():
        found = _ASCII_WORD.findall(text.lower())
    else:
        plain = normalize("NFC", _ACCENTS.sub("", normalize("NFKD", text)))
        # Folding may take letters apart again.
        found = _WORD.findall(_ACCENTS.sub("", normalize("NFKC", plain.casefold())))
    return [word[:LONGEST_WORD] for word in found]


def indexed(texts: Iterable[str], longest: int) -> list[str]:
    """The words of some texts as the index holds them, at most so many characters with a space behind each."""
    found: list[str] = []
    left, places = longest, Counter[str]()
    for text in texts:
        for word in words(text[:left]):
            left -= len(word) + 1
            if left < 0:
                return found
            places[word] += 1
            found.append(word if places[word] <= MOST_PLACES else BREAK)
        found.append(BREAK)
        left -= 2
        if left <= 0:
            break
    return found


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that follow one another."""

    words: tuple[str, ...]
    prefix: bool = False
    """Whether the last one is only how a word begins."""

    def stands_in(self, found: Sequence[str]) -> bool:
        """Whether indexed words have it."""
        size, exact = len(self.words), len(self.words) - self.prefix
        return any(
            tuple(found[at : at + exact]) == self.words[:exact]
            and (not self.prefix or found[at + exact].startswith(self.words[-1]))
            for at in range(len(found) - size + 1)
        )

    def for_sqlite(self) -> str:
        """The same for FTS5."""
        return f'"{" ".join(self.words)}"' + (" *" if self.prefix else "")

    def for_postgresql(self) -> str:
        """The same as the text of a tsquery."""
        return " <-> ".join(f"'{word}'" for word in self.words) + (":*" if self.prefix else "")


def tsvector(found: Sequence[str]) -> str:
    """Indexed words as the text of a tsvector, each with its places."""
    places: dict[str, list[str]] = {}
    for at, word in enumerate(found, 1):
        if word != BREAK:
            places.setdefault(word, []).append(str(at))
    return " ".join(f"'{word}':{','.join(at)}" for word, at in places.items())
