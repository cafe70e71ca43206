"""Lag: the longest wait of a window, and no more memory than it takes."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import lag
from proxy.lag import WINDOW_SECONDS, Lag


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 3)), max_size=40), st.floats(0, 40))
def test_the_longest_wait_of_the_window_is_told(steps: list[tuple[float, float]], later: float) -> None:
    """As a search through all of them would find it."""
    now = [0.0]
    seen, measured = [], Lag(lambda: now[0])
    for step, wait in steps:
        now[0] += step
        measured.note(wait)
        seen.append((now[0], wait))
    now[0] += later

    assert measured.seconds() == max((wait for at, wait in seen if at > now[0] - WINDOW_SECONDS), default=0.0)


async def test_a_blocked_loop_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait of what was due meanwhile, by the loop's own clock."""
    monkeypatch.setattr(lag, "EVERY_SECONDS", 0.0)
    ticks = iter(range(100))
    measured = Lag(lambda: float(next(ticks)))
    watching = asyncio.create_task(measured.watch())
    for _ in range(5):
        await asyncio.sleep(0)
    watching.cancel()

    assert measured.seconds() == 1.0
