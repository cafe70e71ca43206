"""Personal data and secrets in golden items, found by the same checks that proxies run."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import Any

from evals.golden import Item, lines_sha256, some
from guardrails.check import Check
from guardrails.stand_ins import VALUES
from guardrails.types import Segment, Span, Stage

ENGINE = "guardhouse pii, secrets"
NOT_SCANNED = {
    "": ("id",),
    "label": ("by",),
    "quarantine": ("owner",),
    "provenance": ("trace", "subject", "candidate", "proxy"),
}
"""Members of an item, and of objects in it, that are not looked at: ids, hashes, and who is named on purpose."""

MOST_PLACES = 100
"""Ids of items with hits that a manifest lists."""

_NOBODY = re.compile(
    r"""
      [^@\s]+@(?:[\w-]+\.)*(?:example\.(?:com|org|net)|[\w-]+\.(?:example|test|invalid)|example)
    | (?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}
    | 2001:0?db8:[0-9a-f:]*
    | (?:[\d+(). -]*\D)?555[-. ]01\d\d
    """,
    re.X | re.I,
)
"""Values that are kept free for examples: domains (RFC 2606), addresses (RFC 5737, RFC 3849), telephone numbers."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan of a set found."""

    of: str
    """Hash of the lines of the items that were scanned."""
    hits: Mapping[str, int] = field(default_factory=dict)
    """Values that nobody says are there on purpose, counted by kind."""
    planted: Mapping[str, int] = field(default_factory=dict)
    """Values of kinds that their item expects the guardrails to find or says to be nobody's, counted by kind."""
    places: Sequence[str] = ()
    """Ids of the items with hits, in order."""

    def document(self) -> dict[str, Any]:
        """The scan as it stands in a manifest."""
        return {
            "engine": ENGINE,
            "version": version(),
            "of": self.of,
            "hits": sum(self.hits.values()),
            "kinds": dict(self.hits),
            "in": [*self.places[:MOST_PLACES]],
            "planted": dict(self.planted),
        }


def scan(items: Sequence[Item]) -> Scan:
    """Look through items. About two seconds per million characters on one core."""
    hits, planted = Counter[str](), Counter[str]()
    places = []
    for item, kinds in zip(items, _kinds(items), strict=True):
        meant = _meant(item)
        for kind in kinds:
            (planted if kind in meant else hits)[kind] += 1
        if not meant.issuperset(kinds):
            places.append(str(item["id"]))
    return Scan(lines_sha256(items), dict(sorted(hits.items())), dict(sorted(planted.items())), places)


def _meant(item: Item) -> frozenset[str]:
    """Kinds that are in an item on purpose: what the guardrails should find, and look-alikes that they do find."""
    guardrail = item.get("expected", {}).get("guardrail") or {}
    planted = item.get("planted")
    named = [kind for kind in planted if isinstance(kind, str)] if isinstance(planted, list) else []
    return frozenset([*guardrail.get("entities", ()), *named])


def personal(item: Mapping[str, Any]) -> list[str]:
    """Kinds of personal data and secrets in an item that are somebody's; sorted."""
    [kinds] = _kinds([item])
    return sorted(set(kinds))


def wrong_with(recorded: Mapping[str, Any] | None, now: str) -> tuple[str, bool]:
    """What is wrong with the scan that a manifest records, and whether that is certain; empty when nothing is.

    Args:
        recorded: `pii_scan` of a manifest; None when it has none.
        now: hash of the lines of the set as it is.
    """
    if not recorded:
        return "nobody looked for personal data in the set", True
    if recorded.get("of") != now:
        return "the scan for personal data is of another content", True
    if recorded.get("hits"):
        return told(recorded), True
    if (recorded.get("engine"), recorded.get("version")) != (ENGINE, version()):
        return "the scan for personal data was made by another version", False
    return "", False


def told(recorded: Mapping[str, Any]) -> str:
    """The hits of a scan that a manifest records, in words; empty when there are none."""
    if not recorded.get("hits"):
        return ""
    kinds, places = recorded.get("kinds"), recorded.get("in")
    counts = [f"{count} {kind}" for kind, count in kinds.items()] if isinstance(kinds, dict) else []
    where = f" in {some([str(place) for place in places])}" if isinstance(places, list) and places else ""
    return f"what looks like somebody's data or secrets: {', '.join(counts) or recorded['hits']}{where}"


def version() -> str:
    """The version of the checks: that of this product."""
    try:
        return metadata.version("guardhouse")
    except metadata.PackageNotFoundError:
        return "0"


def _kinds(items: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    """For each item the kind of each value found in it that may be somebody's, in no order."""
    texts = [[*_texts(_looked_at(item))] for item in items]
    segments = [Segment(text, "", Stage.INPUT) for own in texts for text in own]
    found = [asyncio.run(_run(check, segments)) for check in _checks()]
    each = iter(
        [
            span.entity
            for spans in sides
            for span in spans
            if _is_somebodys(segment.text[span.start : span.end])
        ]
        for segment, *sides in zip(segments, *found, strict=True)
    )
    for own in texts:
        yield [kind for _ in own for kind in next(each)]


@cache
def _checks() -> tuple[Check, Check]:
    """The checks, built once: they keep no state between calls."""
    from guardrails.checks.pii import pii
    from guardrails.checks.secrets import secrets

    return pii(), secrets()


async def _run(check: Check, segments: Sequence[Segment]) -> list[list[Span]]:
    return await check(segments)


def _is_somebodys(value: str) -> bool:
    return value not in _KNOWN and not _NOBODY.fullmatch(value.strip())


def _looked_at(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item without what is not scanned."""
    return {
        name: _without(value, NOT_SCANNED.get(name, ())) if isinstance(value, dict) else value
        for name, value in _without(item, NOT_SCANNED[""]).items()
    }


def _without(value: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: member for name, member in value.items() if name not in names}


def _texts(value: Any) -> Iterable[str]:
    """Every string in a JSON value, names of members included where they are long enough to hold anything."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting.extend(one.values())
            waiting.extend(name for name in one if len(name) > 8)
        elif isinstance(one, list):
            waiting.extend(one)


_KNOWN = frozenset(VALUES.values())
