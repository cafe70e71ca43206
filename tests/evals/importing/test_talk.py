"""Recorded conversations as scenarios."""

from __future__ import annotations

from typing import Any

import pytest

from evals.errors import GoldenError
from evals.importing.drafts import Notes
from evals.importing.records import Record
from evals.importing.talk import TOOLS_UNTOLD, expected_calls, scenario

RECORD = Record({}, 3, "f.json", 5)

RAGAS = [
    {"type": "human", "content": "Is it raining in Rome?"},
    {"type": "ai", "content": "", "tool_calls": [{"name": "weather", "args": {"city": "Rome"}}]},
    {"type": "tool", "content": "rain"},
    {"type": "ai", "content": "Yes."},
    {"type": "human", "content": "And in Oslo?"},
]
DEEPEVAL = [
    {"role": "user", "content": "Is it raining in Rome?"},
    {
        "role": "assistant",
        "content": "Yes.",
        "tools_called": [{"name": "weather", "inputParameters": {"city": "Rome"}, "output": "rain"}],
    },
    {"role": "user", "content": "And in Oslo?"},
]
OPENAI = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Is it raining in Rome?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "1", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}],
    },
    {"role": "tool", "content": "rain", "tool_call_id": "1"},
    {"role": "user", "content": "And in Oslo?"},
]


@pytest.mark.parametrize("messages", [RAGAS, DEEPEVAL, OPENAI])
def test_users_become_turns_and_tools_the_script(messages: list[Any]) -> None:
    """Whoever wrote them; what the assistant said is noted and left out."""
    notes = Notes()

    assert scenario(RECORD, "turns", messages, notes) == {
        "turns": ["Is it raining in Rome?", "And in Oslo?"],
        "script": [{"tool": "weather", "arguments": {"city": "Rome"}, "result": "rain"}],
    }
    assert "what the assistant said is not imported" in notes.told()[-2]
    assert notes.told()[-1] == f"{TOOLS_UNTOLD} (row 3)"


def test_one_turn_without_tools_is_a_question() -> None:
    """A call that nothing answers is noted."""
    notes = Notes()
    messages = [RAGAS[0], RAGAS[1]]

    assert scenario(RECORD, "turns", messages, notes) == {"question": "Is it raining in Rome?"}
    assert any("does not answer is not in the script" in note for note in notes.told())


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], "the user says nothing"),
        ([{"role": "assistant", "content": "hi"}], "the user says nothing"),
        (["hi"], "message 1 is not an object"),
        ([{"role": "narrator", "content": "hi"}], "message 1 has the role 'narrator'"),
        ([{"role": "user", "content": " "}], "message 1 has no text"),
        ([{"role": "user", "content": [{"type": "image"}]}], "message 1 has no text"),
        ([{"role": "tool", "content": "x"}], "message 1 answers no tool call"),
        ([{"role": "ai", "tool_calls": [{"args": {}}]}], "a tool call has no name"),
        ([{"role": "ai", "tool_calls": [3]}], "neither a name nor an object"),
        ([{"role": "ai", "tool_calls": [{"name": "t", "args": '{"a": NaN}'}]}], "a number is not finite"),
        (
            [{"role": "ai", "tool_calls": [{"name": "t", "args": "no"}]}],
            "arguments of a tool call are not an object",
        ),
    ],
)
def test_what_is_no_conversation_is_an_error(messages: list[Any], message: str) -> None:
    """With row and field."""
    with pytest.raises(GoldenError, match=rf"f.json:5: turns: .*{message}.* \(row 3\)"):
        scenario(RECORD, "turns", messages, Notes())


def test_calls_are_expected_when_all_name_their_arguments() -> None:
    """An item that expects a call without arguments expects that there are none: that must be said."""
    named = {"name": "a", "args": {"x": 1}}

    assert expected_calls(RECORD, "c", [named]) == ([{"name": "a", "arguments": {"x": 1}}], "calls a")
    assert expected_calls(RECORD, "c", [named, "b"]) == (None, "calls a, b")
