"""The process that a check runs in, spoken to by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.types import Segment, Stage
from guardrails.worker import HEAD, frame, message, question

ANY = st.characters(exclude_categories=())
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(ANY), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(ANY), inner, max_size=4)),
    max_leaves=8,
)


@given(JSON)
def test_a_message_arrives_as_it_was_sent(value: Any) -> None:
    """Also two half surrogates side by side, which JSON's own escapes would join into one character."""
    sent = frame(value)

    assert int.from_bytes(sent[:HEAD], "big") == len(sent) - HEAD
    assert message(sent[HEAD:]) == value


@pytest.mark.parametrize("value", [object(), b"bytes", {1, 2}, {(1, 2): 3}])
def test_what_is_not_json_is_not_sent(value: object) -> None:
    """Nothing is pickled."""
    with pytest.raises(TypeError):
        frame(value)


def spoken(*messages: Any) -> list[Any]:
    """What a worker answers to some messages, up to its end."""
    path = [str(Path(__file__).parent), *sys.path]
    code = f"import sys; sys.path[:] = {path!r}; from guardrails.worker import main; main()"
    sent = b"".join(each if isinstance(each, bytes) else frame(each) for each in messages)
    said = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, check=True).stdout
    answers = []
    while said:
        size = int.from_bytes(said[:HEAD], "big")
        answers.append(json.loads(said[HEAD : HEAD + size]))
        said = said[HEAD + size :]
    return answers


def asked(*texts: str) -> bytes:
    """A question about some texts."""
    return question(1, [Segment(text, "/0", Stage.INPUT) for text in texts])


@pytest.mark.parametrize(
    ("messages", "answers"),
    [
        ([["p", "troublesome:patterns", {}]], [["in process"]]),
        ([["p", "troublesome:vouched", {}]], [["in process"]]),
        ([["p", "troublesome:handmade", {}], asked("no", "xx")], [["ready", True], ["spans", [[], [[0, 1, "X", 1.0]]]]]),
        ([["p", "troublesome:echo", {}], asked(), asked()], [["ready", False], ["spans", []], ["spans", []]]),
        (
            [["p", "troublesome:trouble", {}], asked("raise")],
            [["ready", False], ["raised", "ValueError", False]],
        ),
        ([["p", "troublesome:trouble", {"greeting": "refuse"}]], [["refused", "trouble: `greeting` is rude."]]),
        ([["p", "troublesome:nobody", {}]], [["refused", "AttributeError: module 'troublesome' has no attribute 'nobody'"]]),
    ],
)  # fmt: skip
def test_a_worker_says_how_it_went_and_ends_with_its_input(messages: list[Any], answers: list[Any]) -> None:
    """First what became of the check, then an answer to each question, in order."""
    assert spoken(*messages) == answers
