"""Text of strangers as HTML: escaped, its findings marked, its invisible characters made visible. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup, escape

TONES = ("missed", "block", "redact", "pseudonymize", "flag", "allow", "shadow")
"""How a mark may look, what must not be overlooked first; also the only words that reach a class attribute."""
SAID = ("true_positive", "false_positive", "wrong_action", "unsure")
"""Verdicts that a mark shows."""

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]|\r(?!\n)"
)
"""Controls, bidi controls, zero-width characters, fillers, tags, variation selectors, half surrogates."""
_REPLACED = re.compile("[\x00\ud800-\udfff]")
_CONTROLS = {0: "NULL", 8: "BACKSPACE", 13: "CARRIAGE RETURN", 27: "ESCAPE", 127: "DELETE"}


class Mark(NamedTuple):
    """A place in a text to mark. Offsets are code points, end exclusive; what lies outside is cut off."""

    start: int
    end: int
    number: int
    """Number of the finding, as its table says."""
    tone: str
    """One of TONES; anything else is shown as `flag`."""
    label: str
    """Shown when pointed at."""
    kind: str = ""
    """Before its number: `m` for what a reviewer says was missed, nothing for a finding."""
    verdict: str = ""
    """What was said of it, if that is one of SAID."""

    @property
    def name(self) -> str:
        """What stands beside it, and in its anchor."""
        return f"{'m' if self.kind else ''}{self.number:d}"


def shown(text: str) -> str:
    """The text as a page can hold it: characters that no HTML can carry become U+FFFD."""
    return _REPLACED.sub("\ufffd", text)


def visible(text: str) -> Markup:
    """The text, escaped, with each invisible character standing as a labelled mark. Text content: `shown`."""
    pieces: list[str] = []
    last = 0
    for match in _INVISIBLE.finditer(text):
        pieces += [_plain(text[last : match.start()]), _labelled(match[0])]
        last = match.end()
    pieces.append(_plain(text[last:]))
    return Markup("".join(pieces))  # noqa: S704  (every piece is escaped)


def marked(text: str, marks: Iterable[Mark]) -> Markup:
    """The text, escaped, with the marks in it. Text content: `shown`, whatever the marks are.

    Marks may overlap and lie in any order. The first piece of mark N stands after an anchor `mark-N`.
    """
    size = len(text)
    kept = [m._replace(start=max(0, m.start), end=min(size, m.end)) for m in marks]
    kept = sorted((m for m in kept if m.start < m.end), key=lambda m: (m.start, -m.end, m.number))
    edges = sorted({0, size, *(m.start for m in kept), *(m.end for m in kept)})
    pieces: list[str] = []
    active: list[Mark] = []
    waiting = 0
    for start, end in pairwise(edges):
        active = [m for m in active if m.end > start]
        while waiting < len(kept) and kept[waiting].start == start:
            active.append(kept[waiting])
            pieces.append(f'<span class="at" id="mark-{kept[waiting].name}"></span>')
            waiting += 1
        piece = visible(text[start:end])
        pieces.append(_wrapped(piece, active, end) if active else piece)
    return Markup("".join(pieces))  # noqa: S704  (every piece is escaped)


def plain(text: str) -> str:
    """The text for an attribute or a title: invisible characters as `<U+202E>`."""
    return _INVISIBLE.sub(lambda match: f"<U+{ord(match[0]):04X}>", text)


def _wrapped(piece: Markup, active: Sequence[Mark], end: int) -> Markup:
    tones = [m.tone if m.tone in TONES else "flag" for m in active]
    tone = min(tones, key=TONES.index)
    ending = " ".join(m.name for m in active if m.end == end)
    number = Markup(' data-n="{}"').format(ending) if ending else Markup()
    label = plain("; ".join(m.label for m in active))
    said = {m.verdict for m in active if m.verdict in SAID}
    look = f"{tone} said-{said.pop()}" if len(said) == 1 else tone
    every = " ".join(m.name for m in active)
    return Markup('<mark class="hit {}" data-of="{}" title="{}"{}>{}</mark>').format(
        look, every, label, number, piece
    )


def _plain(text: str) -> str:
    # A parser turns a bare carriage return into a line feed, but leaves the reference alone.
    return str(escape(text)).replace("\r", "&#13;")


def _labelled(char: str) -> str:
    code = f"U+{ord(char):04X}"
    name = unicodedata.name(char, _CONTROLS.get(ord(char), "control character"))
    inside = _plain(shown(char))
    return (
        f'<bdi class="invisible" role="img" data-code="{code}" aria-label="{code} {name}"'
        f' title="{code} {name}">{inside}</bdi>'
    )
