"""What an address says was saved is undone for ten seconds, and what it makes up is nothing."""

from __future__ import annotations

import time

import pytest

from proxy.review.undoing import UNDO_S, Saved, given, saved


def test_what_was_saved_is_read_back_from_its_mark() -> None:
    """Of an item of a queue and of a trace."""
    done = given("0a1b")
    assert saved({"given": done.mark}) == done and done.item
    assert saved({"saved": done.mark}) == Saved("0a1b", done.since_us, True, False)


def test_it_is_fresh_for_ten_seconds() -> None:
    """Not when they are over, and not in the future."""
    now = time.time_ns() // 1000
    for since in (now - UNDO_S * 1_000_000, now + 60_000_000, 0):
        found = saved({"given": f"0a1b.{since}"})
        assert found is not None and not found.fresh


@pytest.mark.parametrize(
    "mark", ["", "1", "0a1b", "0a1b.", ".5", "0a/1b.5", "0a1b.-5", "0a1b.\u0665", "0a1b." + "9" * 19]
)
def test_what_is_no_mark_is_nothing(mark: str) -> None:
    """No page breaks on it."""
    assert saved({"saved": mark, "given": mark}) is None
