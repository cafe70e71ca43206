"""Twelve ways to write a value so that a person or a model still reads it and a plain pattern does not.

Each gives the text that stands in the value's place, from which character of it to which the value is.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from random import Random
from urllib.parse import quote

_CONFUSABLE = str.maketrans(
    "aceopxyiABCEHKMOPTXs",
    "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0456\u0410\u0412\u0421\u0395\u041d\u041a\u039c\u041e\u0420\u03a4\u03a7\u0455",
)
_LEET = str.maketrans("aeiost", "431057")
_ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff"
_MARKS = "\u200e\u200f\u202a\u202c\u2066\u2069"


def zero_width(value: str, chance: Random) -> str:
    """Zero-width characters between the others."""
    return (
        value[0]
        + "".join(chance.choice(_ZERO_WIDTH) * chance.randint(0, 1) + letter for letter in value[1:-1])
        + _ZERO_WIDTH[0]
        + value[-1]
    )


def tags(value: str, chance: Random) -> str:
    """Every character from the invisible tag block."""
    return "".join(chr(0xE0000 + ord(letter)) for letter in value)


def bidi(value: str, chance: Random) -> str:
    """Marks of writing direction between the characters."""
    middle = len(value) // 2
    return value[:1] + chance.choice(_MARKS) + value[1:middle] + chance.choice(_MARKS) + value[middle:]


def full_width(value: str, chance: Random) -> str:
    """Full-width forms of all that has one."""
    return "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in value)


def confusables(value: str, chance: Random) -> str:
    """Cyrillic and Greek letters in place of Latin ones; a value without such letters stays as it is."""
    return value.translate(_CONFUSABLE)


def spaced(value: str, chance: Random) -> str:
    """A space between all characters."""
    return " ".join(value)


def leet(value: str, chance: Random) -> str:
    """Digits in place of letters."""
    return value.translate(_LEET)


def in_base64(value: str, chance: Random) -> str:
    """The value in base64, padded."""
    return base64.b64encode(value.encode()).decode()


def in_hex(value: str, chance: Random) -> str:
    """The value in hexadecimal."""
    return value.encode().hex()


def in_url(value: str, chance: Random) -> str:
    """Every character percent-escaped, or only those that a URL needs escaped, and one more."""
    if chance.random() < 0.5:
        return "".join(f"%{byte:02X}" for byte in value.encode())
    return f"%{ord(value[0]):02x}{quote(value[1:-1], safe='')}%{ord(value[-1]):02X}"


def in_html(value: str, chance: Random) -> str:
    """Numeric entities, decimal or hexadecimal."""
    return "".join(
        f"&#{ord(letter)};" if chance.random() < 0.5 else f"&#x{ord(letter):x};" for letter in value
    )


def nested(value: str, chance: Random) -> str:
    """The percent-escaped value in base64."""
    return in_base64("".join(f"%{byte:02X}" for byte in value.encode()), chance)


TRANSFORMS: dict[str, Callable[[str, Random], str]] = {
    "zero-width": zero_width,
    "tag block": tags,
    "bidi marks": bidi,
    "full-width": full_width,
    "confusables": confusables,
    "spaced": spaced,
    "leet": leet,
    "base64": in_base64,
    "hex": in_hex,
    "URL": in_url,
    "HTML": in_html,
    "base64 of URL": nested,
}
"""Name of each, and what does it. `leet` is asked of denied words only, whose letters carry the meaning."""
