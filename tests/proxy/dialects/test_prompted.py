"""Where a rendered prompt stands: before the caller's own words, in each dialect's own place."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.dialects.prompted import placed
from proxy.dialects.served import ROUTES, dialect_of
from proxy.errors import BadRequest

SYSTEM = {"role": "system", "content": "Be brief."}
PARTS = {"role": "developer", "content": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]}
USER = {"role": "user", "content": [{"type": "text", "text": "Hello."}]}
ASSISTANT = {"role": "assistant", "content": "Hi."}
BOTH = [{"type": "text", "text": "Hi."}]
MESSAGES = [SYSTEM, PARTS, USER, ASSISTANT]
OWN = {"role": "user", "content": "mine"}
CHAT, RESPONSES, CLAUDE, TEXT = "/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/completions"
OPENING = "Be brief.\n\nOne.\n\nTwo."
ITEMS = [
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]},
    {"type": "message", "role": "assistant", "content": "Hi."},
]
MINE = {"type": "message", "role": "user", "content": "mine"}


@pytest.mark.parametrize(
    ("path", "own", "expected"),
    [
        (CHAT, {}, {"messages": MESSAGES}),
        (CHAT, {"messages": []}, {"messages": MESSAGES}),
        (CHAT, {"messages": [OWN]}, {"messages": [*MESSAGES, OWN]}),
        (RESPONSES, {}, {"instructions": OPENING, "input": ITEMS}),
        (RESPONSES, {"input": "mine"}, {"instructions": OPENING, "input": [*ITEMS, MINE]}),
        (RESPONSES, {"input": [OWN], "instructions": "more"}, {"instructions": OPENING + "\n\nmore", "input": [*ITEMS, OWN]}),
        (CLAUDE, {}, {"system": OPENING, "messages": [USER, ASSISTANT]}),
        (CLAUDE, {"messages": [OWN], "system": "more"}, {"system": OPENING + "\n\nmore", "messages": [USER, ASSISTANT, OWN]}),
        (CLAUDE, {"system": BOTH}, {"system": [
            {"type": "text", "text": "Be brief."}, {"type": "text", "text": "One.\n\nTwo."}, *BOTH,
        ], "messages": [USER, ASSISTANT]}),
    ],
)  # fmt: skip
def test_messages_come_first(path: str, own: dict[str, Any], expected: dict[str, Any]) -> None:
    """The request as it was is not changed, and what is made of it is one that the dialect takes."""
    request = {"model": "m", **own}
    before = repr(request)

    made = placed(path, request, MESSAGES, None)

    assert made == {"model": "m", **expected}
    assert repr(request) == before
    dialect = dialect_of(path)
    assert dialect is not None
    dialect.check(made)


def test_an_input_stays_a_text_where_only_instructions_come() -> None:
    """Nothing is rewritten that need not be."""
    assert placed(RESPONSES, {"input": "mine"}, [SYSTEM], None) == {
        "input": "mine",
        "instructions": "Be brief.",
    }


def test_a_text_is_a_prompt() -> None:
    """For legacy completions, unless the caller has one of its own."""
    assert placed(TEXT, {"model": "m"}, (), "Once") == {"model": "m", "prompt": "Once"}
    with pytest.raises(BadRequest) as error:
        placed(TEXT, {"prompt": "mine"}, (), "Once")
    assert error.value.param == "prompt"


@pytest.mark.parametrize("path", ROUTES)
def test_a_prompt_without_a_place_is_refused(path: str) -> None:
    """A text where messages are needed, messages where a text is, and either where no model is talked to."""
    spoken = path not in (TEXT, "/v1/embeddings", "/v1/moderations")
    refused = [(MESSAGES, None)] if not spoken else []
    refused += [((), "Once")] if path != TEXT else []

    for messages, text in refused:
        with pytest.raises(BadRequest) as error:
            placed(path, {}, messages, text)
        assert (error.value.code, error.value.param) == ("unsupported_endpoint", "guardhouse.prompt.name")


@pytest.mark.parametrize(
    ("path", "own"),
    [
        (CHAT, {"messages": "x"}), (CLAUDE, {"messages": {}}), (CLAUDE, {"messages": [OWN], "system": 5}),
        (RESPONSES, {"input": 5}), (RESPONSES, {"input": "x", "instructions": 5}),
    ],
)  # fmt: skip
def test_what_has_the_wrong_shape_is_left_for_the_dialect(path: str, own: dict[str, Any]) -> None:
    """Which has the words for it."""
    assert placed(path, own, MESSAGES, None) is own
