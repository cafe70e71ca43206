"""The line about tokens stands where a provider's cache still knows what came before it."""

from __future__ import annotations

from typing import Any

import pytest

from guardrails.pseudonyms import INSTRUCTION
from proxy.dialects.messages_instruction import instructed

U, A = {"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}
LINE = {"type": "text", "text": INSTRUCTION}


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (None, INSTRUCTION),
        ("Be kind.", f"Be kind.\n\n{INSTRUCTION}"),
        ([{"type": "text", "text": "Be kind."}], [{"type": "text", "text": "Be kind."}, LINE]),
    ],
)
def test_a_token_in_the_first_message_is_told_in_the_system_prompt(system: Any, expected: Any) -> None:
    """At its end, in the shape that it has."""
    given = {"messages": [U]} if system is None else {"messages": [U], "system": system}

    assert instructed(given, 0) == {**given, "system": expected}


def test_a_later_token_is_told_in_its_message() -> None:
    """What was sent before stays as it was; an assistant's message is never added to."""
    late = {"role": "user", "content": [{"type": "text", "text": "late"}]}
    request = {"messages": [U, A, late], "system": "s"}

    for first in (1, 2):
        told = instructed(request, first)
        assert told["messages"] == [U, A, {"role": "user", "content": [*late["content"], LINE]}]
        assert told["system"] == "s"


def test_the_beginning_of_an_answer_stays_the_end() -> None:
    """A prefilled answer with the first token is followed by nobody."""
    told = instructed({"messages": [U, A]}, 1)

    assert told == {"messages": [U, A], "system": INSTRUCTION}
