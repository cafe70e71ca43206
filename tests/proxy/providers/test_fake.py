"""The scripted provider's wire: whole, streamed, and broken in every documented way."""

import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from proxy.config_deployments import Deployment, Timeouts
from proxy.errors import BadRequest, ConfigError, UpstreamError, UpstreamTimeout
from proxy.providers.base import Call, Reply
from proxy.providers.fake import FAULTS, FakeProvider, Options, check
from proxy.providers.fake_scripts import CARD, SCRIPTS
from proxy.sse import Decoder

SHORT = Timeouts(first_byte=0.05, idle=0.05, total=0.2)
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"properties": {"where": {}}}}}]


def fake(script: str, **params: Any) -> Deployment:
    """A fake deployment."""
    return Deployment("fake", "m", "fake", "fake", script, params=params)


def call(text: str = "hello world", stream: bool = False, **more: Any) -> Call:
    """A chat call with short deadlines."""
    return Call({"messages": [{"role": "user", "content": text}], **more}, stream=stream, timeout=SHORT)


async def chunks(
    script: str, text: str = "hello world", params: dict[str, Any] | None = None, **more: Any
) -> list[Any]:
    """The payloads of a stream, parsed where they are JSON."""
    answer = await FakeProvider().stream(fake(script, **(params or {})), call(text, stream=True, **more))
    assert not isinstance(answer, Reply)
    decoder = Decoder()
    payloads = [payload async for piece in answer for payload in decoder.feed(piece)]
    return [payload if payload == b"[DONE]" else orjson.loads(payload) for payload in payloads]


async def test_a_whole_answer_is_a_chat_completion() -> None:
    """OpenAI's shape, words counted as tokens, the same each time."""
    provider = FakeProvider()
    reply = await provider.complete(fake("echo"), call())
    answer = orjson.loads(reply.body)
    assert reply.status == 200
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "hello world", "refusal": None}
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"] == {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}
    assert (await provider.complete(fake("echo"), call())).body == reply.body
    await provider.aclose()


@pytest.mark.parametrize("size", [1, 3, 8, 1000])
async def test_a_stream_says_the_same_as_the_whole(size: int) -> None:
    """Cut into pieces of the size asked for."""
    found = await chunks("card", params={"chunk_chars": size})
    pieces = [item["choices"][0]["delta"].get("content", "") for item in found[:-1]]
    assert "".join(pieces) == CARD
    assert max(map(len, pieces)) <= size
    assert found[-2]["choices"][0]["finish_reason"] == "stop" and found[-1] == b"[DONE]"


async def test_a_streamed_tool_call_is_cut_too() -> None:
    """Name first, then the arguments in pieces."""
    found = await chunks("tool", 'args: {"where": "the cellar"}', tools=TOOLS)
    deltas = [item["choices"][0]["delta"] for item in found[:-1]]
    calls = [delta["tool_calls"][0] for delta in deltas if "tool_calls" in delta]
    assert calls[0]["function"] == {"name": "look", "arguments": ""}
    assert "".join(item["function"]["arguments"] for item in calls) == '{"where": "the cellar"}'
    assert found[-2]["choices"][0]["finish_reason"] == "tool_calls"


async def test_a_whole_tool_call_has_no_content() -> None:
    """`content` is null, as with OpenAI."""
    reply = await FakeProvider().complete(fake("tool"), call(tools=TOOLS))
    message = orjson.loads(reply.body)["choices"][0]["message"]
    assert message["content"] is None and message["tool_calls"][0]["type"] == "function"


async def test_several_choices_run_side_by_side() -> None:
    """n=2: each choice whole, each with its end; usage last, without choices, when asked for."""
    found = await chunks("echo", n=2, stream_options={"include_usage": True})
    for index in (0, 1):
        mine = [item["choices"][0] for item in found[:-2] if item["choices"][0]["index"] == index]
        assert "".join(item["delta"].get("content", "") for item in mine) == "hello world"
        assert mine[-1]["finish_reason"] == "stop"
    assert found[-2]["choices"] == [] and found[-2]["usage"]["completion_tokens"] == 4


async def test_pieces_keep_the_pace() -> None:
    """chunk_ms before each piece."""
    begun = time.perf_counter()
    await chunks("say", params={"text": "abcd", "chunk_chars": 1, "chunk_ms": 10})
    assert time.perf_counter() - begun >= 0.05


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "invalid_api_key"), (429, "rate_limit_exceeded"), (500, None), (418, "invalid_value")],
)
async def test_error_answers_with_its_status(stream: bool, status: int, code: str | None) -> None:
    """In OpenAI's envelope, with the retry-after asked for."""
    provider = FakeProvider()
    run = provider.stream if stream else provider.complete
    reply = await run(fake(f"error-{status}", retry_after=2), call(stream=stream))
    assert isinstance(reply, Reply)
    assert (reply.status, reply.headers["retry-after"]) == (status, "2")
    assert orjson.loads(reply.body)["error"]["code"] == code


@pytest.mark.parametrize("stream", [False, True])
async def test_refuse_and_hang_raise(stream: bool) -> None:
    """As a transport would."""
    provider = FakeProvider()
    run = provider.stream if stream else provider.complete
    with pytest.raises(UpstreamError, match="cannot be reached"):
        await run(fake("refuse"), call(stream=stream))
    with pytest.raises(UpstreamTimeout):
        await run(fake("hang"), call(stream=stream))


async def test_broken_whole_answers() -> None:
    """Empty, garbage, half, an error within a 200; each is a Reply for the pipeline to judge."""
    provider = FakeProvider()
    bodies = {
        name: (await provider.complete(fake(name), call())).body for name in ("empty", "garbage", "truncated")
    }
    assert bodies["empty"] == b"" and bodies["garbage"].startswith(b"<html>")
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(bodies["truncated"])
    assert "error" in orjson.loads((await provider.complete(fake("inband-error"), call())).body)
    with pytest.raises(UpstreamTimeout):
        await provider.complete(fake("stall"), call())


async def test_broken_streams() -> None:
    """Cut, with an error inside, without any event, stalled, or no stream at all."""
    cut = await chunks("truncated")
    assert len(cut) >= 2 and all(item["choices"][0]["finish_reason"] is None for item in cut)
    assert "error" in (await chunks("inband-error"))[-1]
    assert await chunks("empty") == []
    with pytest.raises(UpstreamTimeout):
        await chunks("stall")
    garbage = await FakeProvider().stream(fake("garbage"), call(stream=True))
    assert isinstance(garbage, Reply) and garbage.status == 200


async def test_other_paths_are_not_there() -> None:
    """Routes that it does not speak."""
    with pytest.raises(BadRequest) as raised:
        await FakeProvider().complete(fake("echo"), Call({"input": "x"}, path="/v1/moderations"))
    assert raised.value.code == "unsupported_endpoint"


@pytest.mark.parametrize(
    ("script", "params", "message"),
    [
        ("ecko", {}, "fake/ecko does not exist.*assistant"),
        ("error-200", {}, "does not exist"),
        ("echo", {"chunk_chars": 0}, "chunk_chars"),
        ("echo", {"speed": 1}, "speed.*takes: chunk_chars"),
    ],
)
def test_an_unknown_script_or_option_is_refused(script: str, params: dict[str, Any], message: str) -> None:
    """When the configuration is loaded, not when it is called."""
    with pytest.raises(ConfigError, match=message):
        check(fake(script, **params))


def test_every_script_and_option_is_documented() -> None:
    """docs/reference/fake-provider.md lists them."""
    page = (Path(__file__).parents[3] / "docs/reference/fake-provider.md").read_text()
    named = [f"`fake/{name}`" for name in (*SCRIPTS, *FAULTS, "say", "error-STATUS")] + [
        f"`{key}`" for key in Options.model_fields
    ]
    assert [name for name in named if f"| {name} |" not in page] == []
