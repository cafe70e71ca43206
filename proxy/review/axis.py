"""The time axis that the steps of a run share: pauses in which nothing ran are cut short, and told. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

WIDTH = 1000.0
"""Units of the whole axis."""
LEAST = 3.0
"""Width of the shortest bar: one that is there is seen."""
_LONG = 0.15
"""A pause of more than this share of all the time in which something ran is cut."""
_LONG_US = 2_000_000
"""A shorter pause is never cut."""
_CUT = 12.0
"""Width that is left of a cut pause."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Pause:
    """Time in which nothing ran, cut out of the axis."""

    from_us: int
    to_us: int
    x: float


@dataclass(frozen=True, slots=True)
class Axis:
    """Where times stand between 0 and WIDTH."""

    starts: tuple[int, ...]
    """Start of each stretch in which something ran, and the end of the last."""
    places: tuple[float, ...]
    """Where those stand."""
    scale: float
    """Units for a microsecond."""
    shown_us: int = 0
    """How long the axis is, without what was cut."""
    pauses: tuple[Pause, ...] = ()

    def place(self, us: int) -> float:
        """Where a time stands; in a cut pause, at its beginning or within what is left of it."""
        at = max(0, bisect_right(self.starts, us) - 1)
        most = self.places[at + 1] if at + 1 < len(self.places) else WIDTH
        return max(0.0, min(self.places[at] + (us - self.starts[at]) * self.scale, most, WIDTH))

    def bar(self, span: Span) -> tuple[float, float]:
        """Left edge and width of a bar, to a tenth of a unit."""
        left, right = self.place(span[0]), self.place(max(span))
        width = max(right - left, LEAST)
        return round(min(left, WIDTH - width), 1), round(width, 1)


def axis(spans: Iterable[Span]) -> Axis:
    """The axis on which some spans of time (from, to) can be drawn."""
    busy = _merged(spans)
    if not busy:
        return Axis((0,), (0.0,), 0.0)
    ran = sum(end - start for start, end in busy)
    limit = max(_LONG_US, ran * _LONG)
    stretches = [list(busy[0])]
    for start, end in busy[1:]:
        if start - stretches[-1][1] > limit:
            stretches.append([start, end])
        else:
            stretches[-1][1] = end
    room = WIDTH - min(_CUT * (len(stretches) - 1), WIDTH / 2)
    cut = (WIDTH - room) / max(1, len(stretches) - 1)
    shown = sum(end - start for start, end in stretches)
    scale = room / shown if shown else 0.0
    starts, places, pauses, x = [], [], [], 0.0
    for number, (start, end) in enumerate(stretches):
        if number:
            pauses.append(Pause(stretches[number - 1][1], start, round(x, 1)))
            x += cut
        starts.append(start)
        places.append(x)
        x += (end - start) * scale
    return Axis(tuple(starts), tuple(places), scale, shown, tuple(pauses))


def _merged(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for start, end in sorted((start, max(start, end)) for start, end in spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found
