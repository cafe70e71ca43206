"""Words of the protocol: only words, only in their places. The lists are those of the official types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming

from proxy.dialects.responses_words import MEMBERS, is_media_text, is_word
from tests.contract.shapes import _bare, _element, _is_object, _members, _options


def literals(shape: Any, name: str, seen: set[Any]) -> Iterator[tuple[str, str]]:
    """(member, word) of every literal of a type, and (member, "") of every member."""
    shape = _bare(shape)
    if get_origin(shape) is Literal:
        yield from ((name, word) for word in get_args(shape) if isinstance(word, str))
    for option in _options(shape):
        yield from literals(option, name, seen)
    if _is_object(shape) and shape not in seen:
        seen.add(shape)
        for member, (kind, _) in _members(shape).items():
            yield member, ""
            yield from literals(kind, member, seen)
    elif get_origin(shape) is not dict and (element := _element(shape)) is not None:
        yield from literals(element, name, seen)


@pytest.mark.parametrize("shape", [ResponseCreateParamsNonStreaming, Response, ResponseStreamEvent])
def test_the_official_types_are_known(shape: Any) -> None:
    """Each member name, and each word in its place; the names of models and errors are ids."""
    found, named = {*literals(shape, "", set())}, ("model", "code")

    assert {name for name, word in found if not word} <= MEMBERS
    assert [(n, w) for n, w in sorted(found) if w and n not in named and not is_word(f"/{n}", w)] == []


@pytest.mark.parametrize(
    ("pointer", "text", "word"),
    [
        ("/input/0/type", "message", True),
        ("/input/0/content/0/type", "My secret", False),
        ("/include/0", "file_search_call.results", True),
        ("/metadata/name", "message", False),
        ("/input/0/call_id", "call_1", True),
        ("/input/0/call_id", "call 1", False),
        ("/output/12/content/3/annotations/0/file_id", "file-1", True),
        ("/metadata/id", "call_1", False),
        ("/previous_response_id", "resp_1", True),
        ("/input/0/encrypted_content", "gAAAA" * 20, True),
        ("/input/0/encrypted_content", "gAAAA", False),
    ],
)
def test_a_word_counts_in_its_place(pointer: str, text: str, word: bool) -> None:
    """Elsewhere, and beside a word, there is text."""
    assert is_word(pointer, text) is word


def test_encoded_media_are_told_by_what_they_are() -> None:
    """Long base64 in the members that hold it, and data URLs."""
    assert is_media_text("/output/0/result", "iVBORw0KGgo" * 8)
    assert is_media_text("/x", "data:image/png;base64,AAAA")
    assert not is_media_text("/output/0/result", "no media")
    assert not is_media_text("/output/0/text", "iVBORw0KGgo" * 8)
