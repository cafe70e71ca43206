"""A score is a finite number or it says why it is none."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.types import Cause, Score, Status


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_score_is_never_nan_or_infinite(value: float) -> None:
    """A number that is none cannot be built."""
    with pytest.raises(ValueError, match="finite"):
        Score.of(value)


@pytest.mark.parametrize(("status", "value"), [(Status.SCORED, None), (Status.UNSCORED, 0.0)])
def test_status_and_value_cannot_disagree(status: Status, value: float | None) -> None:
    """Unscored is not zero, and scored is not nothing."""
    with pytest.raises(ValueError, match="finite"):
        Score(status, value)


@given(st.floats(-1e9, 1e9))
def test_a_value_is_rounded_to_a_millionth(value: float) -> None:
    """Equal inputs give equal documents."""
    assert Score.of(value).value == round(value, 6)


def test_an_unscored_score_keeps_its_reason() -> None:
    """Reason and cause survive."""
    score = Score.unscored("no hits", Cause.EMPTY)

    assert (score.value, score.reason, score.cause) == (None, "no hits", Cause.EMPTY)
