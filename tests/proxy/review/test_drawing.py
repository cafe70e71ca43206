"""Charts as shapes: everything in its place, nothing of what is not known, and the same values in the table."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxy.review import words
from proxy.review.drawing import BOTTOM, LEFT, RIGHT, TOP, Plan, draw, when

HOUR = 3_600_000_000
values = st.lists(st.none() | st.integers(0, 10**15), min_size=4, max_size=4)


def told(*series: list[int | None], changes: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """What a chart of four hours gives."""
    named = [
        {"name": f"s{n}", "values": given, "total": sum(v or 0 for v in given)}
        for n, given in enumerate(series)
    ]
    times = [HOUR * n for n in range(4)]
    return {"times": times, "until": 4 * HOUR, "step": "hour", "series": named, "changes": changes or []}


@given(st.lists(values, max_size=8), st.booleans())
def test_every_shape_is_within_the_plot(series: list[list[int | None]], line: bool) -> None:
    """Whatever the values, and each that is anything is there."""
    found = draw(told(*series), Plan("x", words.count, line=line))

    for column in found.columns:
        for bar in column.bars:
            assert bar.x >= LEFT and bar.x + bar.width <= RIGHT + 0.1
            assert bar.y >= TOP - 3 and bar.y + bar.height <= BOTTOM + 0.1 and bar.height > 0
    if not line:
        assert sum(len(column.bars) for column in found.columns) == sum(
            1 for each in series for v in each if v
        )
    points = [point for _, runs in found.lines for run in runs for point in run.split()] + [
        f"{x},{y}" for _, x, y in found.dots
    ]
    assert len(points) == (sum(1 for each in series for v in each if v is not None) if line else 0)
    assert all(TOP <= float(point.split(",")[1]) <= BOTTOM for point in points)
    assert found.empty == (not any(v for each in series for v in each))


def test_a_line_is_broken_where_nothing_is_known() -> None:
    """No hour without exchanges is told as one that took no time."""
    found = draw(told([5, None, 7, 9]), Plan("x", words.count, line=True))

    assert len(found.dots) == 1
    assert [len(run.split()) for run in found.lines[0][1]] == [2]
    assert found.rows[-1] == ["1 Jan 00:00", "5"] and len(found.rows) == 3


def test_a_change_of_policy_stands_at_its_hour() -> None:
    """Two of one hour are one mark."""
    changes = [{"at_us": 2 * HOUR, "policy": "a@2"}, {"at_us": 2 * HOUR, "policy": "b@9"}]

    found = draw(told([1, 1, 1, 1], changes=changes), Plan("x", words.count))

    assert found.marks == [(round(LEFT + (RIGHT - LEFT) / 2, 1), "a@2, b@9")]


def test_times_are_told_as_long_as_they_are() -> None:
    """A day has no hour; what is no time is nothing."""
    assert (when(0, "day"), when(HOUR, "hour"), when(10**30, "day")) == ("1 Jan", "1 Jan 01:00", "")
