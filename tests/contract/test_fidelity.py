"""An app cannot tell the proxy from its provider: what was recorded comes back equal, and was asked for equally.

The same bytes are sent to a provider that repeats what was recorded, directly and through the proxy under the policy that
ships. The texts hold nothing that the policy would change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from typing import Any, NamedTuple

import httpx
import orjson
import pytest
import yaml
from openai._streaming import SSEDecoder

from tests.contract.recorded import chat, chat_streams, errors, messages, plain, responses, responses_streams
from tests.contract.recorded.shape import Recorded
from tests.servers import ADMIN_KEY, Running, Script, Upstream, make_app, served

RECORDED = [
    *chat.CHATS,
    *chat_streams.STREAMS,
    *plain.PLAIN,
    *responses.RESPONSES_WHOLE,
    *responses_streams.STREAMS,
    *messages.ANTHROPIC,
    *errors.ERRORS,
]
SEEN = ("retry-after", "retry-after-ms", "x-should-retry", "x-request-id", "request-id", "content-type")
SEEN_PREFIXES = ("x-ratelimit-", "openai-", "anthropic-ratelimit-")


class Told(NamedTuple):
    """What a client saw of one answer, and the request that the provider got."""

    status: int
    headers: dict[str, str]
    body: bytes
    asked: bytes


@pytest.fixture(scope="module")
def shipped(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy with the policy that ships, whose models are named as the provider names them."""
    folder = tmp_path_factory.mktemp("fidelity")
    policy = yaml.safe_load((resources.files("guardrails.policies") / "default.yaml").read_text())
    with served(make_app(folder, "", json.dumps(policy), models(_upstream.port))) as running:
        yield running


def models(port: int) -> list[dict[str, Any]]:
    """A deployment for each model that is asked for, at its vendor."""
    asked = {(each.vendor, orjson.loads(each.request)["model"]) for each in RECORDED}
    base = {"anthropic": f"http://127.0.0.1:{port}"}
    return [
        {
            "model_name": name,
            "litellm_params": {
                "model": f"{vendor}/{name}",
                "api_base": base.get(vendor, f"http://127.0.0.1:{port}/v1"),
                "api_key": "sk-upstream-secret",
            },
        }
        for vendor, name in sorted(asked)
    ]


def ask(base: str, upstream: Upstream, recorded: Recorded) -> Told:
    """Send the request of a recorded exchange there; the provider answers with what was recorded."""
    answer, size = recorded.answer, 1400
    pieces = [answer[start : start + size] for start in range(0, len(answer), size)]
    upstream.script = Script(pieces, recorded.status, recorded.headers, chunked=recorded.streamed)
    headers = {"authorization": f"Bearer {ADMIN_KEY}", "content-type": "application/json"}
    with httpx.Client() as client:
        told = client.post(base + recorded.path, content=recorded.request, headers=headers)
    seen = {
        name: value for name, value in told.headers.items() if name in SEEN or name.startswith(SEEN_PREFIXES)
    }
    return Told(told.status_code, seen, told.content, upstream.bodies[-1])


def events(body: bytes) -> list[tuple[str, str]]:
    """(name, data) of every event of a stream."""
    return [(event.event or "", event.data) for event in SSEDecoder().iter_bytes(iter([body]))]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded.name)
def test_what_was_recorded_comes_back_equal(shipped: Running, upstream: Upstream, recorded: Recorded) -> None:
    """Status, headers that callers read, body (a stream's events), and the request that reached the provider."""
    direct = ask(f"http://127.0.0.1:{upstream.port}", upstream, recorded)
    proxied = ask(shipped.url.removesuffix("/v1"), upstream, recorded)

    assert proxied.asked == direct.asked
    assert proxied.status == direct.status
    assert {**proxied.headers, **direct.headers} == proxied.headers
    if recorded.streamed:
        assert events(proxied.body) == events(direct.body)
    else:
        assert proxied.body == direct.body
