"""Traces of dialects without roles read like conversations."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.review.views import detail
from tests.proxy.review import documents
from tests.proxy.review.test_views import read


@pytest.mark.parametrize(
    ("dialect", "request_", "response", "texts"),
    [
        (
            "completions",
            {"prompt": "Say hi"},
            {"choices": [{"text": "hi", "index": 0}]},
            (["Say hi"], ["hi"]),
        ),
        ("embeddings", {"input": ["a", "b"]}, {"data": 2}, (["a", "b"], [])),
        ("moderations", {"input": "bad"}, {"results": []}, (["bad"], [])),
    ],
)
def test_what_was_asked_and_what_came_stand_in_turns(
    dialect: str, request_: dict[str, Any], response: dict[str, Any], texts: tuple[list[str], list[str]]
) -> None:
    """Each text in a turn of its own."""
    trace = {**documents.trace(0), "dialect": dialect, "request": request_, "response": response}
    shown = detail({**trace, "findings": [], "retrieval": [], "tool_calls": []})
    for turns, expected in zip((shown.messages, shown.replies), texts, strict=True):
        bodies = [read(part) for turn in turns for part in turn.parts]
        assert bodies[: len(expected)] == expected
