"""Tool calls: right name, right arguments, any order."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.scorer import build
from evals.types import Case, Cause, Expected, ExpectedCall, Output, Score, ToolCall


def case(*calls: ExpectedCall) -> Case:
    """A case that expects calls."""
    return Case("c", "h", messages=({"role": "user"},), expected=Expected(tool_calls=calls))


A, B = ExpectedCall("find", {"id": 7}), ExpectedCall("book", {"days": 2, "tools": ["saw"]})


@pytest.mark.parametrize(
    ("made", "value", "says"),
    [
        ((ToolCall("book", '{"tools":["saw"],"days":2}'), ToolCall("find", '{"id":7}')), 1.0, ""),
        ((ToolCall("find", '{"id":7.0}'), ToolCall("book", '{"tools":["saw"],"days":2}')), 1.0, ""),
        ((ToolCall("find", '{"id":7}'),), 0.0, "book was not called"),
        (
            (ToolCall("find", '{"id":8}'), ToolCall("book", '{"tools":["saw"],"days":2}')),
            0.0,
            "find: .* argument id",
        ),
        (
            (ToolCall("find", '{"id":true}'), ToolCall("book", '{"tools":[],"days":2}')),
            0.0,
            "argument id.*tools",
        ),
        ((ToolCall("find", "{"), ToolCall("book", "[]")), 0.0, "not a JSON object"),
        (
            (ToolCall("find", '{"id":7}'), ToolCall("book", '{"tools":["saw"],"days":2}'), ToolCall("x", "")),
            0.0,
            "x was called and should not",
        ),
        ((), 0.0, "find was not called; book was not called"),
    ],
)
async def test_calls_are_compared_as_json(made: tuple[ToolCall, ...], value: float, says: str) -> None:
    """Order and key order do not matter, types do; what is wrong is named without values."""
    score = await build("tool_calls")(case(A, B), Output(tool_calls=made))

    assert score.value == value
    assert re.search(says, score.reason)


async def test_expecting_no_call_is_an_expectation() -> None:
    """An empty list says: call nothing."""
    scorer = build("tool_calls")

    assert scorer.applies(case())
    assert (await scorer(case(), Output())).value == 1.0
    assert (await scorer(case(), Output(tool_calls=(ToolCall("x", "{}"),)))).value == 0.0
    assert not scorer.applies(Case("c", "h", question="q"))


async def test_what_a_target_does_not_tell_is_not_scored() -> None:
    """Neither a pass where no call is expected nor a failure where one is."""
    scorer = build("tool_calls")
    unscored = Score.unscored("the target does not tell tool calls", Cause.TARGET)

    assert [await scorer(each, Output(tool_calls=None)) for each in (case(), case(A))] == [unscored] * 2


async def test_arguments_do_not_leak_into_the_reason() -> None:
    """The reason names arguments, not what they hold."""
    score = await build("tool_calls")(
        case(A), Output(tool_calls=(ToolCall("find", '{"id":"secret-value"}'),))
    )

    assert "secret-value" not in score.reason


FOUND = ToolCall("find", '{"id":7}')
OTHER, X = ToolCall("find", '{"id":"secret"}'), ToolCall("x", "{}")
BOOKED = ToolCall("book", '{"tools":["saw"],"days":2}')


@pytest.mark.parametrize(
    ("expected", "made", "precision", "recall"),
    [
        ((A, B), (FOUND, BOOKED), 1.0, 1.0),
        ((A, B), (BOOKED, X, FOUND), 2 / 3, 1.0),
        ((A, B), (FOUND,), 1.0, 0.5),
        ((A,), (FOUND, FOUND), 0.5, 1.0),
        ((A, A), (FOUND,), 1.0, 0.5),
        ((A, A), (OTHER, FOUND, FOUND), 2 / 3, 1.0),
        ((A,), (OTHER,), 0.0, 0.0),
        ((A,), (), None, 0.0),
        ((), (X,), 0.0, None),
        ((), (), None, None),
    ],
)
async def test_calls_are_paired_one_to_one(
    expected: tuple[ExpectedCall, ...],
    made: tuple[ToolCall, ...],
    precision: float | None,
    recall: float | None,
) -> None:
    """A share of nothing is not defined: unscored as empty, or not counted where the case says so."""
    asked, output = case(*expected), Output(tool_calls=made)
    precise, complete = build("tool_precision"), build("tool_recall")
    score = await precise(asked, output)

    assert score.value == (None if precision is None else pytest.approx(precision, abs=1e-6))
    assert score.cause is (Cause.EMPTY if precision is None else Cause.NONE)
    assert complete.applies(asked) is bool(expected)
    if recall is not None:
        assert (await complete(asked, output)).value == pytest.approx(recall, abs=1e-6)


@pytest.mark.parametrize(
    ("made", "value", "says"),
    [
        ((FOUND, BOOKED), 1.0, ""),
        ((BOOKED, FOUND), 0.0, "step 1: book instead of find"),
        ((FOUND,), 0.0, "step 2: book was not called"),
        ((FOUND, BOOKED, X), 0.0, "step 3: x was called and nothing more was expected"),
        ((OTHER, BOOKED), 0.0, "step 1: find: wrong, missing or extra argument id"),
        ((), 0.0, "step 1: find was not called"),
        ((FOUND, ToolCall("y" * 500, "{}")), 0.0, f"step 2: {'y' * 80}… instead of book"),
    ],
)
async def test_a_trajectory_is_told_apart_at_its_first_step(
    made: tuple[ToolCall, ...], value: float, says: str
) -> None:
    """Order and number count, over all turns of a scenario."""
    score = await build("trajectory")(case(A, B), Output(tool_calls=made))

    assert (score.value, score.reason) == (value, says)
    assert score.looked_at == f"{len(made)} calls against 2 expected"


CALLS = st.lists(st.sampled_from([FOUND, OTHER, X, BOOKED]), max_size=5)


@given(st.lists(st.sampled_from([A, B, ExpectedCall("x", {})]), max_size=5), CALLS)
async def test_the_four_measures_of_calls_agree(expected: list[ExpectedCall], made: list[ToolCall]) -> None:
    """All is right exactly when nothing is missing and nothing too much; the right order is a right set."""
    asked, output = case(*expected), Output(tool_calls=tuple(made))
    values = {
        name: (await build(name)(asked, output)).value if build(name).applies(asked) else None
        for name in ("tool_calls", "tool_precision", "tool_recall", "trajectory")
    }

    whole = {values["tool_precision"], values["tool_recall"]} <= {1.0, None} and bool(expected) == bool(made)
    assert (values["tool_calls"] == 1.0) is whole
    assert values["trajectory"] == 0.0 or whole


@pytest.mark.parametrize("name", ["tool_precision", "tool_recall", "trajectory"])
async def test_untold_calls_leave_every_measure_unscored(name: str) -> None:
    """As for tool_calls."""
    assert (await build(name)(case(A), Output(tool_calls=None))).cause is Cause.TARGET
