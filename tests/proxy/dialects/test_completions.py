"""The completions dialect under one name: a request and a reply through all of it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from guardrails.pseudonyms import INSTRUCTION, Vault
from guardrails.types import Edit
from proxy.dialects.base import Dialect
from proxy.dialects.completions import COMPLETIONS
from proxy.errors import BadRequest
from proxy.sse import Decoder

DIALECT: Dialect = COMPLETIONS
MAIL = "ada@example.com"


def sent(request: dict[str, Any], *pointers: str) -> tuple[dict[str, Any], str]:
    """The request as the provider gets it when the mail address at each pointer became a token, and the token."""
    vault = Vault(b"k", "t", "s")
    token = vault.mint("EMAIL_ADDRESS", MAIL)
    edits = [Edit(pointer, 0, len(MAIL), token) for pointer in pointers]
    return DIALECT.outgoing(DIALECT.edited(request, edits), edits, vault), token


def test_the_line_about_tokens_stands_before_each_prompt_that_has_one() -> None:
    """And nowhere else."""
    asked = {"model": "m", "prompt": [MAIL, "hi", MAIL]}

    told, token = sent(asked, "/prompt/0", "/prompt/2")
    single, _ = sent({"model": "m", "prompt": MAIL}, "/prompt")

    assert told["prompt"] == [f"{INSTRUCTION}\n\n{token}", "hi", f"{INSTRUCTION}\n\n{token}"]
    assert single["prompt"] == f"{INSTRUCTION}\n\n{token}"


@pytest.mark.parametrize("more", [{"echo": True}, {"suffix": "end"}])
def test_no_line_where_every_character_counts(more: dict[str, Any]) -> None:
    """An echoed prompt must come back as it was sent; a text to fill in stays the text it is."""
    told, token = sent({"model": "m", "prompt": MAIL, **more}, "/prompt")

    assert told == {"model": "m", "prompt": token, **more}


def test_no_line_without_a_token_in_a_prompt() -> None:
    """A user's name that was masked needs no explanation."""
    told, token = sent({"model": "m", "prompt": "hi", "user": MAIL}, "/user")

    assert told == {"model": "m", "prompt": "hi", "user": token}


def test_a_request_goes_through_it() -> None:
    """Checked, read, sent and stored without what is ours."""
    request = {"model": "m", "prompt": [[1, 2]], "guardhouse": {"retrieval": [{"doc_id": "d", "text": "t"}]}}

    DIALECT.check(request)

    assert DIALECT.unscannable(request)[0][0] == "/prompt/0"
    assert DIALECT.stored(request) == {"model": "m", "prompt": [{"type": "tokens", "omitted": True}]}
    assert [hit.doc_id for hit in DIALECT.hits(request)] == ["d"]
    said = DIALECT.conversation(request, DIALECT.texts(request), "key")
    assert (said.key, said.model, [text.text for text in said.texts]) == ("key", "m", ["d", "t"])
    assert DIALECT.answered_calls(request) == []


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"prompt": "x"}, "model"),
        ({"model": "m", "prompt": {}}, "prompt"),
        ({"model": "m", "prompt": []}, "prompt"),
        ({"model": "m", "prompt": "x", "n": "2"}, "n"),
        ({"model": "m", "prompt": "x", "stream": "yes"}, "stream"),
    ],
)
def test_a_wrong_shape_is_named(request_: dict[str, Any], param: str) -> None:
    """By its member."""
    with pytest.raises(BadRequest) as raised:
        DIALECT.check(request_)

    assert raised.value.param == param


def test_a_prompt_may_be_left_out() -> None:
    """As with OpenAI, the model then begins a new text."""
    DIALECT.check({"model": "m"})


def test_a_reply_goes_through_it() -> None:
    """Read, edited, blocked, told as a stream and as an error."""
    reply = DIALECT.reply(b'{"choices": [{"text": "Hi", "index": 0, "finish_reason": "stop"}]}')
    (text,) = DIALECT.reply_texts(reply)
    assert DIALECT.edited_reply(reply, [Edit(text.pointer, 0, 2, "[X]")])["choices"][0]["text"] == "[X]"
    assert DIALECT.finish_reasons(DIALECT.blocked(reply)) == ("content_filter",)
    assert DIALECT.stored_reply(reply) == reply
    payloads = Decoder().feed(DIALECT.events(reply) + DIALECT.done)
    assert [payloads[0], payloads[-1]] == [orjson.dumps(reply), b"[DONE]"]
    error = BadRequest("no", param="x")
    assert DIALECT.error(error) in DIALECT.error_event(error)
    assert DIALECT.reply_calls(reply) == DIALECT.requested_calls(reply) == []
