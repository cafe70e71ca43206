"""Patterns and PatternSet: many linear-time patterns over one text, whole or as a stream.

How a stream stays exact. After a refused match the search goes on one place further, so what is found
does not depend on where the search begins. `hold` is the first place from which the text could begin a
match (computed from the patterns' prefix forms, not guessed), lowered so that it cuts through no span.
Overlapping spans are joined into one, named after the longest: everything a candidate covers stays
covered, and no later candidate can change what stands before the hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import re2

from guardrails.check import TextScanner
from guardrails.prefixes import Regex, RegexError, read
from guardrails.types import Span

_MAX_MEMORY = 256 << 20
_SENTINEL = 0
"""Index in a set of the empty pattern. It always matches: its absence says that the set's pass failed."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of thing to find. Offsets and lengths are code points.

    A pattern with `validate`, `before`, `after` or `shorten` may refuse a match; the search then goes on one
    place further. To keep that linear such a pattern's match length must be bounded.
    """

    entity: str
    regex: str
    """Python's syntax without look-around and back-references; `\\d`, `\\w`, `\\s`, `\\b` are ASCII."""
    score: float = 0.9
    group: int = 0
    """1 when only the first group is the entity and what stands before it is a keyword."""
    validate: Callable[[str], bool] | None = None
    """Given the entity's text, says whether it is one."""
    before: Callable[[str], bool] | None = None
    """Given up to `reach` code points to the left of the match, says whether it may stand there."""
    reach: int = 0
    """Code points that `before` is given."""
    after: Callable[[str], bool] | None = None
    """Given the code point that follows the entity (empty at the end of the text), says whether it may."""
    shorten: Callable[[str], int] | None = None
    """Given the match, how many of its code points are the entity, counted from its start; 0 refuses it."""
    trigger: str = ""
    """A cheaper regex that occurs in every match: says whether the pattern is worth running."""


class PatternSet(TextScanner):
    """Finds patterns in a text, and says how far a text that is still growing is decided.

    Raises RegexError when a pattern cannot run in linear time, can match empty text, or has no bound.
    """

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        """Compiles what every text needs now, and each pattern's exact form when it first occurs."""
        self._patterns = tuple(patterns)
        self._forms = tuple(_form(pattern) for pattern in self._patterns)
        self._lead = max(
            (
                form.lead or 0
                for form, pattern in zip(self._forms, self._patterns, strict=True)
                if pattern.group
            ),
            default=0,
        )
        reach = max((pattern.reach for pattern in self._patterns), default=0)
        self.context = self._lead + reach + 1
        self._compiled: dict[int, _Find] = {}
        self._set = _chooser(self._patterns, self._forms)
        self._prefixes = _prefixes(self._forms)

    @property
    def max_length(self) -> int | None:
        """Code points of the longest match of any pattern; None when there is no bound."""
        longest = [form.max_length for form in self._forms]
        return None if None in longest else max((length or 0 for length in longest), default=0)

    def scan(self, text: str, start: int = 0) -> list[Span]:
        """Spans in text[start:], ordered by start, none overlapping; text[:start] is only context."""
        if len(text) <= start or not self._patterns:
            return []
        source = _Source(text)
        return joined(self._candidates(source, start))

    def hold(self, text: str, start: int = 0) -> int:
        """The first position at or after start from which the text could still become part of a span."""
        return self.settle(text, start)[0]

    def settle(self, text: str, start: int = 0) -> tuple[int, list[Span]]:
        """`hold(text, start)`, and of `scan(text, start)` what stands before it: one look instead of two."""
        if len(text) <= start or not self._patterns:
            return len(text), []
        source = _Source(text)
        origin = source.byte(start - self._lead) if start > self._lead else 0
        cut = size = len(text)
        for longest, find in self._prefixes:
            tail = source.point(find(source.data, origin)[0][0])
            if longest is not None and tail < size - longest:
                tail = size - longest
            if tail < cut:
                cut = tail
        if cut <= start:
            return start, []
        spans = self._candidates(source, start)
        if not spans:
            return cut, spans
        spans = joined(spans)
        for span in reversed(spans):
            if span.start < cut < span.end:
                cut = span.start
        return cut, [span for span in spans if span.end <= cut]

    def _candidates(self, source: _Source, start: int) -> list[Span]:
        """Every valid match of every pattern whose entity stands at or after start."""
        data = source.data
        # Matches begin here whose entity can stand at or after start.
        origin = source.byte(start - self._lead) if start > self._lead else 0
        fired: Sequence[int] = self._set.Match(data[origin - 1 :] if origin else data) or ()
        if len(fired) == 1 and fired[0] == _SENTINEL:
            return []
        chosen: Iterable[int] = range(len(self._patterns))
        if _SENTINEL in fired:
            chosen = (index - 1 for index in fired if index != _SENTINEL)
        first = source.byte(start)
        found: list[Span] = []
        for index in chosen:
            self._matches(index, source, origin if self._patterns[index].group else first, found)
        return [span for span in found if span.start >= start]

    def _matches(self, index: int, source: _Source, at: int, found: list[Span]) -> None:
        """Adds the valid matches of one pattern that begin at byte `at` or later."""
        pattern = self._patterns[index]
        find = self._compiled.get(index)
        if find is None:
            find = self._compiled[index] = _finder(self._forms[index].scan)
        data = source.data
        while at <= len(data):
            match = find(data, at)
            first, last = match[0]
            if first < 0:
                return
            span = _accept(pattern, source, match)
            if span is None or pattern.group:
                at = first + source.width(first)
            else:
                at = last if pattern.shorten is None else source.byte(span.end)
            if span is not None:
                found.append(span)


_Find = Callable[[bytes, int], list[tuple[int, int]]]
"""Bytes and where to begin in; the leftmost match and its groups out, as byte spans, (-1, -1) for none."""


def _finder(regex: str) -> _Find:
    """RE2's own search. The package's objects around it cost several times what most searches do."""
    match = re2.compile(regex.encode(), _options())._regexp.Match
    anchor = re2._Anchor.UNANCHORED

    def find(data: bytes, at: int) -> list[tuple[int, int]]:
        spans: list[tuple[int, int]] = match(anchor, data, at, len(data))
        return spans

    return find


def _chooser(patterns: Sequence[Pattern], forms: Sequence[Regex]) -> Any:
    """Says in one pass which patterns occur; the empty sentinel pattern comes first."""
    chosen = re2.Set.SearchSet(_options())
    chosen.Add(b"")
    for pattern, form in zip(patterns, forms, strict=True):
        chosen.Add((read(pattern.trigger).scan if pattern.trigger else form.scan).encode())
    try:
        chosen.Compile()
    except re2.error:
        return _EveryPattern(len(patterns))
    return chosen._set  # the package's own object, as in `_finder`


def _prefixes(forms: Sequence[Regex]) -> list[tuple[int | None, _Find]]:
    """For bounded and unbounded patterns: the longest match, and what matches an end that could grow."""
    kinds: list[tuple[int | None, _Find]] = []
    for bounded in (True, False):
        chosen = [form for form in forms if (form.max_length is not None) == bounded]
        if not chosen:
            continue
        alternatives = "|".join(dict.fromkeys(form.waiting for form in chosen))
        try:
            find = _finder(f"(?:{alternatives})\\z")
        except re2.error as error:
            raise RegexError(f"RE2 cannot hold them together: {error}. Use fewer or shorter ones.") from None
        kinds.append((max(form.max_length or 0 for form in chosen) if bounded else None, find))
    return kinds


class _EveryPattern:
    """Stands in for a set that RE2 could not compile: every pattern is run."""

    def __init__(self, count: int) -> None:
        self._all = list(range(count + 1))

    def Match(self, data: bytes) -> list[int]:
        """Every index, the sentinel's included."""
        return self._all


class _Source:
    """A text as UTF-8, and the way between its byte and code point offsets."""

    __slots__ = ("_ascii", "_byte", "_point", "data", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._ascii = text.isascii()
        self.data = text.encode("utf-8", "surrogatepass")
        self._byte = self._point = 0

    def byte(self, point: int) -> int:
        """Byte offset of a code point offset."""
        return point if self._ascii else len(self.text[:point].encode("utf-8", "surrogatepass"))

    def point(self, byte: int) -> int:
        """Code point offset of a byte offset."""
        if self._ascii:
            return byte
        if byte < self._byte:
            self._byte = self._point = 0
        self._point += len(self.data[self._byte : byte].decode("utf-8", "surrogatepass"))
        self._byte = byte
        return self._point

    def width(self, byte: int) -> int:
        """Bytes of the code point that begins at a byte offset."""
        lead = self.data[byte] if byte < len(self.data) else 0
        return 1 if lead < 0xC0 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


def _accept(pattern: Pattern, source: _Source, match: Sequence[tuple[int, int]]) -> Span | None:
    """The span of a match that the pattern's own tests accept."""
    text = source.text
    begin = source.point(match[0][0])
    start, end = (source.point(offset) for offset in match[pattern.group])
    if pattern.before is not None and not pattern.before(text[max(0, begin - pattern.reach) : begin]):
        return None
    if pattern.shorten is not None:
        end = start + pattern.shorten(text[start:end])
    if end <= start:
        return None
    if pattern.after is not None and not pattern.after(text[end : end + 1]):
        return None
    if pattern.validate is not None and not pattern.validate(text[start:end]):
        return None
    return Span(start, end, pattern.entity, pattern.score)


def joined(spans: Sequence[Span]) -> list[Span]:
    """Spans in order, overlapping ones joined into one named after the longest (then surest, then first)."""
    joined: list[Span] = []
    longest = 0
    for span in sorted(spans, key=lambda item: (item.start, -item.end, -item.score)):
        size = span.end - span.start
        if not joined or span.start >= joined[-1].end:
            joined.append(span)
            longest = size
            continue
        last = joined[-1]
        better = (size, span.score) > (longest, last.score)
        entity = span.entity if better else last.entity
        longest = max(longest, size)
        joined[-1] = Span(last.start, max(last.end, span.end), entity, max(last.score, span.score))
    return joined


def _form(pattern: Pattern) -> Regex:
    """A pattern's forms. Raises RegexError when it breaks what PatternSet promises."""
    form = read(pattern.regex)
    try:
        empty = re2.search(form.scan.encode(), b"", _options()) is not None or form.min_length == 0
    except re2.error as error:
        raise RegexError(f"RE2 cannot run it: {error}. Repeat less inside repetitions.") from None
    if empty:
        raise RegexError("it can match empty text, so it would be found everywhere. Make it match something.")
    if pattern.group not in (0, 1) or form.groups < pattern.group:
        raise RegexError("it has no group 1 to report.")
    if pattern.group and form.lead is None:
        raise RegexError(
            "what stands before group 1 must have a bounded length, and group 1 stand at top level."
        )
    tests = (pattern.validate, pattern.before, pattern.after, pattern.shorten)
    if form.max_length is None and any(test is not None for test in tests):
        raise RegexError("it may refuse a match, so its length must be bounded.")
    return form


def _options() -> re2.Options:
    """RE2 options: quiet, and with room for many patterns in one automaton."""
    options = re2.Options()
    options.max_mem = _MAX_MEMORY
    options.log_errors = False
    return options
