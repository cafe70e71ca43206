"""Which exchange a retrieval or a tool fed: told from an app's own spans and the exchanges tied to them. Pure.

Each feeds one exchange: of those that begin after it ended the one whose place in the app's tree is nearest to its
own, then the earliest. App and proxy may have clocks of their own, so an exchange is put on the app's clock: by the
app's span of the same call where there is one, else by a shift that fits what is known.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low

FEEDS = ("retrieval", "reranker", "tool")
"""Kinds of spans whose results are given to a model."""
SLACK_US = 2_000
"""By how much a span may end after the exchange that it fed began: clocks are read one after the other."""
FARTHEST_US = 30_000_000
"""How far two clocks may be apart to be put right where no span of the app lies around its exchanges."""
_ANYWHERE = ""
"""The place above all others."""
_DEEPEST = 64
"""Steps up an app's tree that are looked at: a trace may be one chain of thousands of spans."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A span of an app."""

    id: str
    """As in the store."""
    span: str
    """Its W3C id."""
    parent: str | None
    kind: str
    started_us: int
    ended_us: int
    ours: bool = False
    """Whether its times are of the proxy's clock."""
    hits: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """An exchange that is tied to the trace of these spans."""

    id: str
    started_us: int
    ended_us: int
    parent: str | None = None
    """W3C id of the span that its request named."""
    same: str | None = None
    """W3C id of the LLM span that tells of the same call, where one is known."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """An exchange in the app's tree and on the app's clock."""

    id: str
    path: tuple[str, ...]
    """W3C ids from its place up; empty where it has none."""
    started_us: int
    own_us: int
    """Its start on the proxy's clock."""


def fed(sent: Sequence[Sent], asked: Sequence[Asked]) -> dict[str, str]:
    """Id of the exchange that each feeding span fed, by id of the span; those that fed none are left out."""
    by_span = {one.span: one for one in sent}
    paths = {one.span: _path(one.span, by_span) for one in sent}
    feeding = [one for one in sent if one.kind in FEEDS and not _repeats(one, paths, by_span)]
    placed = _placed(sent, asked, paths, by_span, feeding)
    own, theirs = _below(placed, lambda each: each.own_us), _below(placed, lambda each: each.started_us)
    found: dict[str, str] = {}
    for one in feeding:
        path = paths[one.span] if one.parent is not None else ()
        below = own if one.ours else theirs
        for place in (*path, _ANYWHERE):
            starts, ids = below.get(place, ((), ()))
            first = bisect_left(starts, one.ended_us - SLACK_US)
            if first < len(ids):
                found[one.id] = ids[first]
                break
    return found


def _below(
    placed: Sequence[_Placed], clock: Callable[[_Placed], int]
) -> dict[str, tuple[list[int], list[str]]]:
    """By a place in the app's tree: starts and ids of the exchanges below it, in the order of a clock."""
    found: dict[str, tuple[list[int], list[str]]] = {}
    for each in sorted(placed, key=lambda each: (clock(each), each.id)):
        for place in (*each.path, _ANYWHERE):
            starts, ids = found.setdefault(place, ([], []))
            starts.append(clock(each))
            ids.append(each.id)
    return found


def _path(span: str, by_span: Mapping[str, Sent]) -> tuple[str, ...]:
    """W3C ids from a span up. A parent that was not sent is a root too; a ring of parents ends."""
    path: dict[str, None] = {}
    here: str | None = span
    while here is not None and here not in path and len(path) < _DEEPEST:
        path[here] = None
        here = by_span[here].parent if here in by_span else None
    return tuple(path)


def _repeats(one: Sent, paths: Mapping[str, tuple[str, ...]], by_span: Mapping[str, Sent]) -> bool:
    """Whether a retrieval is a step of another one: what the outer one gave is what was used."""
    if one.kind == "tool":
        return False
    outer = (by_span[span] for span in paths[one.span][1:] if span in by_span)
    return any(each.kind in ("retrieval", "reranker") and each.hits for each in outer)


def _placed(
    sent: Sequence[Sent],
    asked: Sequence[Asked],
    paths: Mapping[str, tuple[str, ...]],
    by_span: Mapping[str, Sent],
    feeding: Sequence[Sent],
) -> list[_Placed]:
    anchors = {one.id: _anchor(one, paths, by_span) for one in asked}
    known = [anchor.started_us - one.started_us for one in asked if (anchor := anchors[one.id])]
    roots = [one for one in sent if one.parent is None]
    around = [] if known else [_around(one, paths, by_span, roots) for one in asked]
    shift = median_low(known) if known else _shift(asked, feeding, around)
    placed = []
    for one in asked:
        anchor = anchors[one.id]
        place = anchor.span if anchor else one.parent
        path = paths.get(place, ()) if place else ()
        started = anchor.started_us if anchor else one.started_us + shift
        placed.append(_Placed(one.id, path, started, one.started_us))
    return placed


def _anchor(one: Asked, paths: Mapping[str, tuple[str, ...]], by_span: Mapping[str, Sent]) -> Sent | None:
    """The app's own LLM span of an exchange: the nearest above the span that its request named, or the known one."""
    for span in paths.get(one.parent or "", ()):
        if span in by_span and by_span[span].kind == "llm":
            return by_span[span]
    return by_span.get(one.same or "")


def _around(
    one: Asked, paths: Mapping[str, tuple[str, ...]], by_span: Mapping[str, Sent], roots: Sequence[Sent]
) -> tuple[int, int] | None:
    """From when to when an exchange was, by the spans above it; None where none of them was sent.

    An exchange that names no place lies within the root.
    """
    named = [by_span[span] for span in paths.get(one.parent or "", ()) if span in by_span]
    above = roots if one.parent is None else named
    lasting = [
        each for each in above if not each.ours and each.kind not in (*FEEDS, "embedding", "guardrail")
    ]
    if not lasting:
        return None
    return min(each.started_us for each in lasting), max(each.ended_us for each in lasting)


def _shift(asked: Sequence[Asked], feeding: Sequence[Sent], around: Sequence[tuple[int, int] | None]) -> int:
    """Microseconds from the proxy's clock to the app's; 0 unless what is known of the trace speaks against it.

    Every exchange lies within the app's spans above it; where the clocks do not fit that, the last one is taken to
    begin after the last thing that was fed.
    """
    ends = [one.ended_us for one in feeding if not one.ours]
    if not asked or not ends:
        return 0
    last_start = max(one.started_us for one in asked)
    needed = max(ends) - last_start
    within = [(one, times) for one, times in zip(asked, around, strict=True) if times is not None]
    if not within:
        follows = min(ends) <= last_start + SLACK_US
        return 0 if follows or needed > FARTHEST_US else needed
    low = max(start - one.started_us for one, (start, _) in within)
    high = min(end - one.ended_us for one, (_, end) in within)
    if low <= 0 <= high:
        return 0
    if needed <= high:
        low = max(low, needed)
    return low if low > 0 or high < low else high


def pairs(spans: Mapping[str, int], exchanges: Mapping[str, int]) -> dict[str, str]:
    """Which LLM span tells of which exchange, among those that asked the same: id of the span by id of the exchange.

    Takes their starts in microseconds. As many of both: in their order. Else the nearest first, each once.
    """
    left = sorted(spans, key=lambda id: (spans[id], id))
    right = sorted(exchanges, key=lambda id: (exchanges[id], id))
    if len(left) == len(right):
        return dict(zip(right, left, strict=True))
    near = sorted((abs(spans[one] - exchanges[other]), one, other) for one in left for other in right)
    found: dict[str, str] = {}
    used: set[str] = set()
    for _, one, other in near:
        if one not in used and other not in found:
            found[other] = one
            used.add(one)
    return found
