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

from proxy.dialects import stream_usage
from proxy.dialects.served import ROUTES
from tests.contract.recorded import chat, chat_streams, errors, messages, plain, responses, responses_streams
from tests.contract.recorded.shape import MESSAGES, RESPONSES, Recorded
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
COMPACT, INPUT_TOKENS = "/v1/responses/compact", "/v1/responses/input_tokens"
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
    told = [(event.event or "", event.data) for event in SSEDecoder().iter_bytes(iter([body]))]
    return [event for event in told if event[1]]


def joined(told: list[tuple[str, str]]) -> list[Any]:
    """The events with the pieces of each text put together, without what tells how it was cut."""
    out: list[Any] = []
    for name, data in told:
        event = json.loads(data)
        event.pop("sequence_number", None)
        event.pop("obfuscation", None)
        holder = event["delta"] if isinstance(event.get("delta"), dict) else event
        member = next((m for m in ("delta", "text", "thinking", "partial_json") if m in holder), None)
        piece = holder.pop(member) if member and "delta" in name and isinstance(holder[member], str) else None
        if piece is not None and out and out[-1][0] == event:
            out[-1][1] += piece
        elif piece != "":
            out.append([event, piece])
    return out


RECUT = frozenset(
    {
        "stream of two choices",
        "stream of a tool call",
        "stream of two tool calls",
        "stream of text, then a tool call",
    }
    | {
        "stream with logprobs",
        "stream of audio",
        "azure stream",
        "vllm stream",
        "mistral stream",
        "deepseek stream",
    }
    | {"openrouter stream with comments", "stream of a tool call in one piece", "stream of a completion"}
    | {"stream of a completion with usage"}
)
"""Streams of chats and completions that are not one text alone: their pieces are cut another way."""


def said(told: list[tuple[str, str]]) -> Any:
    """What a stream says in all: each text and each tool call put together, why each choice ended, and the usage."""
    choices: dict[int, dict[str, Any]] = {}
    for _, data in without_done(told):
        for part in json.loads(data)["choices"]:
            choice = choices.setdefault(part["index"], {})
            if part.get("finish_reason"):
                choice["finish_reason"] = part["finish_reason"]
            put_together(choice, {"text": part.get("text"), **(part.get("delta") or {})})
    usage = [usage for _, data in without_done(told) if (usage := json.loads(data).get("usage"))]
    return choices, usage[-1:]


def put_together(into: dict[str, Any], piece: dict[str, Any]) -> None:
    """Adds a piece of a message: texts are joined, tool calls by their index."""
    for name, value in piece.items():
        if isinstance(value, str) and name not in ("role", "id", "type", "format"):
            into[name] = into.get(name, "") + value
        elif isinstance(value, dict):
            put_together(into.setdefault(name, {}), value)
        elif isinstance(value, list):
            for place, each in enumerate(value):
                if isinstance(each, dict):
                    put_together(into.setdefault(name, {}).setdefault(each.get("index", place), {}), each)
        elif value is not None and value != "":
            into[name] = value


COUNTED = b'{"stream_options":{"include_usage":true},'


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded.name)
def test_what_was_recorded_comes_back_equal(shipped: Running, upstream: Upstream, recorded: Recorded) -> None:
    """Status, headers that callers read, body (a stream's events), and the request that reached the provider.

    Four things differ, and are meant to: a stream without `[DONE]` gets one, the pieces of a held text are cut another way in
    Messages, in completions and in the chats of RECUT, and an error that is written in a way of its own is told in
    OpenAI's envelope. Of a stream the provider is also asked for its token counts, of which callers who did not ask see nothing.
    """
    direct = ask(f"http://127.0.0.1:{upstream.port}", upstream, recorded)
    proxied = ask(shipped.url.removesuffix("/v1"), upstream, recorded)

    streams = b'"stream":true' in direct.asked and b"include_usage" not in direct.asked
    counted = streams and recorded.path in stream_usage.PATHS
    assert proxied.asked == (direct.asked.replace(b"{", COUNTED, 1) if counted else direct.asked)
    assert proxied.status == direct.status
    assert {**proxied.headers, **direct.headers} == proxied.headers
    if not recorded.streamed:
        assert proxied.body == (direct.body if recorded not in errors.FOREIGN else in_envelope(direct))
    elif recorded.path == RESPONSES:
        assert events(proxied.body) == events(direct.body)
    elif recorded.path == MESSAGES:
        assert joined(events(proxied.body)) == joined(events(direct.body))
    elif recorded.name in RECUT:
        assert proxied.body.endswith(b"data: [DONE]\n\n")
        assert said(events(proxied.body)) == said(events(direct.body))
    else:
        assert events(proxied.body) == [*without_done(events(direct.body)), ("", "[DONE]")]


def without_done(told: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The events up to `[DONE]`."""
    return [event for event in told if event[1] != "[DONE]"]


def in_envelope(told: Told) -> bytes:
    """An error as OpenAI writes it, with the words of one that is written otherwise."""
    body = json.loads(told.body)
    said = (
        body.get("message")
        or body.get("detail")
        or f"The provider refused the request with HTTP {told.status}."
    )
    message = said if isinstance(said, str) else json.dumps(said, separators=(",", ":"))
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": "upstream_error"}
    return orjson.dumps({"error": error})


def test_enough_was_recorded() -> None:
    """Of every route and of many vendors."""
    assert len(RECORDED) >= 140
    assert len({recorded.name for recorded in RECORDED}) == len(RECORDED)
    assert {recorded.path for recorded in RECORDED} == set(ROUTES) - {COMPACT, INPUT_TOKENS}
    assert len({recorded.vendor for recorded in RECORDED}) >= 9
