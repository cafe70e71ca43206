"""What a value says once it is decoded: base64, base32, hexadecimal, rot13, or read backwards."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Callable, Iterator

_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{8,}")
_BASE32 = re.compile(r"[A-Za-z2-7]+")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")
_LAYERS = 2
_FROM_URL = str.maketrans("-_", "+/")
_PLAIN = (
    " the",
    " and",
    " of",
    " to",
    "ing",
    "ion",
    "er",
    "th",
    "re",
    "on",
    "an",
    "es",
    "en",
    "st",
    "at",
    "or",
    "de",
)
"""What Latin-script prose is full of, and what no prose is full of backwards or shifted by thirteen letters."""
_SHORT = 300
_NO_DIGITS = dict.fromkeys(map(ord, "0123456789"), "\uffff")


def blobs(text: str) -> Iterator[tuple[int, int, str]]:
    """Where something encoded stands in a text, and what it says; up to two layers deep."""
    for token in _TOKEN.finditer(text):
        if _is_word(token[0]):
            continue
        for said in _unwrapped(token[0], _LAYERS):
            yield token.start(), token.end(), said


def _is_word(token: str) -> bool:
    """Whether a token is an ordinary word, or too short to say anything."""
    return len(token) < 12 or (len(token) < 16 and token.isalpha() and (token.islower() or token.istitle()))


def joined(text: str) -> Iterator[str]:
    """What all of a text says as one encoded value, its spaces, dots and commas left out."""
    value = re.sub(r"[\s.,;|\"']+", "", text)
    if value != text and _TOKEN.fullmatch(value.rstrip("=")):
        yield from _unwrapped(value.rstrip("="), _LAYERS)


def turned(text: str) -> list[str]:
    """A text backwards, and shifted by thirteen letters, where that may be how it was meant.

    Digits stay what they are when letters are shifted, so they say nothing there: each becomes a sign of no text.
    """
    before = _plainness(text)
    other = (text[::-1], codecs.encode(text.translate(_NO_DIGITS), "rot13"))
    return [each for each in other if before < 0.12 or _plainness(each) >= before]


def _plainness(text: str) -> float:
    """Prose-like pairs of letters for each character, counted in the beginning and the end of a text."""
    part = (text if len(text) <= 2 * _SHORT else text[:_SHORT] + text[-_SHORT:]).lower()
    return sum(map(part.count, _PLAIN)) / (len(part) or 1)


def _unwrapped(token: str, layers: int) -> Iterator[str]:
    for decode in _DECODERS:
        said = decode(token)
        if said is None:
            continue
        yield said
        if layers > 1:
            for inner in _TOKEN.findall(said):
                yield from _unwrapped(inner, layers - 1)


def _readable(data: bytes) -> str | None:
    try:
        said = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return said if len(said) >= 4 and not _UNREADABLE.search(said) else None


def _hexadecimal(token: str) -> str | None:
    digits = token.removeprefix("0x")
    digits = digits[: len(digits) // 2 * 2]
    if not _HEX.fullmatch(digits):
        return None
    return _readable(bytes.fromhex(digits))


def _base64(token: str) -> str | None:
    clean = token.translate(_FROM_URL)
    clean = clean[:-1] if len(clean) % 4 == 1 else clean
    try:
        return _readable(binascii.a2b_base64(clean + "=" * (-len(clean) % 4)))
    except binascii.Error:
        return None


def _base32(token: str) -> str | None:
    if len(token) < 16 or not _BASE32.fullmatch(token):
        return None
    whole = token[: len(token) - len(token) % 8] if len(token) % 8 in (1, 3, 6) else token
    try:
        return _readable(base64.b32decode(whole.upper() + "=" * (-len(whole) % 8)))
    except binascii.Error:
        return None


_DECODERS: tuple[Callable[[str], str | None], ...] = (_hexadecimal, _base64, _base32)
