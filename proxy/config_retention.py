"""How long things are kept: `guardhouse.retention`, one clock for each kind of thing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from proxy.yaml_source import KeyPath, YamlSource

MOST_DAYS = 36_500
_AGE = re.compile(r"(\d{1,5})([dwmy])", re.ASCII)
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
_FIX = "Write a number of days such as 90, or an age such as 90d, 12w, 6m (30 days each) or 2y."


@dataclass(frozen=True, slots=True)
class Clocks:
    """For how many days each kind of thing is kept."""

    metadata: int = 90
    """Traces: their rows, findings, tool calls and hits, what apps' spans tell, feedback and reviews."""
    content: int = 30
    """What was said, as the guardrails let it through."""
    raw: int = 7
    """What was said before the guardrails, where a policy keeps it."""
    runs: int = 730
    """Runs of evals."""
    rollups: int = 730
    """What charts and total budgets count."""
    audit: int = 730
    """What was done, revealed, erased, held and deleted, and which traces were lost."""


DEFAULT = Clocks()
CLOCKS = tuple(each.name for each in fields(Clocks))


def retention(source: YamlSource, given: Any) -> Clocks:
    """The clocks of `guardhouse.retention`. Raises ConfigError at the line of what cannot be meant."""
    path: KeyPath = ("guardhouse", "retention")
    if given is None:
        return DEFAULT
    if not isinstance(given, Mapping):
        raise source.error_at(
            path, "guardhouse.retention must be a mapping.", fix="Write e.g. {content: 30d}."
        )
    days: dict[str, int] = {}
    for name, value in given.items():
        at = (*path, name)
        if name not in CLOCKS:
            raise source.error_at(
                at, f"unknown key guardhouse.retention.{name}.", fix=f"Use one of: {', '.join(CLOCKS)}."
            )
        found = _age(value)
        if found is None:
            raise source.error_at(at, f"guardhouse.retention.{name} takes 1 to {MOST_DAYS} days.", fix=_FIX)
        days[name] = found
    clocks = Clocks(**_filled(days))
    for shorter, longer, why in _ORDER:
        if getattr(clocks, shorter) > getattr(clocks, longer):
            told = f"{shorter} ({getattr(clocks, shorter)} days) is kept longer than {longer}"
            raise source.error_at(
                (*path, shorter if shorter in days else longer),
                f"guardhouse.retention: {told} ({getattr(clocks, longer)} days), {why}.",
                fix=f"Shorten {shorter}, or lengthen {longer}.",
            )
    return clocks


_ORDER = (
    ("content", "metadata", "and nobody finds what was said without its trace"),
    ("raw", "content", "and what guardrails hid would outlive what they let through"),
    ("metadata", "rollups", "and charts would show less than lists"),
    ("metadata", "audit", "and nobody could say who read a trace"),
)
"""Which clock must not run longer than which."""


def _filled(days: Mapping[str, int]) -> dict[str, int]:
    """The clocks that are given, and defaults for the others: no longer than a given one allows."""
    metadata = days.get("metadata", max(DEFAULT.metadata, days.get("content", 0)))
    content = days.get("content", max(min(DEFAULT.content, metadata), days.get("raw", 0)))
    told = {"metadata": metadata, "content": content, "raw": min(DEFAULT.raw, content)}
    return {**told, "rollups": max(DEFAULT.rollups, metadata), "audit": max(DEFAULT.audit, metadata), **days}


def _age(value: Any) -> int | None:
    """Days; None for what is no age."""
    if isinstance(value, str) and (match := _AGE.fullmatch(value)):
        value = int(match[1]) * _DAYS[match[2]]
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 1 <= value <= MOST_DAYS else None
