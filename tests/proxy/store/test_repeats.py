"""Calls that are asked for again and again."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxy.store.repeats import REPEATS, repeats

DAY_ONE, DAY_TWO = "0199a4c0ffee", "0199a9c0ffee"


def _rows(*asked: tuple[str, str, str]) -> list[dict[str, Any]]:
    """Mentions: (tool, blob of its arguments, state)."""
    return [
        {"name": name, "arguments_blob": blob, "state": state, "span_id": f"s{n}", "seq": 0, "started_us": n}
        for n, (name, blob, state) in enumerate(asked)
    ]


def test_equal_arguments_are_one_blob_whatever_the_day() -> None:
    """A run that goes on past midnight repeats itself all the same; answers and other arguments do not count."""
    same = [("look", day + "aa", "requested") for day in (DAY_ONE, DAY_ONE, DAY_TWO)]
    [found] = repeats(
        _rows(*same, ("look", DAY_ONE + "aa", "answered"), ("look", DAY_ONE + "bb", "requested"), ("mail", DAY_ONE + "aa", "requested"))
    )  # fmt: skip

    assert (found.name, [one.span_id for one in found.times]) == ("look", ["s0", "s1", "s2"])
    assert repeats(_rows(*same[:2])) == []


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.just("requested")), max_size=30))
def test_every_repeat_is_told_with_each_of_its_times(asked: list[tuple[str, str, str]]) -> None:
    """As often as it was asked for, in order, the most often first."""
    found = repeats(_rows(*((name, DAY_ONE + blob, state) for name, blob, state in asked)))

    times = [len(one.times) for one in found]
    assert times == sorted(times, reverse=True)
    assert sorted(times) == sorted(n for n in (asked.count(each) for each in set(asked)) if n >= REPEATS)
