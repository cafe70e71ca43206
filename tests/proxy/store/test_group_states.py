"""States of groups: what was set, and what time and new findings make of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.store.group_states import DAY_US, NEW_US, STATES, STORED, Kept, Numbers, state_now

NOW = 1_000 * DAY_US
_TIMES = st.integers(NOW - 100 * DAY_US, NOW)
_KEPT = st.builds(
    Kept,
    st.sampled_from(STORED),
    _TIMES,
    st.none() | st.integers(NOW - 10 * DAY_US, NOW + 10 * DAY_US),
    st.none() | st.integers(1, 100),
    st.booleans(),
)
_NUMBERS = st.builds(Numbers, st.none() | _TIMES, st.integers(0, 200), st.integers(0, 200), st.floats(0, 100))


@pytest.mark.parametrize(
    ("kept", "numbers", "state"),
    [
        (None, Numbers(NOW - NEW_US + 1), "new"),
        (None, Numbers(NOW - NEW_US), "ongoing"),
        (None, Numbers(None), "ongoing"),
        (Kept("ongoing", NOW), Numbers(NOW, 5), "ongoing"),
        (Kept("resolved", NOW), Numbers(NOW, 0), "resolved"),
        (Kept("resolved", NOW), Numbers(NOW, 1), "regressed"),
        (Kept("archived", NOW), Numbers(NOW, 10**6, 10**6), "archived"),
        (Kept("archived", NOW, until_us=NOW + 1), Numbers(NOW, 9), "archived"),
        (Kept("archived", NOW, until_us=NOW), Numbers(NOW), "ongoing"),
        (Kept("archived", NOW, until_count=9), Numbers(NOW, 8), "archived"),
        (Kept("archived", NOW, until_count=9), Numbers(NOW, 9), "ongoing"),
        (Kept("archived", NOW, escalating=True), Numbers(NOW, 99, 9, 0), "archived"),
        (Kept("archived", NOW, escalating=True), Numbers(NOW, 99, 10, 0), "ongoing"),
        (Kept("archived", NOW, escalating=True), Numbers(NOW, 99, 29, 10), "archived"),
        (Kept("archived", NOW, escalating=True), Numbers(NOW, 99, 30, 10), "ongoing"),
    ],
)
def test_each_state_follows_from_what_was_set_and_what_came(
    kept: Kept | None, numbers: Numbers, state: str
) -> None:
    """Every way from one state to another, at its very border."""
    assert state_now(kept, numbers, NOW).state == state


@given(st.none() | _KEPT, _NUMBERS, st.integers(0, 50), st.integers(0, 50))
def test_more_findings_and_time_never_hide_a_group_again(
    kept: Kept | None, numbers: Numbers, more: int, later: int
) -> None:
    """What was not archived or resolved any more does not become so by itself; what time made says why."""
    before = state_now(kept, numbers, NOW)
    grown = Numbers(numbers.first_us, numbers.came + more, numbers.last_day + more, numbers.usual)
    after = state_now(kept, grown, NOW + later * DAY_US)

    assert {before.state, after.state} <= set(STATES)
    quiet = ("archived", "resolved")
    assert before.state in quiet or after.state not in quiet
    for now in (before, after):
        assert bool(now.why) == (kept is not None and now.state != kept.state)
