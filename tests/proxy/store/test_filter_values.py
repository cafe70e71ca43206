"""Values of terms: times, numbers, patterns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.store.filter_values import (
    MICROSECONDS,
    NANODOLLARS,
    PLAIN,
    agrees,
    at_first,
    at_last,
    microseconds,
    moment,
    nearest,
    number,
    told,
)


@given(st.integers(0, 4_000_000_000_000_000))
def test_a_time_is_written_to_the_microsecond(us: int) -> None:
    """And read again."""
    assert microseconds(told(us)) == us == moment(told(us), 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1h", -3_600_000_000), ("2w", -1_209_600_000_000), ("1970-01-01T00:00:01Z", 1_000_000), ("x", None),
     ("1970-01-01T00:00:00", None), ("1y", None), ("", None), ("9" * 99 + "h", None)],
)  # fmt: skip
def test_a_moment_is_a_time_or_an_age(text: str, expected: int | None) -> None:
    """Anything else is none."""
    assert moment(text, 0) == expected


@pytest.mark.parametrize(
    ("text", "units", "expected"),
    [("1.5", PLAIN, 1.5), ("2s", MICROSECONDS, 2_000_000), ("3", MICROSECONDS, 3_000_000), ("$0.1", NANODOLLARS, 1e8),
     ("$1", PLAIN, None), ("1e9", PLAIN, None), ("-1", PLAIN, None), ("٣", PLAIN, None), ("2s", PLAIN, None)],
)  # fmt: skip
def test_a_number_has_a_unit(text: str, units: dict[str, int], expected: float | None) -> None:
    """In that which is stored."""
    found = number(text, units)

    assert found == expected if expected is None else float(found or 0) == expected


def test_patterns_are_cut_and_compared() -> None:
    """At literal characters only."""
    assert at_first(("a=b=", "c"), "=") == (("a",), ("b=", "c"))
    assert at_last(("a@b@", "c"), "@") == (("a@b",), ("", "c"))
    assert at_first(("a", "b"), "*") is None
    assert agrees(("a.", "c"), "a.\nc")
    assert not agrees(("a.",), "ab")
    assert not agrees(("", ""), None)
    assert nearest("modle", ("model", "team")) == " Did you mean model?"
