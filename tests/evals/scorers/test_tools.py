"""Tool calls: right name, right arguments, any order."""

from __future__ import annotations

import re

import pytest

from evals.scorer import build
from evals.types import Case, Expected, ExpectedCall, Output, ToolCall


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


async def test_arguments_do_not_leak_into_the_reason() -> None:
    """The reason names arguments, not what they hold."""
    score = await build("tool_calls")(
        case(A), Output(tool_calls=(ToolCall("find", '{"id":"secret-value"}'),))
    )

    assert "secret-value" not in score.reason
