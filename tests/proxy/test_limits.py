"""Limits are read whole or refused with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.limits import COUNTS, MOST, PERIODS, UNLIMITED, Limits, conflict, parse_limits

COUNT = st.integers(1, MOST)
CENTS = st.integers(1, 10**9).map(lambda cents: cents / 100)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(COUNTS, COUNT),
        "budgets": st.dictionaries(st.sampled_from(PERIODS), CENTS, min_size=1),
    },
)


@given(DOCUMENTS)
def test_a_document_of_limits_is_read_and_told_alike(document: dict[str, Any]) -> None:
    """Nothing is lost or rounded on the way."""
    found = parse_limits(document)

    assert found.document() == document
    assert bool(found) == bool(document)
    assert conflict(found, found) is None


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"rps": 3}, "'rps' is no limit"),
        ({"rpm": 0}, "rpm takes"),
        ({"tpm": -1}, "tpm takes"),
        ({"rpm": True}, "rpm takes"),
        ({"rpm": "60"}, "rpm takes"),
        ({"rpm": MOST + 1}, "rpm takes"),
        ({"max_parallel_requests": 1.5}, "max_parallel_requests takes"),
        ({"budgets": 3}, "by period"),
        ({"budgets": {"year": 3}}, "not for 'year'"),
        ({"budgets": {"day": 0}}, "over 0"),
        ({"budgets": {"day": float("nan")}}, "over 0"),
        ({"budgets": {"day": float("inf")}}, "over 0"),
        ({"budgets": {"day": "3"}}, "over 0"),
    ],
)
def test_a_limit_that_cannot_be_meant_is_refused(document: dict[str, Any], says: str) -> None:
    """The message names the member and what it takes."""
    with pytest.raises(ValueError, match=says):
        parse_limits(document)


@pytest.mark.parametrize(
    ("key", "team", "says"),
    [
        ({"rpm": 61}, {"rpm": 60}, "rpm of 61"),
        ({"budgets": {"day": 3}}, {"budgets": {"day": 2.5}}, "3 USD a day"),
        ({"rpm": 60}, {"rpm": 60}, None),
        ({"rpm": 1}, {"tpm": 1}, None),
        ({"budgets": {"day": 3}}, {"budgets": {"month": 2}}, None),
    ],
)
def test_a_limit_above_the_teams_is_a_conflict(
    key: dict[str, Any], team: dict[str, Any], says: str | None
) -> None:
    """It could never be reached."""
    found = conflict(parse_limits(key), parse_limits(team))

    assert found is None if says is None else says in (found or "")


def test_no_limits_are_falsy() -> None:
    """So that whoever has none is let through at once."""
    assert not UNLIMITED
    assert Limits(rpm=1)
