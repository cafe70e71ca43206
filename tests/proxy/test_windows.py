"""What counts within a minute, against a count of every moment; and which period a moment lies in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.windows import DAY, SLOTS, Window, period_bounds

MOVES = st.lists(st.tuples(st.floats(0, 40), st.integers(1, 9)), max_size=40)
"""(seconds since the last, amount)."""


def moments(moves: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """(time, amount) of each."""
    now, found = 1000.25, []
    for step, amount in moves:
        now += step
        found.append((now, amount))
    return found


@given(MOVES)
def test_no_minute_has_more_than_a_window_says(moves: list[tuple[float, int]]) -> None:
    """What counts is at least what there was within the last 60 seconds, and nothing older than 61 counts."""
    window, told = Window(), moments(moves)
    for place, (now, amount) in enumerate(told):
        window.add(now, amount)
        so_far = told[: place + 1]
        assert sum(a for at, a in so_far if at > now - 60) <= window.used(now)
        assert window.used(now) == sum(a for at, a in so_far if int(at) > int(now) - SLOTS)


@given(MOVES, st.integers(0, 60), st.floats(0, 100))
def test_a_wait_is_as_long_as_it_takes(moves: list[tuple[float, int]], most: int, later: float) -> None:
    """After the wait no more than was asked for counts, and a moment before it more did."""
    window, told = Window(), moments(moves)
    for now, amount in told:
        window.add(now, amount)
    now = (told[-1][0] if told else 1000.0) + later

    wait = window.wait(now, most)

    if wait > 0.001:
        before = Window()
        before._slots, before._total = window._slots.copy(), window._total
        assert before.used(now + wait - 0.001) > most
    assert window.used(now + wait + 1e-6) <= most


@given(st.lists(st.tuples(st.floats(-300, 300), st.integers(1, 9)), max_size=30))
def test_a_clock_that_steps_loses_nothing_of_the_last_minute(moves: list[tuple[float, int]]) -> None:
    """A clock that steps back stands still: what was counted goes on counting until the clock has passed it."""
    window, now, newest, at = Window(), 10_000.0, 0, []
    for step, amount in moves:
        now += step
        newest = max(newest, int(now))
        window.used(now)
        window.add(now, amount)
        at.append((int(now), newest, amount))

        least = sum(a for second, _, a in at if int(now) - 60 <= second <= int(now) and newest <= int(now))
        assert window.used(now) >= least
        assert window.used(now) >= amount


def test_replacing_forgets() -> None:
    """What is replaced is gone, and the new amount counts from now on."""
    window = Window()
    window.add(1.0, 5)

    window.replace(30.0, 3)

    assert (window.used(30.0), window.used(90.9), window.used(91.0)) == (3, 3, 0)


@pytest.mark.parametrize(
    ("period", "begins", "ends"),
    [
        ("day", "2026-11-22", "2026-11-23"),
        ("week", "2026-11-16", "2026-11-23"),
        ("month", "2026-11-01", "2026-12-01"),
    ],
)
def test_periods_are_those_of_the_calendar(period: str, begins: str, ends: str) -> None:
    """In UTC; a week begins on Monday."""
    at = datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC).timestamp()

    bounds = [datetime.fromtimestamp(each or 0, UTC).date().isoformat() for each in period_bounds(period, at)]

    assert bounds == [begins, ends]
    assert period_bounds("total", at) == (0, None)


@given(st.sampled_from(["day", "week", "month"]), st.integers(0, 4_000_000_000))
def test_periods_follow_one_another(period: str, at: int) -> None:
    """Each moment lies in exactly one period, which ends where the next begins; months and weeks hold whole days."""
    begins, ends = period_bounds(period, at)

    assert ends is not None
    assert begins <= at < ends
    assert period_bounds(period, ends)[0] == ends
    assert period_bounds(period, begins - 1)[1] == begins
    assert begins % DAY == ends % DAY == 0
    if period == "week":
        assert datetime.fromtimestamp(begins, UTC).isoweekday() == 1
    if period == "month":
        assert datetime.fromtimestamp(begins, UTC).day == 1
