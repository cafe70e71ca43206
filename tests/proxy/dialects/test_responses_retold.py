"""A stored response that is streamed again."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from guardrails.conversation import Conversation
from guardrails.pseudonyms import Vault
from proxy.dialects.responses_retold import RetoldStream, joined
from tests.proxy.dialects.replies import guard, token, vault
from tests.proxy.dialects.responses_replies import call, message, payloads, reply
from tests.proxy.dialects.test_responses_stream import read

GUARD = guard()
CARD = "4111 1111 1111 1111"


async def told(whole: dict[str, Any], known: Vault | None, after: int = -1) -> list[dict[str, Any]]:
    """The events that leave."""
    stream = RetoldStream(GUARD, known, Conversation(), after)
    frames = []
    for payload in payloads(whole):
        frames.append(await stream.feed(payload))
        if stream.blocked:
            return read([*frames, stream.block()])
    return read([*frames, await stream.end()])


@pytest.mark.parametrize("text", ["Hello, TOKEN.", f"It is {CARD}.", f"TOKEN has {CARD}, says TOKEN"])
async def test_what_is_told_after_an_event_is_the_rest_of_the_whole(text: str) -> None:
    """From every event on, with values restored and masked across it."""
    known = await vault(GUARD)
    whole = reply(message(text.replace("TOKEN", token(known))))
    every = await told(whole, known)

    for event in every:
        after = event["sequence_number"]
        rest = [each for each in every if each["sequence_number"] > after]
        assert await told(whole, known, after) == rest


async def test_a_block_is_told_wherever_the_caller_left_off() -> None:
    """Also to one who has had more than may be told by now."""
    last = (await told(reply(message("kryptonite")), None, after=1_000))[-1]

    assert (last["type"], last["response"]["status"]) == ("response.incomplete", "incomplete")


async def test_the_response_says_whether_its_text_is_json() -> None:
    """Then values are written as its strings need them."""
    known = Vault(b"k" * 32, "t", "s")
    name = known.mint("NAME", 'Ada "The Countess"')
    said = orjson.dumps({"who": name}).decode()
    form = {"text": {"format": {"type": "json_object"}}}

    final = (await told(reply(message(said), **form), known))[-1]

    text = final["response"]["output"][0]["content"][0]["text"]
    assert orjson.loads(text) == {"who": 'Ada "The Countess"'}


async def test_calls_were_made_before() -> None:
    """They are part of what was said, and none is called now."""
    stream = RetoldStream(GUARD, None, Conversation())
    for payload in payloads(reply(call("{}"))):
        await stream.feed(payload)

    assert [each.name for each in stream._conversation.calls] == ["send"]
    assert stream._conversation.called == ()
    assert joined(stream._conversation.calls, Conversation()).calls == stream._conversation.calls
