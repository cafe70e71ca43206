"""Streams where a rule judges calls: the call is looked at as a whole before any of it leaves."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from guardrails.conversation import Conversation, Tool
from guardrails.engine import Guard
from proxy.dialects.responses_stream import ResponsesStream
from tests.proxy.dialects.replies import guard
from tests.proxy.dialects.responses_replies import call, message, payloads, reply
from tests.proxy.dialects.test_responses_stream import read

SAID = Conversation(tools=[Tool("send", "/tools/0/name")])


def judging(action: str, **options: Any) -> Guard:
    """A guard with a rule about tools."""
    rule = {"id": "tools", "check": "tools", "with": options, "stages": ["tool_call"], "action": action}
    return guard(rules=[rule])


async def streamed(of: Guard, sent: list[bytes]) -> tuple[ResponsesStream, list[list[dict[str, Any]]]]:
    """The stream, and the events that left after each payload; those that end it last."""
    stream, left = ResponsesStream(of, None, conversation=SAID), []
    for payload in sent:
        left.append(read([await stream.feed(payload)]))
        if stream.blocked:
            return stream, [*left, read([stream.block()])]
    return stream, [*left, read([await stream.end()])]


@pytest.mark.parametrize("interleaved", [False, True])
async def test_nothing_of_a_call_leaves_before_all_of_it_came(interleaved: bool) -> None:
    """Then all of its events leave as they were written; so do events of others that came in between."""
    sent = payloads(reply(call('{"a": 1}'), message("Hi")))
    if interleaved:
        done = next(n for n, p in enumerate(sent) if b"output_item.done" in p)
        sent[done], sent[done + 1] = sent[done + 1], sent[done]
        sent = [orjson.dumps({**orjson.loads(p), "sequence_number": n}) for n, p in enumerate(sent)]

    stream, left = await streamed(judging("block"), sent)

    closed = next(n for n, p in enumerate(sent) if b"output_item.done" in p)
    assert not any(event.get("output_index") == 0 for events in left[:closed] for event in events)
    types = [event["type"] for events in left for event in events]
    came = [orjson.loads(payload)["type"] for payload in sent]
    assert types == came
    numbers = [event["sequence_number"] for events in left for event in events]
    assert numbers == sorted(set(numbers))
    assert stream.broken is None


@pytest.mark.parametrize(
    ("options", "items"),
    [
        ({"deny": ["send"]}, [call("{}")]),
        ({}, [call("{}", "unheard_of")]),
        ({}, [call("no json")]),
        ({"allow": ["send"]}, [{"type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "search", "query": "q"}}]),
    ],
)  # fmt: skip
async def test_a_call_that_is_not_allowed_is_not_told(options: dict[str, Any], items: list[Any]) -> None:
    """Not even its name: the response ends filtered, and without it."""
    stream, left = await streamed(judging("block", **options), payloads(reply(*items)))

    told = [event for events in left for event in events]
    assert stream.blocked
    assert {event["type"] for event in told} == {
        "response.created", "response.in_progress", "response.incomplete"
    }  # fmt: skip
    assert told[-1]["response"]["output"] == []
    assert stream.response()["output"] == []


async def test_a_call_that_never_ends_is_not_told() -> None:
    """The stream is broken then, and its events were never judged."""
    stream, left = await streamed(judging("flag"), payloads(reply(call('{"a": 1}')))[:5])

    assert stream.broken
    assert [event["type"] for events in left for event in events] == [
        "response.created",
        "response.in_progress",
    ]


async def test_free_text_for_a_custom_tool_need_not_be_json() -> None:
    """The check of tools knows it from arguments."""
    custom = {"type": "custom_tool_call", "id": "ct", "call_id": "c", "name": "send", "input": "plain words"}

    stream, left = await streamed(judging("block"), payloads(reply(custom)))

    assert not stream.blocked
    assert left[-2][-1]["response"]["output"] == [custom]


@pytest.mark.parametrize("index", [[0], {"a": 0}, None, "0"])
async def test_a_call_at_an_odd_place_is_judged_too(index: Any) -> None:
    """It is held, and told when it is complete."""
    sent = [orjson.loads(payload) for payload in payloads(reply(call("{}")))]
    odd = [orjson.dumps({**e, "output_index": index} if "output_index" in e else e) for e in sent]

    stream, left = await streamed(judging("block"), odd)
    denied, _ = await streamed(judging("block", deny=["send"]), odd)

    assert (stream.blocked, stream.broken, denied.blocked) == (False, None, True)
    assert [e["type"] for events in left for e in events][-1] == "response.completed"


async def test_arguments_of_a_blocked_call_that_was_never_announced_are_not_kept() -> None:
    """No rule had a say on them, so the trace has nothing of them."""
    sent = payloads(reply(call('{"a": "4111 1111 1111 1111"}')))
    unannounced = [payload for payload in sent if b"output_item.added" not in payload]

    stream, left = await streamed(judging("block", deny=["send"]), unannounced)

    assert stream.blocked
    assert b"4111" not in orjson.dumps([stream.response(), left])
