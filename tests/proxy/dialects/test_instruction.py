"""The model is told of tokens once, and where it was told before."""

from __future__ import annotations

from typing import Any

import pytest

from guardrails.pseudonyms import INSTRUCTION, Vault
from guardrails.types import Edit, Style
from proxy.dialects.instruction import first_token, instructed

USER = {"role": "user", "content": "hi"}
KIND = {"role": "system", "content": "Be kind."}
PARTS = {"role": "system", "content": [{"type": "text", "text": "a"}]}
ANSWER = {"role": "assistant", "content": "Hello"}
CALL: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": []}


def told(message: dict[str, Any]) -> dict[str, Any]:
    """The message with the line at its end."""
    return {**message, "content": f"{message['content']}\n\n{INSTRUCTION}"}


NEW = {"role": "system", "content": INSTRUCTION}


@pytest.mark.parametrize(
    ("messages", "first", "expected"),
    [
        ([USER], 0, [NEW, USER]),
        ([KIND, USER], 0, [told(KIND), USER]),
        ([KIND, USER], 1, [told(KIND), USER]),
        ([PARTS, {**KIND, "role": "developer"}], 0, [PARTS, told({**KIND, "role": "developer"})]),
        ([PARTS, USER], 1, [NEW, PARTS, USER]),
        ([USER, ANSWER, KIND], 0, [NEW, USER, ANSWER, KIND]),
        ([KIND, USER, ANSWER, USER], 3, [KIND, USER, ANSWER, told(USER)]),
        ([USER, ANSWER, USER], 2, [USER, ANSWER, told(USER)]),
        ([USER, ANSWER, PARTS], 2, [USER, ANSWER, {**PARTS, "content": [*PARTS["content"], {"type": "text", "text": INSTRUCTION}]}]),
        ([KIND, USER, CALL], 2, [told(KIND), USER, CALL]),
    ],
)  # fmt: skip
def test_the_line_stands_where_it_will_stand_again(
    messages: list[dict[str, Any]], first: int, expected: list[dict[str, Any]]
) -> None:
    """In the system prompt from the first turn on, or with the message that first needs it."""
    assert instructed(messages, first) == expected


@pytest.mark.parametrize("first", [0, 1, 3, 5])
def test_more_messages_change_nothing_before_them(first: int) -> None:
    """What was sent in one turn is the beginning of what is sent in the next."""
    whole = [KIND, USER, ANSWER, USER, ANSWER, USER, ANSWER]

    for size in range(first + 1, len(whole)):
        assert instructed(whole, first)[:size] == instructed(whole[:size], first)


def test_the_first_message_with_a_token_is_found() -> None:
    """Redactions and surrogates need no explanation; tokens outside of messages are told of at the front."""
    vault = Vault(b"k", "t", "s")
    token = vault.mint("PERSON", "Ada")
    other = vault.mint("EMAIL_ADDRESS", "ada@example.com", style=Style.SURROGATE)

    def made(pointer: str, replacement: str) -> Edit:
        return Edit(pointer, 0, 1, replacement)

    assert first_token([], vault) is None
    assert (
        first_token([made("/messages/1/content", "[CARD]"), made("/messages/1/content", other)], vault)
        is None
    )
    edits = [
        made("/messages/12/content", token),
        made("/messages/3/content/0/text", token),
        made("/user", token),
    ]
    assert first_token(edits, vault) == 3
    assert first_token(edits[2:], vault) == 0
