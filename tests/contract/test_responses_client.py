"""An app that uses the official client's `responses` works by changing its base URL alone."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai.types.responses import ResponseCompletedEvent, ResponseTextDeltaEvent
from pydantic import BaseModel

from tests.proxy.dialects.responses_replies import call, message, reply, script
from tests.servers import ADMIN_KEY, Running, Upstream, raw, stream

ASK = "I am ada@example.com"
TOOLS: list[Any] = [{"type": "function", "name": "send", "parameters": {"type": "object"}, "strict": False}]


def heard(body: dict[str, Any]) -> str:
    """What the user said, as the provider got it."""
    given = body["input"]
    said = given if isinstance(given, str) else given[-1]["content"]
    return str(said).removeprefix("I am ")


def sync(proxy: Running, **options: Any) -> openai.OpenAI:
    """The official client."""
    return openai.OpenAI(
        base_url=proxy.url, api_key=options.pop("api_key", ADMIN_KEY), max_retries=0, **options
    )


def test_a_plain_response(proxy: Running, upstream: Upstream) -> None:
    """The caller sees its own words, the provider never does, and a reviewer sees what was sent."""
    upstream.script = lambda body: script(body, reply(message(f"Hello, {heard(body)}")))

    with sync(proxy) as client:
        told = client.responses.create(model="gpt-test", input=ASK)

    assert told.output_text == "Hello, ada@example.com"
    assert told.usage is not None
    assert told.usage.total_tokens == 3
    assert b"ada@" not in upstream.bodies[0]
    trace = proxy.recorder.last()
    assert trace["dialect"] == "responses"
    assert trace["usage"]["input_tokens"] == 1
    assert "ada@" not in json.dumps(trace)


def test_a_streamed_response(proxy: Running, upstream: Upstream) -> None:
    """Deltas arrive as deltas, joined they are the text that the final events repeat; numbers only grow."""
    upstream.script = lambda body: script(body, reply(message(f"Hello, {heard(body)}")))

    with sync(proxy) as client:
        events = list(client.responses.create(model="gpt-test", input=ASK, stream=True))

    pieces = [event.delta for event in events if isinstance(event, ResponseTextDeltaEvent)]
    assert "".join(pieces) == "Hello, ada@example.com"
    assert len(pieces) > 2
    assert isinstance(events[-1], ResponseCompletedEvent)
    assert events[-1].response.output_text == "Hello, ada@example.com"
    numbers = [event.sequence_number for event in events]
    assert numbers == sorted(set(numbers))


async def test_the_async_client(proxy: Running, upstream: Upstream) -> None:
    """The asynchronous client and its stream helper, which puts the response together from the events."""
    upstream.script = lambda body: script(body, reply(message(f"Hello, {heard(body)}")))

    async with (
        openai.AsyncOpenAI(base_url=proxy.url, api_key=ADMIN_KEY, max_retries=0) as client,
        client.responses.stream(model="gpt-test", input=ASK) as events,
    ):
        types = [event.type async for event in events]
        final = await events.get_final_response()

    assert final.output_text == "Hello, ada@example.com"
    assert types[0] == "response.created"
    assert types[-1] == "response.completed"


@pytest.mark.parametrize("streamed", [False, True])
def test_tools(proxy: Running, upstream: Upstream, streamed: bool) -> None:
    """Arguments come back as valid JSON with the caller's own values in them, from any cut."""
    upstream.script = lambda body: script(body, reply(call(json.dumps({"to": heard(body), "n": 1}))))

    with sync(proxy) as client:
        if streamed:
            with client.responses.stream(model="gpt-test", input=ASK, tools=TOOLS) as events:
                deltas = [e.delta for e in events if e.type == "response.function_call_arguments.delta"]
                told: Any = events.get_final_response()
            assert len(deltas) == 1
        else:
            told = client.responses.create(model="gpt-test", input=ASK, tools=TOOLS)

    [asked] = told.output
    assert (asked.call_id, asked.name) == ("call_1", "send")
    assert json.loads(asked.arguments) == {"to": "ada@example.com", "n": 1}
    [kept] = proxy.recorder.last()["tool_calls"]
    assert (kept["call_id"], kept["state"]) == ("call_1", "requested")


class Contact(BaseModel):
    """What a structured output holds."""

    email: str


@pytest.mark.parametrize("streamed", [False, True])
def test_structured_output(proxy: Running, upstream: Upstream, streamed: bool) -> None:
    """A reply that is to be JSON is JSON, with the caller's values in it."""
    upstream.script = lambda body: script(body, reply(message(json.dumps({"email": heard(body)}))))

    with sync(proxy) as client:
        if streamed:
            with client.responses.stream(model="gpt-test", input=ASK, text_format=Contact) as events:
                told = events.get_final_response()
        else:
            told = client.responses.parse(model="gpt-test", input=ASK, text_format=Contact)

    assert told.output_parsed == Contact(email="ada@example.com")
    assert upstream.requests[0]["text"]["format"]["type"] == "json_schema"


def test_a_response_goes_on_from_the_one_before(proxy: Running, upstream: Upstream) -> None:
    """`previous_response_id` and every other member reach the provider as they came, results of tools with them."""
    upstream.script = lambda body: script(body, reply(message("Sent."), previous_response_id="resp_0"))
    result: Any = {"type": "function_call_output", "call_id": "call_1", "output": "all well"}

    with sync(proxy) as client:
        told = client.responses.create(
            model="gpt-real", input=[result], previous_response_id="resp_0", metadata={"team": "blue"}
        )

    assert told.previous_response_id == "resp_0"
    assert upstream.requests[0] == {
        "model": "gpt-real",
        "input": [result],
        "previous_response_id": "resp_0",
        "metadata": {"team": "blue"},
    }
    assert proxy.recorder.last()["tool_calls"][0]["result"] == "all well"


def test_what_a_file_search_found_is_recorded(proxy: Running, upstream: Upstream) -> None:
    """Results that the reply tells are retrieval hits of the trace, masked like any text."""
    card = "4111 1111 1111 1111"
    results = [{"file_id": "file-1", "filename": "a.txt", "score": 0.9, "text": f"Card {card}."}]
    search = {"type": "file_search_call", "id": "fs_1", "queries": ["card"], "status": "completed"}
    upstream.script = lambda body: script(body, reply({**search, "results": results}, message("Found.")))

    with sync(proxy) as client:
        client.responses.create(model="gpt-test", input="Which card?")

    [hit] = proxy.recorder.last()["retrieval"]
    assert (hit["doc_id"], hit["source"], hit["score"]) == ("file-1", "file_search", 0.9)
    assert hit["text"] == "Card [CARD]."


@pytest.mark.parametrize("streamed", [False, True])
def test_a_blocked_reply_is_incomplete(proxy: Running, upstream: Upstream, streamed: bool) -> None:
    """An output that a rule blocks ends as OpenAI ends a filtered one."""
    upstream.script = lambda body: script(body, reply(message("All is well. Take the kryptonite.")))

    with sync(proxy) as client:
        if streamed:
            with client.responses.stream(model="gpt-test", input="Hi") as events:
                told: Any = list(events)[-1].response
        else:
            told = client.responses.create(model="gpt-test", input="Hi")

    assert told.status == "incomplete"
    assert told.incomplete_details.reason == "content_filter"
    assert "krypton" not in told.model_dump_json()
    trace = proxy.recorder.last()
    assert trace["outcome"] == "blocked"
    assert trace["finish_reasons"] == (["content_filter"])


ERRORS: list[tuple[dict[str, Any], Any, type[openai.APIStatusError], str | None]] = [
    ({"input": "kryptonite"}, None, openai.BadRequestError, "content_filter"),
    ({"model": "nobody"}, None, openai.NotFoundError, "model_not_found"),
    ({"input": None}, None, openai.BadRequestError, "missing_required_parameter"),
    ({"input": [{"role": 1}]}, None, openai.BadRequestError, "invalid_type"),
    ({}, raw(b'{"error": {"message": "slow", "code": "rate_limit_exceeded"}}', 429), openai.RateLimitError, "rate_limit_exceeded"),
    ({}, raw(b'{"error": {"message": "no", "code": "previous_response_not_found"}}', 400), openai.BadRequestError, "previous_response_not_found"),
    ({}, raw(b"oops", 500), openai.InternalServerError, "upstream_error"),
    ({}, raw(b'{"object": "response"}'), openai.InternalServerError, "upstream_error"),
]  # fmt: skip


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("change", "answer", "kind", "code"), ERRORS)
def test_errors_raise_the_right_class(
    proxy: Running, upstream: Upstream, change: Any, answer: Any, kind: Any, code: str, streamed: bool
) -> None:
    """Each error is the exception an app already catches, with its code, whether it asked for a stream or not."""
    upstream.script = answer or (lambda body: script(body, reply(message("Hi."))))

    with sync(proxy) as client, pytest.raises(kind) as raised:
        client.responses.create(**{"model": "gpt-test", "input": "Hi", "stream": streamed, **change})

    assert type(raised.value) is kind
    assert raised.value.code == code
    assert raised.value.request_id


@pytest.mark.parametrize("end", [b"", b'data: {"type": "error", "code": "server_error", "message": "m"}\n\n'])
def test_an_error_in_mid_stream_is_raised(proxy: Running, upstream: Upstream, end: bytes) -> None:
    """A stream that breaks or tells of an error raises where the app reads it; what came before was good."""
    said = script({"stream": True}, reply(message("Hello")))
    upstream.script = stream([*said.pieces[:5], end] if end else said.pieces[:5])
    pieces = []

    with sync(proxy) as client, pytest.raises(openai.APIError):
        for event in client.responses.create(model="gpt-test", input="Hi", stream=True):
            pieces += [event.delta] if isinstance(event, ResponseTextDeltaEvent) else []

    assert pieces == ["H"]
    assert proxy.recorder.last()["outcome"] == "failed"
