"""A text rewritten in places, with the way back from every position.

A rewriting is a row of stretches. In each, `taken` characters of the source stand behind `given` characters
of the result, over and over: 1 and 1 for text left as it is, 3 and 1 for `%41%42`, 4 and 3 for base64. What lies
between two stretches was left out. All offsets are code points.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, islice

_BATCH = 4096
"""Places written down at once."""


class Rewriting:
    """What a text became, and where each part of it came from."""

    __slots__ = (
        "_cuts",
        "_ends",
        "_given",
        "_results",
        "_size",
        "_starts",
        "_taken",
        "_tops",
        "_width",
        "text",
    )

    def __init__(self, text: str, size: int, stretches: Stretches) -> None:
        self.text = text
        self._size = size
        self._results, self._starts, self._ends = stretches.results, stretches.starts, stretches.ends
        self._taken, self._given, self._width = stretches.taken, stretches.given, stretches.width
        self._cuts, self._tops = stretches.cuts, stretches.tops

    def start(self, index: int) -> int:
        """Where in the source the result's character at `index` begins; the source's length at the end."""
        if index >= len(self.text):
            return self._size
        at = bisect_right(self._results, index) - 1
        return self._starts[at] + (index - self._results[at]) // self._given[at] * self._taken[at]

    def end(self, index: int) -> int:
        """Where in the source ends what the result's first `index` characters came from."""
        if index <= 0:
            return 0
        at = bisect_right(self._results, index - 1) - 1
        groups = (index - 1 - self._results[at]) // self._given[at]
        return min(self._starts[at] + groups * self._taken[at] + self._width[at], self._ends[at])

    def index(self, position: int) -> int:
        """Index in the result of the first character that begins at or after a position of the source."""
        at = bisect_left(self._starts, position)
        following = self._results[at] if at < len(self._results) else len(self.text)
        if at == 0:
            return following
        at -= 1
        groups = -((self._starts[at] - position) // self._taken[at])
        return min(self._results[at] + groups * self._given[at], following)

    def outside(self, position: int) -> int:
        """The position, or if it is inside something that was rewritten as one, where that begins."""
        at = bisect_left(self._cuts, position) - 1
        return self._cuts[at] if at >= 0 and position < self._tops[at] else position


class Stretches:
    """The stretches of a rewriting while it is written, from left to right."""

    __slots__ = (
        *("_cursor", "_length", "_pieces", "_source"),
        *("cuts", "ends", "given", "results", "starts", "taken", "tops", "width"),
    )

    def __init__(self, source: str) -> None:
        self._source = source
        self._pieces: list[str] = []
        self._cursor = self._length = 0
        self.results, self.starts, self.ends = array("I"), array("I"), array("I")
        self.taken, self.given, self.width = array("I"), array("I"), array("I")
        self.cuts, self.tops = array("I"), array("I")

    def keep(self, position: int) -> None:
        """Takes the source as it is up to a position."""
        if position > self._cursor:
            self._add(self._cursor, position, self._source[self._cursor : position], 1, 1, 1)
            self._cursor = position

    def whole(self, start: int, end: int) -> None:
        """Says that what was made of source[start:end] was made of it as one."""
        self.cuts.append(start)
        self.tops.append(end)

    def put(self, end: int, text: str, taken: int, given: int, width: int = 0) -> None:
        """Takes the source up to `end`, `taken` characters at a time, for `given` of `text` each.

        `width`, where it is less than `taken`: how many of them the text came from, the rest being a gap.
        """
        if text:
            self._add(self._cursor, end, text, taken, given, width or taken)
        self._cursor = end

    def leave(self, gaps: Sequence[tuple[int, int]]) -> None:
        """Takes the source as it is up to the end of the last of some spans of it, but without them."""
        cuts, tops = zip(*gaps, strict=True)
        kept = [span for span in zip((self._cursor, *tops[:-1]), cuts, strict=True) if span[0] < span[1]]
        self.cuts.extend(cuts)
        self.tops.extend(tops)
        self.starts.extend([start for start, _ in kept])
        self.ends.extend([end for _, end in kept])
        results = list(accumulate([end - start for start, end in kept], initial=self._length))
        self._length = results.pop()
        self.results.extend(results)
        self._even(len(kept))
        self._pieces += [self._source[start:end] for start, end in kept]
        self._cursor = tops[-1]

    def _even(self, count: int) -> None:
        """Says of that many new stretches that one character came from one."""
        for each in (self.taken, self.given, self.width):
            each.extend([1] * count)

    def block(self, end: int, text: str) -> None:
        """Takes the source up to `end` for all of `text`, with no finer way back."""
        self.put(end, text, max(1, end - self._cursor), max(1, len(text)))

    def characters(self, text: str, spans: Iterable[tuple[int, int]], end: int) -> None:
        """Takes the source up to `end` for a text whose characters came from the spans, one each."""
        each = iter(spans)
        while some := list(islice(each, _BATCH)):
            widths = [stop - start for start, stop in some]
            self.starts.extend([start for start, _ in some])
            self.ends.extend([stop for _, stop in some])
            self.taken.extend(widths)
            self.width.extend(widths)
            self.given.extend([1] * len(some))
            self.results.extend(range(self._length, self._length + len(some)))
            self._length += len(some)
        self._pieces.append(text)
        self._cursor = end

    def done(self) -> Rewriting:
        """The rewriting; the rest of the source stays as it is."""
        self.keep(len(self._source))
        return Rewriting("".join(self._pieces), len(self._source), self)

    def _add(self, start: int, end: int, text: str, taken: int, given: int, width: int) -> None:
        self._pieces.append(text)
        if (
            self.results
            and width == taken
            and (self.ends[-1], self.taken[-1], self.given[-1], self.width[-1])
            == (start, taken, given, taken)
            and (self._length - self.results[-1]) * taken == (start - self.starts[-1]) * given
        ):
            self.ends[-1] = end
        else:
            self.results.append(self._length)
            self.starts.append(start)
            self.ends.append(end)
            self.taken.append(taken)
            self.given.append(given)
            self.width.append(width)
        self._length += len(text)


def without(text: str, gaps: Iterable[tuple[int, int]], breaks: int) -> Rewriting:
    """A text without some spans of it, in order; in the place of one longer than `breaks` stands a newline."""
    stretches = Stretches(text)
    few: list[tuple[int, int]] = []
    for gap in gaps:
        start, end = gap
        if end - start <= breaks and len(few) < _BATCH:
            few.append(gap)
            continue
        if few:
            stretches.leave(few)
            few = []
        if end - start <= breaks:
            few.append(gap)
            continue
        stretches.keep(start)
        stretches.whole(start, end)
        stretches.block(end, "\n")
    if few:
        stretches.leave(few)
    return stretches.done()
