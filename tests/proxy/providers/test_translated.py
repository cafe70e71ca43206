"""Messages through another provider's chat completions, with the scripted provider as that one."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.config_deployments import Deployment
from proxy.errors import UpstreamError
from proxy.providers.base import Call, Reply
from proxy.providers.fake import FakeProvider
from proxy.providers.translated import Translated
from tests.proxy.dialects.messages_replies import read

TOOL = {"name": "send", "input_schema": {"type": "object", "properties": {"to": {"type": "string"}}}}


def call(stream: bool, **more: Any) -> Call:
    """A request of the dialect."""
    asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}], **more}
    return Call(asked | ({"stream": True} if stream else {}), "/v1/messages", stream)


async def answer(script: str, stream: bool, **more: Any) -> Reply | dict[str, Any]:
    """A refusal, or the message that came."""
    provider, deployment = Translated(FakeProvider()), Deployment("f", "m", "fake", "fake", script)
    told = await (provider.stream if stream else provider.complete)(deployment, call(stream, **more))
    if not isinstance(told, Reply):
        return read([frame async for frame in told])
    await provider.aclose()
    return told if told.status >= 400 else orjson.loads(told.body)


@pytest.mark.parametrize(("script", "more"), [("echo", {}), ("card", {}), ("tool", {"tools": [TOOL]})])
async def test_streamed_or_not_it_is_the_same_message(script: str, more: dict[str, Any]) -> None:
    """Text and calls, with their usage."""
    whole = await answer(script, False, **more)

    assert whole == await answer(script, True, **more)
    assert isinstance(whole, dict)
    assert whole["stop_reason"] == ("tool_use" if script == "tool" else "end_turn")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal_has_anthropics_envelope(stream: bool) -> None:
    """And its status."""
    told = await answer("error-429", stream)

    assert isinstance(told, Reply)
    assert told.status == 429
    assert orjson.loads(told.body)["error"]["type"] == "rate_limit_error"


async def test_what_fails_midway_has_no_end() -> None:
    """A cut stream, and one that tells of an error."""
    told = await answer("truncated", True)

    assert isinstance(told, dict)
    assert told["stop_reason"] is None
    for script in ("garbage", "truncated"):
        with pytest.raises(UpstreamError):
            await answer(script, False)
    failed = await answer("inband-error", False)
    assert isinstance(failed, Reply)
    assert failed.status == 502
