"""Which characters stand for which ASCII character, and which stand for none: the tables of de-obfuscation.

Nothing here looks at neighbours: every character is folded, removed or left alone by itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import chain

TAGS = range(0xE0020, 0xE007F)
"""Invisible characters that each shadow one printable ASCII character."""


def _removed() -> list[int]:
    """Characters without a shape of their own: invisible, directing, selecting or combining."""
    ranges = [
        (0x00AD, 0x00AD),
        (0x0300, 0x036F),
        (0x061C, 0x061C),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x200B, 0x200F),
        (0x202A, 0x202E),
        (0x2060, 0x206F),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF),
        (0xFFA0, 0xFFA0),
        (0xE0000, 0xE01EF),
    ]
    return [code for first, last in ranges for code in range(first, last + 1)]


_BLOCKS = (
    range(0x80, 0x400),
    range(0x600, 0x3100),
    range(0xA600, 0xAC00),
    range(0xFB00, 0x10000),
    range(0x10400, 0x10E00),
    range(0x11000, 0x11E00),
    range(0x16A00, 0x16C00),
    range(0x1CC00, 0x1CE00),
    range(0x1D400, 0x1D800),
    range(0x1E100, 0x1EA00),
    range(0x1F100, 0x1F200),
    range(0x1FB00, 0x1FC00),
)
"""Where Unicode keeps what may fold to ASCII."""


def _folded() -> dict[int, str]:
    """Characters that are by their compatibility form, or as a decimal digit, one ASCII character."""
    table = {}
    for code in chain.from_iterable(_BLOCKS):
        character = chr(code)
        plain = unicodedata.normalize("NFKC", character)
        if (digit := unicodedata.decimal(character, None)) is not None:
            table[code] = str(digit)
        elif len(plain) == 1 and plain.isascii():
            table[code] = plain
        elif unicodedata.category(character) == "Zs":
            table[code] = " "
    return table


_LOOK_ALIKES = {
    "a": "аɑαᴀ",
    "b": "ʙƅЬ",
    "c": "сϲᴄ",
    "d": "ԁᴅɗ",
    "e": "еєҽɛᴇ",
    "f": "ꜰғ",
    "g": "ɡցɢ",
    "h": "һհʜ",
    "i": "іıιɪӏ",
    "j": "јϳᴊ",
    "k": "κкᴋ",
    "l": "ⅼʟ",
    "m": "мᴍ",
    "n": "ոռɴπ",
    "o": "оοօσᴏ",
    "p": "рρᴘ",
    "q": "ԛգ",
    "r": "гʀ",
    "s": "ѕꜱ",
    "t": "тτᴛ",
    "u": "υսᴜ",
    "v": "νѵᴠ",
    "w": "ԝաᴡω",
    "x": "хχ",
    "y": "уγүʏ",
    "z": "ᴢʐ",
    "A": "АΑᎪ",
    "B": "ВΒᏴ",
    "C": "СϹᏟ",
    "D": "ᎠꓓԀ",
    "E": "ЕΕᎬ",
    "F": "Ϝꓝ",
    "G": "Ꮐԍ",
    "H": "НΗᎻ",
    "I": "ІΙӀ",
    "J": "ЈᎫ",
    "K": "КΚᏦ",
    "L": "Ꮮꓡ",
    "M": "МΜᎷ",
    "N": "Νꓠ",
    "O": "ОΟՕ",
    "P": "РΡᏢ",
    "Q": "Ԛ",
    "R": "Ꭱᖇ",
    "S": "ЅᏚՏ",
    "T": "ТΤᎢ",
    "U": "Սꓴ",
    "V": "Ѵᐯ",
    "W": "ԜᎳ",
    "X": "ХΧ",
    "Y": "УΥҮ",
    "Z": "ΖᏃ",
    "3": "З",
}
"""Letters of other scripts and small capitals by the ASCII character that they look like."""

_MARKS = {
    "-": "\u2010\u2011\u2012\u2043\u2212\u2796",
    "/": "\u2044\u2215\u29f8",
    ".": "\uff61\u2024",
    ":": "\ua789\u2236\u02d0",
    "'": "\u2032",
    "_": "\u2017",
    "*": "\u2217\u204e",
    "~": "\u223c",
    "\n": "\u2028\u2029\x85",
}
"""Punctuation by the ASCII character that it looks like. Curly quotes and the em dash are left alone."""

REMOVED = _removed()
"""Code points that a view leaves out."""

ATTACHED = [
    code
    for code in REMOVED
    if 0x300 <= code < 0x370 or 0xFE00 <= code < 0xFE10 or code in (0x200C, 0x200D, 0xAD)
]
"""Those of them that ordinary text of many languages, and every other emoji, needs: accents, joiners, emoji
styles. They are left out only where ASCII or what folds to it follows."""

CONFUSABLE = {ord(other): plain for plain, others in _LOOK_ALIKES.items() for other in others}
"""Code point to the ASCII letter it looks like; to be folded only in a word that has ASCII in it."""

PUNCTUATION = {ord(other): plain for other, plain in zip("，。．：；！？（）–", ",..:;!?()-", strict=True)}
"""Punctuation of ordinary prose, Chinese or Japanese but for the en dash, to be folded only before ASCII."""

FOLDED = _folded() | {ord(other): plain for plain, others in _MARKS.items() for other in others}
"""Code point to the one ASCII character it stands for."""
for _code in (*CONFUSABLE, *REMOVED, *PUNCTUATION):
    FOLDED.pop(_code, None)


def character_class(codes: Iterable[int]) -> str:
    """The inside of a regex's character class that matches exactly these code points."""
    parts: list[str] = []
    ordered = sorted(codes)
    first = last = ordered[0]
    for code in [*ordered[1:], -1]:
        if code == last + 1:
            last = code
            continue
        parts.append(re.escape(chr(first)) + (f"-{re.escape(chr(last))}" if last > first else ""))
        first = last = code
    return "".join(parts)
