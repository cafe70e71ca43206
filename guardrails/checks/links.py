"""The addresses that a text leads to when it is shown: Markdown, HTML and bare URLs, whole or still growing.

A link is an opening (`](`, `src=`, `http://`) and all that follows up to where an address ends. What a link is
depends on that and on `REACH` characters before it, so a growing text is decided up to the last opening that is
not closed. A longer address than `LONGEST` is cut there.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from guardrails.patterns import Waiting, held, waiting
from guardrails.prefixes import read
from guardrails.source import Source

LONGEST = 8_192
"""Characters of the longest address."""
REACH = 512
"""Characters to the left of an opening that say whether it is an image."""

_OPENINGS = (
    r"\][(:]",
    r"(?i:src|href|srcset|poster|background|data|action|formaction)[ \t]{0,2}=",
    r"(?i:url)\(",
    r"(?i:https?|wss?|ftp):[/\\]",
    r"(?i:www)\.",
)
_OPENING = re.compile("|".join(f"({each})" for each in _OPENINGS))
_MARKDOWN, _ATTRIBUTE, _STYLE, _BARE = 1, 2, 3, 4
_LEAD = re.compile(r"[ \t]{0,3}\n?[ \t]{0,3}[<\"']?")
_ENDS = {
    "<": re.compile(r"[>\n]"),
    '"': re.compile('"'),
    "'": re.compile("'"),
    "(": re.compile(r"[\s()]"),
    "": re.compile(r"[\s<>\"`()]|\]\("),
    "bare '": re.compile(r"[\s<>\"'`()]|\]\("),
}
_HEADS = ("http:", "https:", "ws:", "wss:", "ftp:", "www.", "//")
_HEAD = max(map(len, _HEADS))
_LONGEST_OPENING = 16
_ABSOLUTE = re.compile(r"(?i)(?:(?:https?|wss?|ftp):[/\\]*|[/\\]{2,}|www\.)(?=[^/\\])")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f]+")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_TAG = re.compile(r"<[ \t]{0,2}([A-Za-z]+)[^<>]*\Z")
_SHOWING = re.compile(
    r"(?i)[\s/\"'](?:src|(?:image)?srcset|poster|background|data)\s*=\s*(?:\"[^\"]*|'[^']*|[^\s\"'<>]*)\Z"
)
"""Where an address begins, an attribute that loads what it names: a list of images, or written with odd spaces."""
_SHOWN = ("src", "srcset", "poster", "background", "data")
_LOADED = ("link", "iframe", "img", "image", "use")


@dataclass(frozen=True, slots=True)
class Link:
    """An address in a text. Offsets are code points, end exclusive."""

    start: int
    end: int
    url: str
    """As a browser reads it: without escapes and line breaks."""
    loads: bool
    """Whether it is loaded as soon as the text is shown."""
    cut: bool
    """Whether it was longer than `LONGEST`."""


def links(text: str, start: int = 0) -> Iterator[Link]:
    """The links of text[start:] to other hosts, in order."""
    if not _may_lead(text):
        return
    at = start
    while (opening := _OPENING.search(text, at)) is not None:
        first, last, _ = _address(text, opening)
        at = max(last, opening.end())
        url = _read(text[first:last])
        if url is not None:
            cut = last - first >= LONGEST
            yield Link(first, last, url, _loads(text, opening), cut)


def begun(text: str, start: int = 0) -> int:
    """Where the link begins that the end of the text cuts, or its opening; the text's length if there is none."""
    at = start
    while (opening := _OPENING.search(text, at)) is not None:
        _, last, closed = _address(text, opening)
        if not closed:
            return opening.start()
        at = max(last, opening.end())
    at = max(at, len(text) - _LONGEST_OPENING)
    return at + held(_waiting(), Source(text[at:]), 0)


@cache
def _waiting() -> Waiting:
    return waiting([read(each) for each in _OPENINGS])


def _may_lead(text: str) -> bool:
    return "/" in text or "\\" in text or "&" in text or "www." in text.lower()


def _address(text: str, opening: re.Match[str]) -> tuple[int, int, bool]:
    """Where the address behind an opening begins and ends, and whether its end is known."""
    kind = opening.lastindex or 0
    if kind >= _BARE:
        first = opening.start()
        before = text[first - 1 : first]
        quote = "bare '" if before == "'" else before if before in ("<", "(") else ""
    else:
        lead = _LEAD.match(text, opening.end())
        assert lead is not None
        first = lead.end()
        quote = lead[0][-1:] if lead[0][-1:] in ("<", '"', "'") else "(" if kind != _ATTRIBUTE else ""
        if first == len(text):
            return first, first, False
        if not _may_begin(text[first : first + _HEAD]):
            return first, first, True
    limit = first + LONGEST
    last = _end(text, first, limit, quote)
    return first, last, last < len(text) or last >= limit


def _may_begin(head: str) -> bool:
    """Whether the beginning of an address, as far as it is there, may be that of one of another host."""
    small = head.lower()
    for place, sign in enumerate(small):
        if sign < " " or sign in "&\\" or small[: place + 1] in _HEADS:
            return True
        if not any(each.startswith(small[: place + 1]) for each in _HEADS):
            return False
    return True


def _end(text: str, first: int, limit: int, quote: str) -> int:
    """Where an address ends: at its quote, at white space, at a parenthesis that it did not open."""
    depth = 0
    for stop in _ENDS[quote].finditer(text, first, limit):
        sign = stop[0]
        if sign == "(":
            depth += 1
        elif sign == ")" and depth:
            depth -= 1
        else:
            return stop.start()
    return min(limit, len(text))


def _read(written: str) -> str | None:
    """An address as a browser reads it; None when it leads to no other host."""
    url = written
    if "&" in url:
        url = html.unescape(url)
    if "\\" in url:
        url = _ESCAPED.sub(r"\1", url)
    url = _UNSEEN.sub("", url).strip()
    return url if _ABSOLUTE.match(url) else None


def _loads(text: str, opening: re.Match[str]) -> bool:
    kind, at = opening.lastindex, opening.start()
    if kind == _STYLE:
        return True
    before = text[max(0, at - REACH) : at]
    if kind == _ATTRIBUTE:
        if opening[0].lower().startswith(_SHOWN):
            return True
        tag = _TAG.search(before)
        return tag is not None and tag[1].lower() in _LOADED
    if kind != _MARKDOWN:
        return _SHOWING.search(before) is not None
    if opening[0] == "]:":
        return True
    label = before.rfind("![")
    return label >= 0 and "](" not in before[label:] if "[" in before else True
