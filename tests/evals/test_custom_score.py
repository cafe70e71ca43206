"""Whatever a scorer puts into a Score comes out as plain values, or as the reason why it cannot."""

from __future__ import annotations

import json
from dataclasses import asdict
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.custom_score import Malformed, checked
from evals.types import Cause, Evidence, Score, ScoreSpan, Status, Usage


def score(**fields: Any) -> Score:
    """A score of 0.5 with these fields."""
    return Score(**{"status": Status.SCORED, "value": 0.5, **fields})


@pytest.mark.parametrize(
    ("given_value", "value"),
    [
        (True, 1.0),
        (False, 0.0),
        (1, 1.0),
        (np.float32(0.25), 0.25),
        (np.int64(3), 3.0),
        (np.bool_(True), 1.0),
        (Decimal("0.5"), 0.5),
        (Fraction(1, 4), 0.25),
    ],
)
def test_a_number_of_any_kind_is_a_float(given_value: Any, value: float) -> None:
    """JSON's `true` is no value, and numpy's numbers are none of JSON."""
    found = checked(score(value=given_value)).value

    assert (type(found), found) == (float, value)


def test_what_is_right_stays() -> None:
    """Numbers of places and tokens may be numpy's too."""
    spans = [ScoreSpan(np.int64(0), 2, "baseless", Evidence(0, np.int64(1), 2))]
    found = checked(
        score(reason="so", spans=spans, looked_at="1", coverage=np.float32(1), usage=Usage(np.int64(2), 3))
    )

    assert found == Score(
        Status.SCORED,
        0.5,
        "so",
        spans=(ScoreSpan(0, 2, "baseless", Evidence(0, 1, 2)),),
        looked_at="1",
        coverage=1.0,
        usage=Usage(2, 3),
    )
    json.dumps(asdict(found), allow_nan=False)
    assert checked(Score.unscored("x", Cause.EMPTY)) == Score.unscored("x", Cause.EMPTY)


def test_a_score_without_a_value_has_a_cause() -> None:
    """And one with a value has none; a lone surrogate can be written."""
    assert checked(Score.unscored("", Cause.NONE)).cause is Cause.SCORER
    assert checked(score(cause=Cause.EMPTY)).cause is Cause.NONE
    checked(score(reason="\ud800")).reason.encode("utf-8")


class _Odd:
    """No attribute of it can be read."""

    def __getattr__(self, name: str) -> Any:
        raise ValueError("sk-secret")

    def __float__(self) -> float:
        raise ValueError("sk-secret")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"reason": 5}, "whose reason is int and no text"),
        ({"looked_at": b"x"}, "whose looked_at is bytes and no text"),
        ({"reply": None}, "whose reply is NoneType and no text"),
        ({"spans": ("x",)}, "whose spans hold str and no ScoreSpan"),
        ({"spans": "x"}, "whose spans is str and no tuple"),
        ({"spans": 5}, "whose spans is int and no tuple"),
        ({"spans": (ScoreSpan(0.5, 2, "baseless"),)}, "whose span is float and no whole number"),  # type: ignore[arg-type]
        ({"spans": (ScoreSpan(-1, 2, "baseless"),)}, "whose span is below 0"),
        ({"spans": (ScoreSpan(3, 2, "baseless"),)}, "a span that ends before it starts"),
        ({"spans": (ScoreSpan(0, 2, 7),)}, "whose kind of span is int and no text"),  # type: ignore[arg-type]
        ({"spans": (ScoreSpan(0, 2, "x", 7),)}, "whose evidence is int and no Evidence"),  # type: ignore[arg-type]
        ({"coverage": float("nan")}, "whose coverage is not finite"),
        ({"coverage": 2}, "whose coverage is not within 0 and 1"),
        ({"coverage": "1"}, "whose coverage is str and no number"),
        ({"usage": "x"}, "whose usage is str and no Usage"),
        ({"usage": Usage(1.5, 1)}, "whose usage is float and no whole number"),  # type: ignore[arg-type]
        ({"usage": Usage(-1, 1)}, "whose usage is below 0"),
        ({"cause": "sk-secret"}, "whose cause is str and no Cause"),
        ({"spans": _Odd()}, "a Score"),
        ({"reason": _Odd()}, "whose reason is _Odd and no text"),
        ({"coverage": _Odd()}, "whose coverage is _Odd and no number"),
    ],
)
def test_what_a_run_cannot_hold_is_told(fields: dict[str, Any], says: str) -> None:
    """By its field, and never by what it is."""
    with pytest.raises(Malformed, match=says) as caught:
        checked(score(**fields))

    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize("found", [None, 0.5, "x", Score, object.__new__(Score)])
def test_what_is_no_score_is_told(found: Any) -> None:
    """One that was never filled in too."""
    with pytest.raises(Malformed, match="returned"):
        checked(found)


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.integers())
)


@given(*[ANYTHING] * 6)
def test_whatever_is_in_it_can_be_written(
    reason: Any, cause: Any, spans: Any, looked_at: Any, coverage: Any, usage: Any
) -> None:
    """Or there is a reason."""
    one = score(reason=reason, cause=cause, spans=spans, looked_at=looked_at, coverage=coverage, usage=usage)
    try:
        found = checked(one)
    except Malformed:
        return
    json.dumps(asdict(found), allow_nan=False).encode("utf-8")
