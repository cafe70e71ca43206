"""The Responses route through the whole proxy: what policies and deployments make of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from guardrails.pseudonyms import INSTRUCTION
from tests.proxy.dialects.responses_replies import message, reply, script
from tests.proxy.policies import policy
from tests.servers import ADMIN_KEY, Running, Upstream, make_app, raw, served

OPTIONS = ["error", "refusal"]


@pytest.fixture(scope="module")
def polite(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy that refuses politely and has a default model."""
    folder: Path = tmp_path_factory.mktemp("polite")
    url = f"http://127.0.0.1:{_upstream.port}/v1"
    text = policy(block_style="refusal", unscannable="block")
    with served(make_app(folder, url, text, default_model="gpt-test")) as running:
        yield running


def client(proxy: Running) -> openai.OpenAI:
    """The official client."""
    return openai.OpenAI(base_url=proxy.url, api_key=ADMIN_KEY, max_retries=0)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_block_can_be_a_polite_refusal(polite: Running, upstream: Upstream, streamed: bool) -> None:
    """An incomplete response with a polite message; not one byte reaches the provider."""
    with client(polite) as asking:
        if streamed:
            with asking.responses.stream(model="gpt-test", input="kryptonite") as events:
                told: Any = list(events)[-1].response
        else:
            told = asking.responses.create(model="gpt-test", input="kryptonite")

    assert told.status == "incomplete"
    assert told.incomplete_details.reason == "content_filter"
    assert told.output_text.startswith("This request was refused")
    assert upstream.bodies == []
    assert polite.recorder.last()["outcome"] == "blocked"


def test_a_stored_prompt_goes_to_the_default_model(polite: Running, upstream: Upstream) -> None:
    """Its variables are inspected like any text, and the line about tokens goes along."""
    upstream.script = lambda body: script(body, reply(message(body["prompt"]["variables"]["who"])))

    with client(polite) as asking:
        told = asking.responses.create(prompt={"id": "pmpt_1", "variables": {"who": "ada@example.com"}})

    [sent] = upstream.requests
    assert told.output_text == "ada@example.com"
    assert sent["model"] == "gpt-real"
    assert sent["prompt"]["id"] == "pmpt_1"
    assert "ada@" not in json.dumps(sent)
    assert sent["input"] == [{"type": "message", "role": "system", "content": INSTRUCTION}]
    assert "input" not in polite.recorder.last()["request"]


def test_an_image_meets_the_policy(polite: Running, upstream: Upstream) -> None:
    """In a result of a tool as in a message."""
    shot = {"type": "computer_screenshot", "image_url": "https://example.com/a.png"}
    item: Any = {"type": "computer_call_output", "call_id": "c", "output": shot}

    with client(polite) as asking:
        told = asking.responses.create(model="gpt-test", input=[item])

    assert told.status == "incomplete"
    assert upstream.bodies == []
    [finding] = polite.recorder.last()["findings"]
    assert (finding["entity"], finding["pointer"]) == ("UNSCANNABLE", "/input/0/output")


def test_a_provider_that_does_not_stream_is_streamed_for(proxy: Running, upstream: Upstream) -> None:
    """The caller gets the events that it asked for."""
    upstream.script = raw(json.dumps(reply(message("Hello"))).encode())

    with client(proxy) as asking, asking.responses.stream(model="gpt-test", input="Hi") as events:
        told = events.get_final_response()

    assert told.output_text == "Hello"


def test_what_is_repeated_of_the_request_is_inspected_once(proxy: Running, upstream: Upstream) -> None:
    """A provider repeats instructions and tools; the caller finds its own words there, the trace no second finding."""
    tool: Any = {"type": "function", "name": "f", "description": "Card 4111 1111 1111 1111", "parameters": {}}

    def answer(body: dict[str, Any]) -> Any:
        echoed = {name: body[name] for name in ("tools", "metadata")}
        return script(body, reply(message("Hi."), **echoed))

    upstream.script = answer
    for streamed in (False, True):
        with client(proxy) as asking:
            told: Any = asking.responses.create(
                model="gpt-test",
                input="Hi",
                tools=[tool],
                metadata={"to": "ada@example.com"},
                stream=streamed,
            )
            told = list(told)[-1].response if streamed else told

        assert told.metadata == {"to": "ada@example.com"}
        assert told.tools[0].description == "Card [CARD]"
        assert {finding["side"] for finding in proxy.recorder.last()["findings"]} == {"input"}


def test_bytes_pass_as_they_came_where_nothing_is_found(proxy: Running, upstream: Upstream) -> None:
    """The provider gets the caller's own bytes, the caller the provider's."""
    import urllib.request

    asked = b'{"model": "gpt-real",  "input": "Hi", "tomorrow": {"a": 1.50}}'
    answered = json.dumps(reply(message("Hi.")), indent=1).encode()
    upstream.script = raw(answered)
    headers = {"authorization": f"Bearer {ADMIN_KEY}", "content-type": "application/json"}
    request = urllib.request.Request(f"{proxy.url}/responses", asked, headers)

    with urllib.request.urlopen(request) as told:
        body = told.read()

    assert upstream.bodies == [asked]
    assert body == answered
