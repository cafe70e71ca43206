"""Edits are made in their places, in whole documents and in pieces of them."""

from __future__ import annotations

from typing import Any

import pytest

from guardrails.types import Edit
from proxy.dialects.responses_edits import apply_edits
from proxy.dialects.responses_texts import MODEL, item_texts

PART = {"type": "output_text", "text": "abc", "logprobs": [{"token": "abc"}]}
REPLY = {"id": "r", "output": [{"type": "message", "content": [PART, PART]}, {"arguments": '{"a": "abc"}'}]}


def test_a_part_that_changes_loses_its_logprobs() -> None:
    """Also where only they are at fault; what does not change is shared."""
    edited = apply_edits(REPLY, [Edit("/output/0/content/0/text", 0, 1, "X")])
    emptied = apply_edits(REPLY, [Edit("/output/0/content/1/logprobs", 0, 1, "X")])

    assert edited["output"][0]["content"] == [{**PART, "text": "Xbc", "logprobs": []}, PART]
    assert edited["output"][1] is REPLY["output"][1]
    assert emptied["output"][0]["content"] == [PART, {**PART, "logprobs": []}]
    assert REPLY["output"][0]["content"] == [PART, PART]


def test_a_piece_is_edited_by_the_pointers_of_the_whole() -> None:
    """An item, a part, an event; arguments stay JSON."""
    arguments = [Edit("/output/1/arguments", 0, 3, 'X"', "/a")]
    text = [Edit("/output/0/content/0/text", 0, 1, "X")]

    assert apply_edits({"arguments": '{"a": "abc"}'}, arguments, "/output/1") == {
        "arguments": '{"a": "X\\""}'
    }
    assert apply_edits(PART, text, "/output/0/content/0") == {**PART, "text": "Xbc", "logprobs": []}
    assert apply_edits({"input": "abc"}, [Edit("/input", 0, 1, "X")]) == {"input": "Xbc"}
    title = [Edit("/output/0/content/0/annotations/0/title", 0, 1, "X")]
    assert apply_edits({"title": "abc"}, title, "/output/0/content/0/annotations/0") == {"title": "Xbc"}


@pytest.mark.parametrize("kind", ["function_call", "call_of_tomorrow", "message", None, ["function_call"]])
@pytest.mark.parametrize("written", ['{"a": "abc"}', '"abc"', "abc"])
def test_arguments_of_any_item_are_edited_where_they_were_read(kind: Any, written: str) -> None:
    """Whatever the item says that it is."""
    item = {"type": kind, "arguments": written}
    found = [each for each in item_texts(item, "/output/0", MODEL, {}) if each.text == "abc"]
    edits = [Edit(each.pointer, 0, 3, "X", each.within) for each in found]

    assert apply_edits(item, edits, "/output/0")["arguments"] == written.replace("abc", "X")
