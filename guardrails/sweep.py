"""Sweep: several pattern sets read a text together. One pass says which patterns occur in it at all.

The text is read as it is written and, where something in it is disguised, once more for each of its views
(see `normalize`). What is found in a view is reported at its exact place in the text itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import re2

from guardrails import normalize
from guardrails.normalize import View
from guardrails.patterns import PatternSet, held, joined, uncut, waiting
from guardrails.prefixes import read
from guardrails.regexes import Chooser, Find, finder
from guardrails.source import Source
from guardrails.types import Span

_PATIENCE = 32
"""Code points that may wait, as something may have begun in them, without being looked at closely."""

_WIDTHS = (1,) * 12 + (2, 2, 3, 4)
"""Bytes of a code point, by the upper half of its first byte."""

Chosen = dict[int, list[int]]
"""For each set, by index, the patterns of it that may occur."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """One reading of the text: as written, or a view of it."""

    source: Source
    start: int
    """Where to look from, in this reading."""
    chosen: Chosen
    view: View | None


class Sweep:
    """Reads texts for several pattern sets at once.

    Args:
        sets: whose patterns to look for. `Reading.spans` refers to them by index.

    Raises RegexError when RE2 cannot hold them together.
    """

    def __init__(self, sets: Sequence[PatternSet]) -> None:
        self._sets = tuple(sets)
        self.context = max((each.context for each in sets), default=0)
        self._disguises = len(normalize.TRIGGERS)
        disguises = [read(regex).scan for regex in normalize.TRIGGERS]
        self._owners = [
            (place, index) for place, each in enumerate(self._sets) for index in range(len(each.triggers))
        ]
        triggers = [*disguises, *(trigger for each in self._sets for trigger in each.triggers)]
        self._choose = Chooser(triggers)
        forms = [form for each in self._sets for form in each.forms]
        self._waiting = waiting(forms)
        tails = [read(regex).waiting for regex in normalize.WHOLE]
        self._unfinished = finder(f"(?:{'|'.join(tails)})\\z", groups=False)
        self._busy = _busy(triggers, [form.waiting for form in forms], tails)

    def read(self, text: str, start: int = 0, begins: bool = True, deadline: float | None = None) -> Reading:
        """A text that grows no more, read from start on.

        Args:
            text: what is to be read, after what `Reading.keep` asked for.
            start: where to begin.
            begins: whether the text begins where it stands, and is no piece of a longer one.
            deadline: as in Source; after it `Reading.spans` raises OverBudget.
        """
        source = Source(text, deadline)
        disguised, chosen = self._fired(source)
        layers = [_Layer(source, start, chosen, None)] if chosen else []
        if disguised:
            layers += self._views(text, start, begins, deadline)
        return Reading(self._sets, layers, start, len(text), self.context)

    def follow(self, text: str, start: int, begins: bool) -> Reading:
        """A text that is still growing, read from start on. The arguments are those of `read`."""
        source = Source(text)
        cut = held(self._waiting, source, start - self.context)
        disguised, chosen = self._fired(source)
        decided = len(text)
        if disguised or source.point(self._unfinished(source.data, 0)[0][0]) < decided:
            decided = normalize.undecided(text, start)
            # Whatever the rest turns out to say, it may go on with what was begun before it.
            cut = min(cut, held(self._waiting, Source(text[:decided]), start - self.context))
        layers = [_Layer(source, start, chosen, None)] if chosen else []
        if disguised:
            views = self._views(text, start, begins, None)
            for layer in views:
                assert layer.view is not None
                shown = Source(layer.view.text[: layer.view.index(decided)])
                cut = min(cut, layer.view.start(held(self._waiting, shown, layer.start - self.context)))
            layers += views
        return Reading(self._sets, layers, start, max(start, cut), self.context)

    def glance(self, text: str, start: int) -> int:
        """Up to where text[start:] is decided if nothing is found there; -1 when more must be looked at.

        The short way through what is nearly always the case, in one search.
        """
        data = text[max(0, start - 1) :].encode("utf-8", "surrogatepass")
        first, last = self._busy(data, 0 if not start else _WIDTHS[data[0] >> 4])[0]
        if last != len(data):
            return -1
        left = last - first
        cut = len(text) - (
            left if left < 2 or data.isascii() else len(data[first:].decode("utf-8", "surrogatepass"))
        )
        return cut if cut > start or len(text) - start <= _PATIENCE else -1

    def _fired(self, source: Source) -> tuple[bool, Chosen]:
        """Whether a text may be disguised, and the patterns that may occur in it."""
        disguised = False
        chosen: Chosen = {}
        for index in self._choose(source.data):
            if index < self._disguises:
                disguised = True
            else:
                place, pattern = self._owners[index - self._disguises]
                chosen.setdefault(place, []).append(pattern)
        return disguised, chosen

    def _views(self, text: str, start: int, begins: bool, deadline: float | None) -> list[_Layer]:
        """The text's views, to be looked at from where start is in each."""
        layers = []
        for view in normalize.views(text, begins):
            source = Source(view.text, deadline)
            layers.append(_Layer(source, view.index(start), self._fired(source)[1], view))
        return layers


class Reading:
    """What one text holds, for each set of a Sweep; looked up when asked for."""

    __slots__ = ("_context", "_layers", "_sets", "_start", "careful", "cut")

    def __init__(
        self, sets: Sequence[PatternSet], layers: list[_Layer], start: int, cut: int, context: int
    ) -> None:
        self._sets, self._layers, self._start = sets, layers, start
        self._context = context
        self.cut = cut
        """Up to here, whatever is appended, spans stay as they are: once `settle` was called."""
        self.careful = False
        """Something found reaches over the cut: a glance at what comes next is not enough."""

    @property
    def quiet(self) -> bool:
        """Whether no set has anything to say."""
        return not self._layers

    def spans(self, place: int) -> list[Span]:
        """Spans of one set, ordered, overlapping ones joined. Raises what its patterns' tests raise."""
        found: list[Span] = []
        for layer in self._layers:
            if chosen := layer.chosen.get(place):
                spans = self._sets[place].find(layer.source, layer.start, chosen)
                found += spans if layer.view is None else self._mapped(layer.view, spans)
        return joined(found) if found else found

    def settle(self, spans: Sequence[Span]) -> None:
        """Lowers the cut so that it goes through none of all the sets' spans, and through no disguise."""
        cut = self.cut
        apart = joined(spans) if len(spans) > 1 else spans
        while True:
            lowered = uncut(apart, self._outside(self.cut))
            if lowered == self.cut:
                break
            self.cut = lowered
        self.careful = self.cut < cut

    def keep(self) -> int:
        """The first position that a later reading needs, as context to the left of the cut."""
        first = self.cut - self._context
        for layer in self._layers:
            if layer.view is not None:
                first = min(first, layer.view.start(max(0, layer.view.index(self.cut) - self._context)))
        return max(0, self._outside(first)) if first > 0 else 0

    def _outside(self, position: int) -> int:
        """The position, lowered to where it lies inside no disguise."""
        for layer in self._layers:
            if layer.view is not None:
                position = min(position, layer.view.outside(position))
        return position

    def _mapped(self, view: View, spans: Sequence[Span]) -> list[Span]:
        """Spans of a view at their places in the text."""
        placed = []
        for span in spans:
            start, end = view.start(span.start), view.end(span.end)
            if self._start <= start < end and not view.foreign(start, end):
                placed.append(Span(start, end, span.entity, span.score))
        return placed


def _busy(triggers: Sequence[str], waits: Sequence[str], tails: Sequence[str]) -> Find:
    """A search for the first place where something occurs, or where something begins that reaches the end.

    What reaches the end may be the beginning of a match, of a disguise, or either going on in a disguise.
    """
    occurs, begins, hides = ("|".join(dict.fromkeys(each)) for each in (triggers, waits, tails))
    try:
        return finder(f"{occurs}|(?:{begins}|{hides}){f'(?:{hides})' * normalize.LAYERS}\\z", groups=False)
    except re2.error:
        return lambda data, at: [(-1, -1)]
