"""Which exchange a retrieval or a tool fed: told from an app's own spans and the exchanges tied to them. Pure.

Each feeds one exchange: of those that begin after it ended the one whose place in the app's tree is nearest to its
own, then the earliest. App and proxy may have clocks of their own, so an exchange is put on the app's clock: by the
app's span of the same call where there is one, else by a shift that fits what is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low

FEEDS = ("retrieval", "reranker", "tool")
"""Kinds of spans whose results are given to a model."""
SLACK_US = 2_000
"""By how much a span may end after the exchange that it fed began: clocks are read one after the other."""
FARTHEST_US = 30_000_000
"""How far two clocks may be apart to be put right where no span of the app lies around its exchanges."""
_DEEPEST = 1_000


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
    """W3C ids from the root to its place; empty where it has none."""
    started_us: int
    own_us: int
    """Its start on the proxy's clock."""


def fed(sent: Sequence[Sent], asked: Sequence[Asked]) -> dict[str, str]:
    """Id of the exchange that each feeding span fed, by id of the span; those that fed none are left out."""
    by_span = {one.span: one for one in sent}
    paths = {one.span: _path(one.span, by_span) for one in sent}
    feeding = [one for one in sent if one.kind in FEEDS and not _repeats(one, paths, by_span)]
    placed = _placed(sent, asked, paths, by_span, feeding)
    found: dict[str, str] = {}
    for one in feeding:
        path = paths[one.span] if one.parent is not None else ()
        after = [
            each
            for each in placed
            if (each.own_us if one.ours else each.started_us) + SLACK_US >= one.ended_us
        ]
        if after:
            near = min(after, key=lambda each: (-_common(path, each.path), each.started_us, each.id))
            found[one.id] = near.id
    return found


def _path(span: str, by_span: Mapping[str, Sent]) -> tuple[str, ...]:
    """W3C ids from the root to a span. A parent that was not sent is a root too; a ring of parents ends."""
    path: list[str] = []
    here: str | None = span
    seen: set[str] = set()
    while here is not None and here not in seen and len(path) < _DEEPEST:
        seen.add(here)
        path.append(here)
        here = by_span[here].parent if here in by_span else None
    return tuple(reversed(path))


def _repeats(one: Sent, paths: Mapping[str, tuple[str, ...]], by_span: Mapping[str, Sent]) -> bool:
    """Whether a retrieval is a step of another one: what the outer one gave is what was used."""
    if one.kind == "tool":
        return False
    outer = (by_span[span] for span in paths[one.span][:-1] if span in by_span)
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
    around = [] if known else [_around(one, paths, by_span) for one in asked]
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
    for span in reversed(paths.get(one.parent or "", ())):
        if span in by_span and by_span[span].kind == "llm":
            return by_span[span]
    return by_span.get(one.same or "")


def _around(
    one: Asked, paths: Mapping[str, tuple[str, ...]], by_span: Mapping[str, Sent]
) -> tuple[int, int] | None:
    """From when to when an exchange was, by the spans above it; None where none of them was sent.

    An exchange that names no place lies within the root.
    """
    if one.parent is None:
        above = [each for each in by_span.values() if each.parent is None]
    else:
        above = [by_span[span] for span in paths.get(one.parent, ()) if span in by_span]
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


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many steps two paths have in common."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


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
