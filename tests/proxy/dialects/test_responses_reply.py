"""Whole replies: which are none, how they are blocked and restored, and those we make ourselves."""

from __future__ import annotations

import orjson
import pytest
from openai.types.responses import Response

from guardrails.pseudonyms import Vault
from proxy.dialects import responses_reply
from proxy.errors import UpstreamError
from tests.proxy.dialects.responses_replies import message, reply


@pytest.mark.parametrize(
    "body", [b"", b"no", b"[]", b"{}", b'{"output": "x"}', b'{"error": {"message": "m", "code": "c"}}']
)
def test_what_is_no_response_is_an_error(body: bytes) -> None:
    """Empty, not JSON, without output, or an error in place of one."""
    with pytest.raises(UpstreamError):
        responses_reply.parse_reply(body)


def test_a_response_that_failed_is_one() -> None:
    """Its error is a member like any other, and inspected."""
    failed = reply(status="failed", error={"code": "server_error", "message": "at ada@example.com"})

    parsed = responses_reply.parse_reply(orjson.dumps(failed))

    assert [(each.pointer, each.text) for each in responses_reply.reply_texts(parsed)] == [
        ("/error/message", "at ada@example.com")
    ]
    assert responses_reply.finish_reasons(parsed) == ("failed",)


def test_what_a_reply_repeats_of_its_request_stands_where_that_stood() -> None:
    """So the rules for requests decide on it, not those for what a model says."""
    tool = {"type": "function", "name": "find"}
    told = reply(instructions="Be brief.", tools=[tool], metadata={"team": "blue"}, tomorrow="x")
    listed = reply(instructions=[{"role": "system", "content": "t"}])

    found = {each.pointer: (each.stage.value, each.channel) for each in responses_reply.reply_texts(told)}
    assert found["/instructions"] == ("input", "system")
    assert found["/tools/0/name"] == ("tool_definition", "system")
    assert found["/metadata/team"] == ("input", "user")
    assert found["/tomorrow"] == ("output", "assistant")
    assert responses_reply.reply_texts(listed)[0].pointer == "/instructions/0/content"


def test_a_blocked_reply_says_nothing_and_is_a_response() -> None:
    """Filtered, with what holds no text, usage too."""
    blocked = responses_reply.blocked_reply(
        reply(message("secret"), instructions="secret", metadata={"a": "secret"})
    )

    told = Response.model_validate(blocked)
    assert (told.status, told.output, told.usage is not None) == ("incomplete", [], True)
    assert responses_reply.finish_reasons(blocked) == ("content_filter",)
    assert "secret" not in repr(blocked)


def test_values_are_quoted_in_replies_that_are_to_be_json() -> None:
    """In the texts of messages, not in reasoning."""
    vault = Vault(b"k" * 32, "t", "s")
    token = vault.mint("NAME", 'Ada "A" L')
    thought = {"type": "reasoning", "content": [{"type": "reasoning_text", "text": token}]}

    restored = responses_reply.restored(
        reply(thought, message(f'{{"n": "{token}"}}')), [], vault, structured=True
    )

    assert restored["output"][0]["content"][0]["text"] == 'Ada "A" L'
    assert orjson.loads(restored["output"][1]["content"][0]["text"]) == {"n": 'Ada "A" L'}
    assert responses_reply.is_structured({"text": {"format": {"type": "json_object"}}})
    assert not responses_reply.is_structured({"text": {"format": {"type": "text"}}})
    assert not responses_reply.is_structured({"text": "x"})


def test_our_refusal_is_a_response() -> None:
    """Of the official shape, incomplete, with a polite sentence and without usage."""
    told = Response.model_validate(responses_reply.refusal("1", "m"))

    assert told.output_text == responses_reply.REFUSAL
    assert told.usage is None
    assert told.incomplete_details is not None
    assert told.incomplete_details.reason == "content_filter"
