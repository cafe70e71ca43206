"""The scripted provider speaks the Responses API: the same scripts, OpenAI's shapes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from proxy.config_deployments import Deployment
from proxy.providers.base import Call, Reply
from proxy.providers.fake import FakeProvider
from proxy.providers.fake_responses import PATH, as_chat
from proxy.sse import Decoder

TOOLS = [{"type": "function", "name": "look_up", "parameters": {"properties": {"where": {}}}, "strict": None}]
EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def fake(script: str, **params: Any) -> Deployment:
    """A fake deployment."""
    return Deployment("fake", "m", "fake", "fake", script, params=params)


def call(**payload: Any) -> Call:
    """A call of the route."""
    return Call(payload, PATH, stream=bool(payload.get("stream")))


async def whole(script: str, **payload: Any) -> Response:
    """The script's answer, checked against the official type."""
    reply = await FakeProvider().complete(fake(script, text="Said."), call(**payload))
    return Response.model_validate_json(reply.body)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo", "Hello you"),
        ("say", "Said."),
        ("assistant", 'Thank you, I have read your message: "Hello you"'),
    ],
)
async def test_a_script_answers(script: str, said: str) -> None:
    """Text, and words counted as tokens, the same for both forms of input."""
    parts = [{"role": "user", "content": [{"type": "input_text", "text": "Hello you"}]}]

    told = await whole(script, input="Hello you")

    assert told.output_text == said
    assert told.usage is not None
    assert told.usage.input_tokens == 2
    assert (await whole(script, input=parts)).output == told.output


async def test_a_tool_is_called_and_its_result_quoted() -> None:
    """The call that the text asks for, and the sentence after its result."""
    asked = await whole("assistant", input="Please look this up", tools=TOOLS)
    [wanted] = asked.output
    assert wanted.type == "function_call"
    output = {"type": "function_call_output", "call_id": wanted.call_id, "output": "42"}

    told = await whole("assistant", input=[{"role": "user", "content": "x"}, wanted.model_dump(), output])

    assert wanted.name == "look_up"
    assert told.output_text == "The tool answered: 42"


@pytest.mark.parametrize("payload", [{"input": "Hello you"}, {"input": "look it up", "tools": TOOLS}])
async def test_a_stream_says_the_same_as_the_whole(payload: dict[str, Any]) -> None:
    """Every event has an official type, and the last one holds the whole answer."""
    answer = await FakeProvider().stream(fake("assistant", chunk_chars=3), call(**payload, stream=True))
    assert not isinstance(answer, Reply)
    decoder = Decoder()
    events = [EVENTS.validate_json(p) async for piece in answer for p in decoder.feed(piece)]

    assert [event.sequence_number for event in events] == [*range(len(events))]
    assert events[-1].response == await whole("assistant", **payload)
    assert sum(event.type.endswith(".delta") for event in events) > 1


def test_instructions_and_a_named_tool_reach_the_scripts() -> None:
    """As a system message, and as the choice that chat has for it."""
    made = as_chat({"instructions": "Be brief.", "input": [1, {"type": "x"}], "tool_choice": {"name": "a"}})

    assert made["messages"] == [{"role": "system", "content": "Be brief."}]
    assert made["tool_choice"] == {"function": {"name": "a"}}
    assert orjson.dumps(as_chat({})) == b'{"messages":[],"tools":[],"tool_choice":null}'
