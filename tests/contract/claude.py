"""A provider that answers as Anthropic does, and the proxy in front of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from proxy.sse import named
from tests.proxy.dialects.messages_replies import events, message
from tests.proxy.policies import policy
from tests.servers import Running, Script, Upstream, make_app, raw, served, stream


def said(*content: dict[str, Any], **more: Any) -> Script:
    """A whole message."""
    return raw(orjson.dumps(message([*content], **more)), request_id="req_1")


def streamed(*content: dict[str, Any], cut: Callable[[str], list[str]] = list, **more: Any) -> Script:
    """The same as a stream, cut into characters, under the names that Anthropic gives its events."""
    payloads = events([*content], cut, **more)
    return stream([named(json.loads(payload)["type"], payload) for payload in payloads])


def told(kind: str, status: int) -> Script:
    """An error of the provider's."""
    body = {"type": "error", "error": {"type": kind, "message": "No."}, "request_id": "req_1"}
    return raw(orjson.dumps(body), status, request_id="req_1")


def models(port: int) -> list[dict[str, Any]]:
    """A deployment of Anthropic's, one of another vendor, and scripted ones."""
    base = f"http://127.0.0.1:{port}"
    given = {
        "claude-test": {"model": "anthropic/claude-real", "api_base": base, "api_key": "sk-ant-upstream"},
        "gpt-test": {"model": "openai/gpt-real", "api_base": f"{base}/v1", "api_key": "sk-upstream"},
        "fake-echo": {"model": "fake/echo"},
        "fake-tool": {"model": "fake/tool"},
    }
    return [{"model_name": name, "litellm_params": params} for name, params in given.items()]


@pytest.fixture(scope="module")
def _claude(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder, text = tmp_path_factory.mktemp("claude"), policy()
    with served(
        make_app(folder, f"http://127.0.0.1:{_upstream.port}", text, models(_upstream.port))
    ) as running:
        yield running


@pytest.fixture
def claude(_claude: Running) -> Running:
    """The proxy, whose recorder is empty."""
    _claude.recorder.forget()
    return _claude
