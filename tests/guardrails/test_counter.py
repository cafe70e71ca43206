"""Sliding windows: never too few, never much too many, in bounded memory."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.conversation import Counter
from guardrails.counter import MemoryCounter


class _Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(0, 30), max_size=60), st.sampled_from([0.5, 10.0, 3600.0]))
def test_what_is_inside_the_window_counts_and_what_is_well_outside_does_not(
    steps: list[float], seconds: float
) -> None:
    """The count lies between that of the window and that of a window two 64ths longer."""
    clock = _Clock()
    counter: Counter = MemoryCounter(clock)
    moments: list[float] = []
    for step in steps:
        clock.now += step
        moments.append(clock.now)
        counted = asyncio.run(counter.count("name", seconds))
        exact = sum(moment > clock.now - seconds for moment in moments)
        longer = sum(moment > clock.now - seconds * (1 + 2 / 64) for moment in moments)
        assert exact <= counted <= longer


@pytest.mark.asyncio
async def test_names_are_counted_apart_and_the_oldest_is_forgotten() -> None:
    """Memory is bounded in names and, for each name, in what it takes."""
    clock = _Clock()
    counter = MemoryCounter(clock, names=2)
    assert [await counter.count("a", 60), await counter.count("a", 60), await counter.count("b", 60)] == [
        1,
        2,
        1,
    ]
    assert await counter.count("a", 60) == 3
    assert await counter.count("c", 60) == 1
    assert await counter.count("a", 60) == 4
    assert await counter.count("b", 60) == 1
    for _ in range(10_000):
        clock.now += 0.01
        await counter.count("busy", 60)
    assert max(len(window) for window in counter._windows.values()) <= 66
