"""Legacy completions of the scripted provider."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.config_deployments import Deployment
from proxy.providers.base import Call, Reply
from proxy.providers.fake import FakeProvider
from proxy.providers.fake_scripts import CARD
from proxy.sse import Decoder

PATH = "/v1/completions"


def fake(script: str, **params: Any) -> Deployment:
    """A fake deployment."""
    return Deployment("fake", "m", "fake", "fake", script, params=params)


async def whole(script: str, **payload: Any) -> dict[str, Any]:
    """The whole answer to a request."""
    reply = await FakeProvider().complete(fake(script), Call(payload, path=PATH))
    found: dict[str, Any] = orjson.loads(reply.body)
    return found


async def streamed(script: str, **payload: Any) -> list[Any]:
    """The payloads of a streamed answer."""
    answer = await FakeProvider().stream(fake(script, chunk_chars=3), Call(payload, path=PATH, stream=True))
    assert not isinstance(answer, Reply)
    decoder = Decoder()
    payloads = [payload async for piece in answer for payload in decoder.feed(piece)]
    return [payload if payload == b"[DONE]" else orjson.loads(payload) for payload in payloads]


@pytest.mark.parametrize(
    ("payload", "texts"),
    [
        ({"prompt": "hello world"}, ["hello world"]),
        ({"prompt": ["a", "b"], "n": 2}, ["a", "a", "b", "b"]),
        ({"prompt": "a", "echo": True}, ["aa"]),
        ({"prompt": [1, 2]}, [""]),
        ({"prompt": [[1], [2]]}, ["", ""]),
        ({}, [""]),
    ],
)
async def test_each_prompt_has_its_choices(payload: dict[str, Any], texts: list[str]) -> None:
    """In order; streamed, joined, they say the same."""
    answer = await whole("echo", **payload)
    *chunks, done = await streamed("echo", **payload)

    joined = [""] * len(texts)
    for chunk in chunks:
        for choice in chunk["choices"]:
            joined[choice["index"]] += choice["text"]
    assert [choice["text"] for choice in answer["choices"]] == joined == texts
    assert [choice["finish_reason"] for choice in answer["choices"]] == ["stop"] * len(texts)
    assert answer["object"] == chunks[0]["object"] == "text_completion"
    assert done == b"[DONE]"


async def test_scripts_say_what_they_say_in_a_chat() -> None:
    """Words counted as tokens; equal requests have equal answers; usage is streamed when asked for."""
    answer = await whole("card", prompt="my card please")
    *_, last, _ = await streamed("card", prompt="my card please", stream_options={"include_usage": True})

    assert answer["choices"][0]["text"] == CARD
    assert answer == await whole("card", prompt="my card please")
    assert answer["usage"]["prompt_tokens"] == 3
    assert (last["choices"], last["usage"]) == ([], answer["usage"])


async def test_faults_are_the_same() -> None:
    """A cut stream has no end."""
    found = await streamed("truncated", prompt="a long enough prompt")

    assert b"[DONE]" not in found
    assert all(choice["finish_reason"] is None for chunk in found for choice in chunk["choices"])
