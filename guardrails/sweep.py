"""Sweep: several pattern sets read a text together. One pass says which patterns occur in it at all.

The text is read as it is written and, where something in it is disguised, once more for each of its views
(see `normalize`). What is found in a view is reported at its exact place in the text itself.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from guardrails import normalize
from guardrails.normalize import View
from guardrails.patterns import PatternSet, Waiting, held, joined, uncut, waiting
from guardrails.prefixes import read
from guardrails.regexes import Chooser, Find, finder
from guardrails.source import Source
from guardrails.types import Span

_STEPS = 6
"""Beginnings of disguises, one before the other, that are followed back."""

_PATIENCE = 32
"""Code points that may wait, as something may have begun in them, without being looked at closely."""

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

    `prepare` raises RegexError when RE2 cannot hold them together.
    """

    def __init__(self, sets: Sequence[PatternSet]) -> None:
        self._sets = tuple(sets)
        self.context = max((each.context for each in sets), default=0)
        self._disguises = len(normalize.TRIGGERS)
        disguises = [read(regex).scan for regex in normalize.TRIGGERS]
        self._owners = [
            (place, index) for place, each in enumerate(self._sets) for index in range(len(each.triggers))
        ]
        self._triggers = [*disguises, *(trigger for each in self._sets for trigger in each.triggers)]
        self._choose = Chooser(self._triggers)

    def prepare(self) -> None:
        """Compiles what `follow` and `glance` need, before a first stream waits for it."""
        _ = self._waiting, self._inside, self._edged, self._begun, self._hides, self._edges

    @cached_property
    def _waiting(self) -> Waiting:
        """What finds the ends of a text that could become matches."""
        return waiting([form for each in self._sets for form in each.forms])

    @cached_property
    def _inside(self) -> Waiting:
        """What finds the ends of a text that could become disguises right behind other text."""
        words = finder(f"(?:{_beginnings([normalize.PENDING])})\\z", groups=False)
        rest = finder(f"(?:{_beginnings(normalize.LAST)})\\z", groups=False)
        return [(normalize.LONGEST_PENDING, words), (None, rest)]

    @cached_property
    def _edged(self) -> Find:
        """What finds the edge of a disguise that could have begun and reaches the end."""
        return finder(f"(?:{_beginnings(normalize.EDGED)})\\z", groups=False)

    @cached_property
    def _begun(self) -> Find:
        """As `_waiting`, in one search: it takes long runs for endless."""
        begins = dict.fromkeys(form.waiting for each in self._sets for form in each.forms)
        return finder(f"(?:{'|'.join(begins)})\\z", groups=False)

    @cached_property
    def _hides(self) -> Find:
        """As `_inside` and `_edged`, in one search."""
        every = (normalize.PENDING, *normalize.LAST, *normalize.EDGED)
        return finder(f"(?:{_beginnings(every)})\\z", groups=False)

    @cached_property
    def _edges(self) -> frozenset[int]:
        """The ASCII characters with which nothing else begins: as the edge of a disguise they may leave.

        Not the equals sign, which may itself be the first of single characters in a row.
        """
        signs = (sign for sign in string.printable if not sign.isalnum() and sign != "=")
        return frozenset(
            ord(sign)
            for sign in signs
            if held(self._waiting, Source(sign), 0) == held(self._inside, Source(sign), 0) == 1
        )

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
        disguised, chosen = self._fired(source)
        layers = [_Layer(source, start, chosen, None)] if chosen else []
        views = self._views(text, start, begins, None) if disguised else []
        cut = self._decided(_Layer(source, start, {}, None), views, begins)
        return Reading(self._sets, [*layers, *views], start, max(start, cut), self.context)

    def _decided(self, raw: _Layer, views: Sequence[_Layer], begins: bool) -> int:
        """Up to where a text that is still growing is decided in all its readings; its start when that is deep.

        A match may have begun, or a disguise: whatever that turns out to say, it may go on with what was begun
        before it. So what stands before it is looked at again, by itself, until nothing more is begun.
        """
        text, start = raw.source.text, raw.start
        disguised = bool(views)
        cut = end = len(text)
        for _ in range(_STEPS):
            begun = end
            for layer in (raw, *views):
                origin, view = layer.start - self.context, layer.view
                waits, hides = held(self._waiting, layer.source, origin), self._hidden(layer.source, origin)
                cut = min(cut, waits if view is None else view.start(waits))
                begun = min(begun, hides if view is None else view.start(hides))
            cut = min(cut, begun)
            if begun >= end or cut <= start:
                return cut
            end = begun
            raw = _Layer(Source(text[:end]), start, {}, None)
            views = self._views(text[:end], start, begins, None) if disguised else ()
        return start

    def _hidden(self, source: Source, origin: int) -> int:
        """The first position at or after origin from which a text could still become a disguise."""
        edge = source.point(self._edged(source.data, source.byte(max(0, origin)))[0][0])
        if edge < len(source.text) and ord(source.text[edge]) in self._edges:
            edge += 1
        return min(edge, held(self._inside, source, origin))

    def glance(self, text: str, start: int) -> int:
        """Up to where text[start:] is decided if nothing is found there; -1 when more must be looked at.

        The short way through what is nearly always the case.
        """
        # One character more is looked at: it may be the edge of something that begins at start.
        data = text[max(0, start - 1) :].encode("utf-8", "surrogatepass")
        if self._choose(data):
            return -1
        size = decided = len(data)
        while decided:
            known = data if decided == size else data[:decided]
            begun, hidden = self._begun(known, 0)[0][0], self._hides(known, 0)[0][0]
            if hidden < decided and data[hidden] in self._edges:
                hidden += 1
            first = min(begun, hidden)
            if hidden == decided or first == decided:
                decided = first
                break
            decided = first  # what may be hidden here may go on with what was begun before it
        left = size - decided
        if left > 1 and not data.isascii():
            left = len(data[decided:].decode("utf-8", "surrogatepass"))
        cut = len(text) - left
        return cut if cut > start else start if len(text) - start <= _PATIENCE else -1

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
            lowered = max(self._start, uncut(apart, self._outside(self.cut)))
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
        # And one more: it may be the edge of what stands there.
        return max(0, self._outside(first) - 1) if first > 0 else 0

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


def _beginnings(regexes: Sequence[str]) -> str:
    """One regex for every beginning of their matches, and for longer runs than those have."""
    return "|".join(dict.fromkeys(read(regex).waiting for regex in regexes))
