"""The line about tokens stands where a provider's cache and later turns find it again."""

from __future__ import annotations

from typing import Any

import pytest

from guardrails.pseudonyms import INSTRUCTION, Vault
from guardrails.types import Edit
from proxy.dialects.responses_instruction import first_token, instructed

USER = {"role": "user", "content": "hello"}
SAID = {"type": "message", "role": "assistant", "content": "hi"}
ASKED = {"type": "function_call", "call_id": "1"}
TOLD = {"type": "function_call_output", "call_id": "1", "output": "x"}
SYSTEM = {"role": "system", "content": "be brief"}


def place(items: Any, first: int) -> int:
    """Where the line stands."""
    made = instructed({"input": items}, first)["input"]
    [found] = [
        n for n, item in enumerate(made) if item["content" if "content" in item else "type"] == INSTRUCTION
    ]
    return found


@pytest.mark.parametrize(
    ("items", "first", "expected"),
    [
        ([USER], 0, 0),
        ([SYSTEM, USER], 1, 0),
        ([USER, SAID, USER], 2, 3),
        ([USER, ASKED, TOLD], 2, 3),
        ([USER, ASKED, ASKED, TOLD, TOLD], 3, 5),
        ([USER, ASKED, ASKED, TOLD, TOLD], 1, 5),
        ([USER, {"type": "reasoning"}, SAID, USER], 1, 3),
    ],
)
def test_its_place_stays_the_same_from_turn_to_turn(items: list[Any], first: int, expected: int) -> None:
    """Later turns add items behind: what stands before the line, and the line, is then as it was."""
    assert place(items, first) == expected
    assert place([*items, SAID, USER], first) == expected


def test_an_input_that_is_a_string_becomes_a_message() -> None:
    """The line in front of it; `instructions` stay as they are."""
    made = instructed({"model": "m", "instructions": "Be brief.", "input": "hello"}, 0)

    assert made["instructions"] == "Be brief."
    assert [item["role"] for item in made["input"]] == ["system", "user"]
    assert made["input"][1]["content"] == "hello"


def test_the_first_item_with_a_token_is_found() -> None:
    """By the pointers of edits that put tokens in; one elsewhere counts as the beginning."""
    vault = Vault(b"k" * 32, "t", "s")
    token = vault.mint("EMAIL", "ada@example.com")

    assert (
        first_token([Edit("/input/3/content", 0, 1, token), Edit("/input/1/content", 0, 1, "[CARD]")], vault)
        == 3
    )
    assert first_token([Edit("/input", 0, 1, token)], vault) == 0
    assert first_token([Edit("/instructions", 0, 1, token)], vault) == 0
    assert first_token([Edit("/input/1/content", 0, 1, "[CARD]")], vault) is None
