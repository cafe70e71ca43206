"""Prompts and inputs: their shapes, their texts, and what of them is only numbers."""

from __future__ import annotations

from typing import Any

import pytest

from guardrails.types import Stage
from proxy.dialects import prompts
from proxy.errors import BadRequest

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * 30}}
PAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


@pytest.mark.parametrize(
    "value", [None, "hi", "", ["a", "b"], [1, 2], [[1], [2, 3]], [[]], ["4111 1111 1111 1111"]]
)
def test_official_shapes_are_taken(value: Any) -> None:
    """A string, strings, token numbers, and nothing at all."""
    prompts.check({"prompt": value}, "prompt")


@pytest.mark.parametrize(
    ("value", "param"),
    [
        (5, "input"),
        ({}, "input"),
        ([], "input"),
        ([True], "input[0]"),
        ([1.5], "input[0]"),
        ([{"type": "text"}], "input[0]"),
        (["a", 1], "input[1]"),
        ([1, "a"], "input[1]"),
        ([1, [1]], "input[1]"),
        ([[1], [True]], "input[1]"),
        ([["a"]], "input[0]"),
    ],
)
def test_any_other_shape_is_refused_by_its_place(value: Any, param: str) -> None:
    """What nobody could inspect for sure does not pass."""
    with pytest.raises(BadRequest) as raised:
        prompts.check({"input": value}, "input")

    assert raised.value.param == param


@pytest.mark.parametrize("value", ["hi", ["a"], [{"type": "text", "text": "a"}, IMAGE]])
def test_parts_are_strings_or_objects(value: Any) -> None:
    """Where parts are allowed."""
    prompts.check({"input": value}, "input", parts=True)


@pytest.mark.parametrize("value", [[1], [[1]], ["a", IMAGE], [IMAGE, "a"], [{}], [{"type": 5}]])
def test_parts_are_not_mixed_and_no_numbers(value: Any) -> None:
    """Token numbers are no parts, and each part says its type."""
    with pytest.raises(BadRequest):
        prompts.check({"input": value}, "input", parts=True)


def test_every_text_has_its_place() -> None:
    """Prompts, parameters, long numbers, unknown members and their names; not the protocol's own words."""
    request = {
        "model": "m",
        "stream": True,
        "prompt": ["one", "two"],
        "suffix": "end",
        "stop": ["s"],
        "n": 12345678,
        "encoding_format": "float",
        "later": {"name of it": 41111111111},
        "guardhouse": {"retrieval": [{"doc_id": "d", "text": "t"}]},
    }

    found = [(text.pointer, text.text, text.within) for text in prompts.texts(request)]

    assert found == [
        ("/prompt/0", "one", ""),
        ("/prompt/1", "two", ""),
        ("/suffix", "end", ""),
        ("/stop/0", "s", ""),
        ("/later", "later", "#"),
        ("/later/name of it", "name of it", "#"),
        ("/later/name of it", "41111111111", ""),
        ("/guardhouse/retrieval/0/doc_id", "d", ""),
        ("/guardhouse/retrieval/0/text", "t", ""),
    ]
    assert {text.stage for text in prompts.texts(request)} == {Stage.INPUT, Stage.RETRIEVAL}


def test_a_card_among_token_numbers_is_a_text() -> None:
    """Numbers too long for a token are inspected like any long number."""
    [found] = prompts.texts({"prompt": [1, 4111111111111111]})

    assert (found.pointer, found.text) == ("/prompt/1", "4111111111111111")


def test_a_data_url_is_a_text_unless_it_is_media_of_a_part() -> None:
    """A prompt that is encoded bytes is still a prompt."""
    url = IMAGE["image_url"]["url"]

    assert [text.text for text in prompts.texts({"input": [url]})] == [url]
    assert prompts.texts({"input": [IMAGE]}) == []
    assert [text.pointer for text in prompts.texts({"input": [PAGE]})] == ["/input/0/image_url/url"]


@pytest.mark.parametrize(
    ("value", "pointers", "kept"),
    [
        ("hi", [], "hi"),
        (["a", "b"], [], ["a", "b"]),
        ([1, 2], ["/input"], prompts.TOKENS),
        ([[1, 2], [3]], ["/input/0", "/input/1"], [prompts.TOKENS, prompts.TOKENS]),
        (
            [{"type": "text", "text": "a"}, IMAGE],
            ["/input/1"],
            [{"type": "text", "text": "a"}, {"type": "image_url", "omitted": True}],
        ),
    ],
)
def test_what_nobody_can_read_is_named_and_not_kept(value: Any, pointers: list[str], kept: Any) -> None:
    """Token numbers and media are findings, and notes in the trace."""
    request = {"input": value, "guardhouse": {}}

    assert [pointer for pointer, _ in prompts.unscannable(value, "/input")] == pointers
    assert prompts.stored(request, "input") == {"input": kept}
    assert request == {"input": value, "guardhouse": {}}


def test_which_prompts_hold_a_token() -> None:
    """By pointer; other members do not count."""
    assert prompts.with_tokens(["/prompt"], "prompt") == {None}
    assert prompts.with_tokens(["/prompt/0", "/prompt/12", "/suffix"], "prompt") == {0, 12}
    assert prompts.with_tokens(["/prompts", "/prompt/x"], "prompt") == set()
