"""Traces without messages, as the pages show them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.completions import COMPLETIONS
from proxy.dialects.embeddings import EMBEDDINGS
from proxy.dialects.moderations import MODERATIONS
from proxy.review import views
from proxy.review.turns import DIALECTS, answered, asked
from tests.proxy.review import documents
from tests.proxy.review.test_views import read

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["prompt", "input", "type", "text", "suffix", "choices", "data", "results", "categories"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
TOKENS = {"type": "tokens", "omitted": True}


def shown(messages: list[views.Message]) -> list[tuple[str, str, str]]:
    """(label, text, note) of each message on the page."""
    return [(each.label, "".join(map(read, each.parts)), each.note) for each in messages]


def test_it_reads_the_dialects_that_have_no_messages() -> None:
    """By their names."""
    assert {COMPLETIONS.name, EMBEDDINGS.name, MODERATIONS.name} == DIALECTS


def test_a_completion_is_read_like_a_conversation() -> None:
    """Prompts and suffix, then every choice; what was found is marked in its text."""
    choices = [{"index": n, "text": text, "finish_reason": "stop"} for n, text in enumerate(("one", "two"))]
    document = documents.trace(
        0,
        dialect="completions",
        request={"prompt": ["mail [EMAIL_ADDRESS]", TOKENS], "suffix": "end"},
        response={"choices": choices},
    )
    document["findings"] = [documents.finding("/prompt/0", "mail [EMAIL_ADDRESS]", "[EMAIL_ADDRESS]")]

    detail = views.detail(document)

    assert shown(detail.messages) == [
        ("prompt 1 of 2", "mail [EMAIL_ADDRESS]", ""),
        ("prompt 2 of 2", "", "tokens, not kept"),
        ("suffix", "end", ""),
    ]
    assert shown(detail.replies) == [
        ("reply", "one", "choice 1 of 2, finished: stop"),
        ("reply", "two", "choice 2 of 2, finished: stop"),
    ]
    assert detail.findings[0].placed
    assert detail.messages[0].numbers == [1]


@pytest.mark.parametrize(
    ("dialect", "request_", "response", "messages", "replies"),
    [
        (
            "embeddings",
            {"input": "text"},
            {"data": [{"index": 0, "embedding": "omitted"}, {"index": 1}]},
            [("input", "text", "")],
            [("reply", "", "2 vectors, not kept")],
        ),
        (
            "embeddings",
            {"input": TOKENS},
            {"data": {"type": "vectors", "count": 1, "omitted": True}},
            [("input", "", "tokens, not kept")],
            [("reply", "", "1 vector, not kept")],
        ),
        (
            "moderations",
            {"input": [{"type": "text", "text": "look"}, {"type": "image_url", "omitted": True}]},
            {
                "results": [
                    {"flagged": True, "categories": {"hate": False, "r": True}, "category_scores": {"r": 0.5}}
                ]
            },
            [("input 1 of 2", "look", ""), ("input 2 of 2", "", "image_url, not kept")],
            [("result", "r 0.5", "flagged")],
        ),
        ("completions", {"prompt": TOKENS}, {}, [("prompt", "", "tokens, not kept")], []),
        ("completions", {}, {"choices": [{"text": "a"}]}, [], [("reply", "a", "no finish reason")]),
        ("embeddings", None, None, [], []),
    ],
)
def test_every_trace_can_be_read(
    dialect: str, request_: Any, response: Any, messages: Any, replies: Any
) -> None:
    """Inputs, vectors that were not kept, judgements; also where little or nothing was kept."""
    detail = views.detail(documents.trace(0, dialect=dialect, request=request_, response=response))

    assert (shown(detail.messages), shown(detail.replies)) == (messages, replies)


@given(ANY, ANY)
def test_nothing_odd_breaks_a_page(request_: Any, response: Any) -> None:
    """A document holds what strangers wrote, in any shape."""
    for name in DIALECTS:
        views.detail(documents.trace(0, dialect=name, request=request_, response=response))
    if isinstance(request_, dict) and isinstance(response, dict):
        assert all(isinstance(turn.text, str) for turn in (*asked(request_), *answered(response)))
