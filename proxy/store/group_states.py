"""What becomes of a group of findings: the state that somebody set, and what has come since. Pure."""

from __future__ import annotations

from dataclasses import dataclass

DAY_US = 86_400_000_000
NEW_US = 7 * DAY_US
"""For how long a group that nobody touched is new."""
ESCALATING = 3
"""Times as many as on a usual day, within a day, that end an archive with `escalating`."""
ESCALATING_LEAST = 10
"""Fewer than so many within a day never do."""
STORED = ("ongoing", "archived", "resolved")
"""What somebody can set."""
UNTOUCHED = "new"
"""Stored for a group of which somebody said something, and set nothing."""
STATES = ("regressed", "new", "ongoing", "archived", "resolved")
"""What a group can be, the most pressing first."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The state as it was set."""

    state: str
    changed_us: int
    until_us: int | None = None
    until_count: int | None = None
    escalating: bool = False


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a group has come to."""

    first_us: int | None
    """When the first came, as far as is known; None when none is."""
    came: int = 0
    """Since the state was set."""
    last_day: int = 0
    """Within the last day, of those that came since."""
    usual: float = 0.0
    """A day, over the week before the state was set."""


@dataclass(frozen=True, slots=True)
class Now:
    """What a group is now, and what made it so where time did."""

    state: str
    why: str = ""


def state_now(kept: Kept | None, numbers: Numbers, now_us: int) -> Now:
    """The state of a group at a moment."""
    if kept is None or kept.state == UNTOUCHED:
        young = numbers.first_us is not None and now_us - numbers.first_us < NEW_US
        return Now("new" if young else "ongoing")
    if kept.state == "resolved" and numbers.came > 0:
        return Now("regressed", "It came again after it was resolved.")
    if kept.state == "archived":
        if kept.until_us is not None and now_us >= kept.until_us:
            return Now("ongoing", "The time is over until which it was archived.")
        if kept.until_count is not None and numbers.came >= kept.until_count:
            return Now("ongoing", "As many came as it was archived for.")
        if kept.escalating and numbers.last_day >= max(ESCALATING_LEAST, ESCALATING * numbers.usual):
            return Now("ongoing", "They come much more often than before it was archived.")
    return Now(kept.state)
