"""What a key or a team may use: requests and tokens a minute, requests at a time, money a period."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from types import MappingProxyType
from typing import Any

PERIODS = ("day", "week", "month", "total")
"""Periods that a budget may be for: by the calendar, in UTC, a week begins on Monday; `total` never ends."""
NANO = 1_000_000_000
"""Billionths of a US dollar in one."""
MOST = 1_000_000_000
"""The largest number that any limit takes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one key or one team; None or an empty mapping: unbounded."""

    rpm: int | None = None
    """Requests within any 60 seconds."""
    tpm: int | None = None
    """Tokens, in and out, within any 60 seconds."""
    max_parallel_requests: int | None = None
    """Requests under way at a time."""
    budgets: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Billionths of a US dollar by period."""

    def __bool__(self) -> bool:
        """Whether anything is bounded."""
        return self != UNLIMITED

    def document(self) -> dict[str, Any]:
        """As it is stored and shown, budgets in US dollars: `{"rpm": 60, "budgets": {"day": 2.5}}`."""
        said: dict[str, Any] = {
            name: getattr(self, name) for name in COUNTS if getattr(self, name) is not None
        }
        if self.budgets:
            said["budgets"] = {period: nano / NANO for period, nano in self.budgets.items()}
        return said


UNLIMITED = Limits()
COUNTS = tuple(each.name for each in fields(Limits) if each.name != "budgets")


def parse_limits(given: Mapping[str, Any]) -> Limits:
    """Limits from their document. Raises ValueError saying which member cannot be meant, and what it takes."""
    for name in given:
        if name not in (*COUNTS, "budgets"):
            raise ValueError(f"{str(name)[:64]!r} is no limit. Use {', '.join(COUNTS)} or budgets.")
    counts = {name: _count(name, given[name]) for name in COUNTS if given.get(name) is not None}
    budgets = given.get("budgets") or {}
    if not isinstance(budgets, Mapping):
        raise ValueError(f"budgets takes US dollars by period: {', '.join(PERIODS)}.")
    return Limits(**counts, budgets=MappingProxyType({str(p): _nano(str(p), v) for p, v in budgets.items()}))


def conflict(key: Limits, team: Limits) -> str | None:
    """In words, which limit of a key its team's makes pointless; None when none does."""
    for name in COUNTS:
        own, shared = getattr(key, name), getattr(team, name)
        if own is not None and shared is not None and own > shared:
            return f"{name} of {own} is more than the team's {shared}"
    for period, nano in key.budgets.items():
        if nano > (shared := team.budgets.get(period, nano)):
            return f"the budget of {nano / NANO:g} USD a {period} is more than the team's {shared / NANO:g}"
    return None


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
        raise ValueError(f"{name} takes a whole number from 1 to {MOST:,}.")
    return value


def _nano(period: str, value: Any) -> int:
    if period not in PERIODS:
        raise ValueError(f"a budget is for a {', '.join(PERIODS)}, not for {period[:64]!r}.")
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if not numeric or not math.isfinite(value) or not 1 / NANO <= value <= MOST:
        raise ValueError(f"the budget a {period} takes US dollars over 0, up to {MOST:,}.")
    # What was written, not what a double makes of it: large budgets have more digits than that holds.
    return int((Decimal(str(value)) * NANO).to_integral_value())
