"""Numbers and times as words."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.review import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 µs"), (840, "840 µs"), (1_800, "1.8 ms"), (9_949, "9.9 ms"), (9_951, "10 ms"), (812_400, "812 ms"),
        (999_600, "1.00 s"), (1_842_113, "1.84 s"), (61_204_000, "1 min 1 s"), (59_999_000, "1 min 0 s"),
        (None, "–"), (-1, "–"), ("12", "–"), (True, "–"), (float("nan"), "–"), (10**400, "–"),
    ],
)  # fmt: skip
def test_durations_read_well(value: Any, text: str) -> None:
    """The unit fits the size; what is no duration is a dash."""
    assert words.duration(value) == text


@pytest.mark.parametrize(
    ("usage", "text"),
    [
        ({"prompt_tokens": 1412, "completion_tokens": 0}, "1,412 in · 0 out"),
        ({"input_tokens": 3, "output_tokens": 4}, "3 in · 4 out"),
        ({"completion_tokens": 7}, "7 out"),
        (None, "not reported"),
        ({}, "not reported"),
        ({"prompt_tokens": "9", "completion_tokens": None}, "not reported"),
        ("many", "not reported"),
    ],
)
def test_tokens_are_never_made_up(usage: Any, text: str) -> None:
    """A count that the provider did not give is not shown as zero."""
    assert words.tokens(usage) == text


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [(0.8844, False, "0.884"), (-0.082, True, "−0.082"), (0.01, True, "+0.010"), (-0.0001, True, "0.000"),
     (None, False, "–"), ("1", False, "–"), (float("inf"), True, "–")],
)  # fmt: skip
def test_decimals_keep_their_sign_and_no_sign_before_zero(value: Any, signed: bool, text: str) -> None:
    """A change shows its direction; none has none."""
    assert words.decimal(value, signed=signed) == text


def test_times_are_utc_and_absent_ones_a_dash() -> None:
    """Short in lists, long in titles, RFC 3339 for machines."""
    assert words.long_time(1_759_329_128_000_000) == "2025-10-01 14:32:08 UTC"
    assert words.short_time(1_759_329_128_000_000) == "1 Oct 14:32:08"
    assert words.machine_time(1_759_329_128_004_000) == "2025-10-01T14:32:08.004+00:00"
    for bad in (None, 10**30, "now"):
        assert (words.short_time(bad), words.long_time(bad), words.machine_time(bad)) == ("–", "–", "")


def test_long_texts_are_cut_with_an_ellipsis() -> None:
    """The result is never longer than asked for."""
    assert words.shorten("abcdef", 6) == "abcdef"
    assert words.shorten("abc defg", 5) == "abc…"


def test_counts_have_thousands() -> None:
    """A count is whole."""
    assert words.count(1284) == "1,284"
    assert words.count(None) == "–"


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "$0.00"),
        (1, "$0.000000001"),
        (1_725_000, "$0.001725"),
        (1_234_500_000_000, "$1,234.50"),
        (None, "not known"),
        ("1", "not known"),
        (True, "not known"),
    ],
)
def test_a_cost_is_told_to_the_last_digit_or_as_unknown(nano: Any, text: str) -> None:
    """Never as nothing where nobody knows."""
    assert words.cost(nano) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.8841, "", "0.884"),
        (812.4, "ms", "812 ms"),
        (-12.0, "ms", "−12 ms"),
        (None, "ms", "–"),
        ("x", "", "–"),
    ],
)
def test_measures_have_their_unit(value: Any, unit: str, text: str) -> None:
    """Shares have decimals, milliseconds have none; what is not known is a dash."""
    assert words.measure(value, unit) == text
