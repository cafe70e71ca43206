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
from functools import cached_property

import re2

from guardrails.check import TextScanner
from guardrails.prefixes import Regex, RegexError, read
from guardrails.regexes import Chooser, Find, finder, options
from guardrails.source import Source
from guardrails.types import Span


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
        self.forms = tuple(_form(pattern) for pattern in self._patterns)
        """Each pattern's regex as RE2 reads it."""
        self.triggers = tuple(
            read(pattern.trigger).scan if pattern.trigger else form.scan
            for pattern, form in zip(self._patterns, self.forms, strict=True)
        )
        """For each pattern an RE2 regex that occurs wherever the pattern does."""
        self._lead = max(
            (
                form.lead or 0
                for form, pattern in zip(self.forms, self._patterns, strict=True)
                if pattern.group
            ),
            default=0,
        )
        reach = max((pattern.reach for pattern in self._patterns), default=0)
        self.context = self._lead + reach + 1
        self._compiled: dict[int, Find] = {}
        self._waiting = waiting(self.forms)

    @cached_property
    def _choose(self) -> Chooser:
        """Says which patterns may occur. Compiled when first asked, as a Sweep has its own."""
        return Chooser(self.triggers)

    @property
    def max_length(self) -> int | None:
        """Code points of the longest match of any pattern; None when there is no bound."""
        longest = [form.max_length for form in self.forms]
        return None if None in longest else max((length or 0 for length in longest), default=0)

    def scan(self, text: str, start: int = 0) -> list[Span]:
        """Spans in text[start:], ordered by start, none overlapping; text[:start] is only context."""
        if len(text) <= start or not self._patterns:
            return []
        source = Source(text)
        return joined(self.find(source, start, self._choose(source.data)))

    def hold(self, text: str, start: int = 0) -> int:
        """The first position at or after start from which the text could still become part of a span."""
        if len(text) <= start or not self._patterns:
            return len(text)
        source = Source(text)
        cut = held(self._waiting, source, start - self._lead)
        if cut <= start:
            return start
        return uncut(joined(self.find(source, start, self._choose(source.data))), cut)

    def find(self, source: Source, start: int, chosen: Iterable[int]) -> list[Span]:
        """The valid matches at or after start of the chosen patterns (by index), in no order."""
        first = source.byte(start)
        # Matches begin here whose entity can stand at or after start.
        origin = source.byte(start - self._lead) if start > self._lead else 0
        found: list[Span] = []
        for index in chosen:
            self._matches(index, source, origin if self._patterns[index].group else first, found)
        return [span for span in found if span.start >= start]

    def _matches(self, index: int, source: Source, at: int, found: list[Span]) -> None:
        """Adds the valid matches of one pattern that begin at byte `at` or later."""
        pattern = self._patterns[index]
        find = self._compiled.get(index)
        if find is None:
            find = self._compiled[index] = finder(self.forms[index].scan, groups=pattern.group > 0)
        data = source.data
        while at <= len(data):
            match = find(data, at)
            first, last = match[0]
            if first < 0:
                return
            source.look()
            span = _accept(pattern, source, match)
            if span is None or pattern.group:
                at = first + source.width(first)
            else:
                at = last if pattern.shorten is None else source.byte(span.end)
            if span is not None:
                found.append(span)


Waiting = list[tuple[int | None, Find]]
"""For bounded and unbounded patterns: the longest match, and what matches an end that could still grow."""


def waiting(forms: Sequence[Regex]) -> Waiting:
    """What finds the ends of a text that could become matches. Raises RegexError when RE2 cannot hold it."""
    kinds: Waiting = []
    for bounded in (True, False):
        chosen = [form for form in forms if (form.max_length is not None) == bounded]
        if not chosen:
            continue
        alternatives = "|".join(dict.fromkeys(form.waiting for form in chosen))
        try:
            find = finder(f"(?:{alternatives})\\z", groups=False)
        except re2.error as error:
            raise RegexError(f"RE2 cannot hold them together: {error}. Use fewer or shorter ones.") from None
        kinds.append((max(form.max_length or 0 for form in chosen) if bounded else None, find))
    return kinds


def held(kinds: Waiting, source: Source, origin: int) -> int:
    """The first position at or after origin from which the text could still become a match."""
    first = source.byte(origin) if origin > 0 else 0
    cut = size = len(source.text)
    for longest, find in kinds:
        tail = source.point(find(source.data, first)[0][0])
        if longest is not None and tail < size - longest:
            tail = size - longest
        if tail < cut:
            cut = tail
    return cut


def uncut(spans: Sequence[Span], cut: int) -> int:
    """The cut, lowered so that it goes through none of the spans, which are ordered and do not overlap."""
    for span in reversed(spans):
        if span.start < cut < span.end:
            cut = span.start
    return cut


def _accept(pattern: Pattern, source: Source, match: Sequence[tuple[int, int]]) -> Span | None:
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
        empty = re2.search(form.scan.encode(), b"", options()) is not None or form.min_length == 0
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
