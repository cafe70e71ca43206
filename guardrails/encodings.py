"""Spellings that hide a value in ASCII, each as a regex that needs nothing but its match, and its decoder.

A match depends only on the text from its first character on, and is never refused once it is found: so the
text may be read from any place outside all matches, and the same matches follow. Base64 and hex are told
from identifiers and digests by their characters alone: only what decodes to readable text matches.
"""

from __future__ import annotations

import binascii
import re
import string
from collections.abc import Callable, Iterable, Sequence
from html.entities import html5
from itertools import accumulate, pairwise
from typing import NamedTuple

from guardrails.foldings import CONFUSABLE, FOLDED, REMOVED
from guardrails.rewriting import Stretches

_BATCH = 4096

# --- tokens: one character each


def _names() -> str:
    """The named entities that stand for one ASCII character, or for one that folds to one or to nothing."""
    known = {*FOLDED, *REMOVED, *CONFUSABLE, *range(128)}
    names = [name[:-1] for name, value in html5.items() if name.endswith(";")]
    return "|".join(
        sorted(name for name in names if len(html5[f"{name};"]) == 1 and ord(html5[f"{name};"]) in known)
    )


_ENTITY = f"&(?:#[0-9]{{1,8}}|#[xX][0-9A-Fa-f]{{1,8}}|{_names()});"
_ESCAPE = r"\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|U[0-9A-Fa-f]{8})"
_PERCENT = "%[0-9A-Fa-f]{2}"
TOKENS = f"(?:{_PERCENT}|{_ENTITY}|{_ESCAPE})+"
"""Percent, HTML and backslash escapes in a row."""

_TOKEN = re.compile(rf"(?:{_PERCENT})+|&[^;]+;|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|{_ESCAPE}")


def tokens(found: str, start: int, into: Stretches) -> None:
    """Decodes escapes; what stands for no character becomes U+FFFD."""
    characters: list[str] = []
    spans: list[tuple[int, int]] = []

    def write() -> None:
        if characters:
            into.characters("".join(characters), spans, spans[-1][1])
            characters.clear()
            spans.clear()

    for token in _TOKEN.finditer(found):
        value, (first, last) = token.group(), token.span()
        if value[0] == "%":
            write()
            data = bytes.fromhex(value.replace("%", ""))
            _bytes(data, range(start + first, start + last + 1, 3), into)
            continue
        characters.append(_entity(value) if value[0] == "&" else _escaped(value))
        spans.append((start + first, start + last))
        if len(spans) == _BATCH:
            write()
    write()


def _escaped(value: str) -> str:
    if len(value) == 12:
        return binascii.unhexlify(value[2:6] + value[8:12]).decode("utf-16-be", "replace")[:1]
    return _character(int(value[2:], 16))


def _entity(value: str) -> str:
    if value[1] != "#":
        return html5[value[1:]]
    return _character(int(value[3:-1], 16) if value[2] in "xX" else int(value[2:-1]))


def _character(code: int) -> str:
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code < 0xE000 and code else "\ufffd"


def _bytes(data: bytes, starts: Sequence[int], into: Stretches) -> None:
    """Decodes bytes that began at the given places, one more for the end, as UTF-8."""
    if data.isascii():
        into.put(starts[-1], data.decode("ascii"), (starts[-1] - starts[0]) // len(data), 1)
        return
    text, offsets = _characters(data)
    into.characters(text, ((starts[low], starts[high]) for low, high in pairwise(offsets)), starts[-1])


def _characters(data: bytes) -> tuple[str, Iterable[int]]:
    """Bytes as UTF-8, or one character each if they are not; with the offsets where each begins, and the end."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1"), range(len(data) + 1)
    return text, accumulate(map(_width, text), initial=0)


def _width(character: str) -> int:
    code = ord(character)
    return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4


# --- hex


_HEX_PLAIN = "(?:[2-6][0-9A-Fa-f]|7[0-9A-Ea-e]|0[9ADad])"
_REST = "[89ABab][0-9A-Fa-f]"


_WIDE = f"(?:[CDcd][0-9A-Fa-f]{_REST}|[Ee][0-9A-Fa-f](?:{_REST}){{2}}|[Ff][0-4](?:{_REST}){{3}})"
_PAIRS = f"(?:{_HEX_PLAIN}|{_WIDE})"
_NO_WORD = "(?:\\A|[^0-9A-Za-z])"
HEX = f"{_NO_WORD}(?:0[xX])?(?:(?:{_HEX_PLAIN}){{8}}|{_WIDE}{_PAIRS}{{7}}){_PAIRS}*"
"""Eight or more pairs of hexadecimal digits that spell readable text; no letter or digit stands before them."""


def hexadecimal(found: str, start: int, into: Stretches) -> None:
    """Decodes pairs of digits."""
    edge = 0 if found[0] in string.hexdigits else 1
    begin = edge + (2 if found[edge : edge + 2] in ("0x", "0X") else 0)
    data = bytes.fromhex(found[begin:])
    into.keep(start + edge)
    into.put(start + begin, "", 1, 1)
    if data.isascii():
        into.put(start + len(found), data.decode("ascii"), 2, 1)
    else:
        _bytes(data, range(start + begin, start + len(found) + 1, 2), into)


# --- base64


_SIXTY_FOUR = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


_ANY = "A-Za-z0-9+\\-/_"


def _sextets(values: Iterable[int]) -> str:
    """The class of base64 and base64url characters for some values."""
    return "[" + "".join({62: "+\\-", 63: "/_"}.get(each) or _SIXTY_FOUR[each] for each in values) + "]"


_READABLE = (*range(0x08, 0x10), *range(0x20, 0x80))
"""ASCII with tab and newlines, taken a little wider than it is, to where its bits make a small regex."""

_QUANTUM = (
    _sextets(sorted({byte >> 2 for byte in _READABLE}))
    + _sextets(sorted({low << 4 | byte >> 4 for low in range(4) for byte in _READABLE}))
    + _sextets(sorted({low << 2 | byte >> 6 for low in range(16) for byte in _READABLE}))
    + f"[{_ANY}]"
)
"""Four base64 characters whose three bytes may be readable ASCII."""

BASE64 = f"(?:(?:{_QUANTUM}){{4}}[{_ANY}]*={{0,2}}|(?:{_QUANTUM}){{3}}[{_ANY}]{{2,3}}={{1,2}})"
"""Base64 or base64url of text that begins with twelve readable characters of ASCII; of nine if it is padded."""


_FROM_URL = str.maketrans("-_", "+/")


def base64(found: str, start: int, into: Stretches) -> None:
    """Decodes quanta: each four characters stand behind three bytes."""
    clean = found.rstrip("=").translate(_FROM_URL)
    end = start + len(found)
    if len(clean) % 4 == 1:
        clean, end = clean[:-1], start + len(clean) - 1  # no byte ends there: what is left stands for itself
    data = binascii.a2b_base64(clean + "=" * (-len(clean) % 4))
    full = len(clean) // 4
    if data.isascii():
        text = data.decode("ascii")
        into.put(start + 4 * full, text[: 3 * full], 4, 3)
        if end > start + 4 * full:
            into.block(end, text[3 * full :])
    else:
        text, offsets = _characters(data)
        spans = (
            (start + low // 3 * 4, min(end, start + (high + 2) // 3 * 4)) for low, high in pairwise(offsets)
        )
        into.characters(text, spans, end)
    into.keep(start + len(found))


# --- spaced out


_EDGE = "(?:\\A|[\\s\"'(\\[{<>=,;|`*])"
_SINGLE = "A-Za-z0-9@._+:/#%=?!$&~\\-"
_ONE = f"[{_SINGLE}]"
_CLOSE = f"(?:[^{_SINGLE}]|\\Z)"
SPACED = f"{_EDGE}{_ONE}(?:(?: {{1,4}}|\\r?\\n){_ONE}){{5,}}{_CLOSE}"
"""Six or more single characters with spaces between them; more than one space is a gap between words."""

DOTTED = (
    f"{_EDGE}(?:"
    + "|".join(f"[A-Za-z](?:{mark}[A-Za-z]){{5,}}" for mark in ("\\.", "_", "-"))
    + ")(?:[^A-Za-z0-9._-]|\\Z)"
)
"""Six or more single letters with one dot, underscore or hyphen between each two."""

_GAP = re.compile(r"(?<=\S)(?: {2,}|\r?\n)(?=\S)")


def _spaced_edge(found: str) -> int:
    return 1 if len(found) > 1 and (found[1] not in " \r\n" or found[0].isspace()) else 0


def spaced(found: str, start: int, into: Stretches) -> None:
    """Closes the single spaces up; a wider gap becomes one."""
    first = _spaced_edge(found)
    last = len(found) - (re.fullmatch(_ONE, found[-1]) is None)
    into.keep(start + first)
    for gap in _GAP.finditer(found, first, last):
        into.put(start + gap.start(), found[first : gap.start() : 2], 2, 1, 1)
        into.block(start + gap.end(), "\n" if gap.group()[-1] == "\n" else " ")
        first = gap.end()
    into.put(start + last, found[first:last:2], 2, 1, 1)
    into.keep(start + len(found))


def dotted(found: str, start: int, into: Stretches) -> None:
    """Leaves the marks between single letters out."""
    first = 0 if found[0].isalpha() else 1
    last = len(found) if found[-1].isalpha() else len(found) - 1
    into.keep(start + first)
    into.put(start + last, found[first:last:2], 2, 1, 1)
    into.keep(start + len(found))


# --- e-mail addresses in words


_AT = "[\\[({<][ \\t]?(?:[aA][tT]|@)[ \\t]?[\\])}>][ \\t]{0,2}"
_DOT = "[\\[({<][ \\t]?(?:[dD][oO][tT]|\\.)[ \\t]?[\\])}>][ \\t]{0,2}"
BRACKETED = f"(?:{_AT}|{_DOT})"
"""`[at]`, `(dot)` and the like."""

_WORDS = re.compile(f"(?P<at>{_AT})|(?P<dot>{_DOT})")


def address(found: str, start: int, into: Stretches) -> None:
    """Turns the words back into `@` and `.`."""
    for word in _WORDS.finditer(found):
        into.keep(start + word.start())
        into.block(start + word.end(), "@" if word["at"] else ".")
    into.keep(start + len(found))


Decoder = Callable[[str, int, Stretches], None]


class Spelling(NamedTuple):
    """One way to write a value so that it is not seen."""

    regex: str
    sign: str
    """A cheaper regex that occurs in every match."""
    decode: Decoder
    """Writes down what a match, and where it begins, stand for."""
    edge: Callable[[str], int] = lambda found: 0
    """How many characters of a match stand before it and stay as they are."""
    nests: bool = False
    """Whether it is also read in what another spelling was decoded to."""

    @property
    def edged(self) -> bool:
        """Whether something has to stand before it."""
        return self.regex.startswith((_EDGE, _NO_WORD))


SPELLINGS = (
    Spelling(TOKENS, r"%[0-9A-Fa-f]{2}|&[#A-Za-z]|\\[uUx][0-9A-Fa-f]", tokens, nests=True),
    Spelling(SPACED, SPACED, spaced, _spaced_edge),
    Spelling(DOTTED, DOTTED, dotted, lambda found: 0 if found[0].isalpha() else 1),
    Spelling(HEX, "[0-9A-Fa-f]{16}", hexadecimal, lambda found: 0 if found[0] in string.hexdigits else 1),
    Spelling(BASE64, "[A-Za-z0-9+/_-]{14}", base64, nests=True),
    Spelling(BRACKETED, "[\\[({<][ \\t]?(?:[aA][tT]|@|[dD][oO][tT]|\\.)[ \\t]?[\\])}>]", address),
)
"""Every spelling; of two that begin at the same place the one listed first counts."""
