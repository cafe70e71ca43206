"""Every answer that the proxy makes itself is one that the API could have given: the official types are the judge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from proxy.app import App
from tests.contract.claude import models
from tests.contract.fuzzed import Fuzz, ask, fuzz
from tests.contract.hostile import MODEL_ROUTES
from tests.contract.oracle import conforms, events
from tests.contract.passage import SECRET
from tests.proxy.dialects import messages_replies, responses_replies
from tests.proxy.policies import policy
from tests.servers import chunk, make_app

WHOLE = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "completion",
    "/v1/responses": "response",
    "/v1/messages": "message",
}
"""By route that can be streamed: what it answers."""
STREAMED = {
    "/v1/chat/completions": "chat chunk",
    "/v1/completions": "completion chunk",
    "/v1/responses": "response event",
    "/v1/messages": "message event",
}
HEAD = {"id": "c1", "created": 1, "model": "gpt-real"}
BLOCKED = f"The key is {SECRET}, keep it."


def answer(path: str, text: str) -> dict[str, Any]:
    """A whole answer of a provider's that says a text."""
    said = {"role": "assistant", "content": text, "refusal": None}
    chosen = {"index": 0, "finish_reason": "stop", "logprobs": None}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    made: dict[str, dict[str, Any]] = {
        "/v1/chat/completions": {
            **HEAD,
            "object": "chat.completion",
            "choices": [{**chosen, "message": said}],
            "usage": usage,
        },
        "/v1/completions": {
            **HEAD,
            "object": "text_completion",
            "choices": [{**chosen, "text": text}],
            "usage": usage,
        },
        "/v1/responses": responses_replies.reply(responses_replies.message(text, logprobs=[])),
        "/v1/messages": messages_replies.message([{"type": "text", "text": text}]),
    }
    return made[path]


def stream(path: str, text: str) -> list[bytes]:
    """The same as the bytes of a stream, in pieces of five characters."""
    cut = [text[n : n + 5] for n in range(0, len(text), 5)]
    if path == "/v1/responses":
        whole = responses_replies.reply(responses_replies.message(text, logprobs=[]))
        told = responses_replies.payloads(whole, lambda _: cut)
    elif path == "/v1/messages":
        told = messages_replies.events([{"type": "text", "text": text}], lambda _: cut)
    elif path == "/v1/completions":
        told = [
            orjson.dumps(
                {
                    **HEAD,
                    "object": "text_completion",
                    "choices": [{"index": 0, "text": piece, "logprobs": None, "finish_reason": None}],
                }
            )
            for piece in cut
        ]
        told.append(told[-1].replace(b"null}]", b'"stop"}]'))
    else:
        return [*(chunk({"content": piece}) for piece in cut), chunk({}, "stop"), b"data: [DONE]\n\n"]
    return [b"data: " + payload + b"\n\n" for payload in told]


@pytest.fixture(scope="module")
def redacting(tmp_path_factory: pytest.TempPathFactory) -> Fuzz:
    """A proxy that redacts."""
    return fuzz(tmp_path_factory.mktemp("redact"), "redact")


@pytest.fixture(scope="module")
def blocking(tmp_path_factory: pytest.TempPathFactory) -> Fuzz:
    """A proxy that blocks, with an error."""
    return fuzz(tmp_path_factory.mktemp("block"), "block")


@pytest.fixture(scope="module")
def declining(tmp_path_factory: pytest.TempPathFactory) -> Fuzz:
    """A proxy that blocks, politely."""
    return fuzz(tmp_path_factory.mktemp("decline"), "block", block_style="refusal")


def asked(path: str, model: str | None = None, text: str = "Hello", **members: Any) -> bytes:
    """A request."""
    default = "claude-test" if path.startswith("/v1/messages") else "gpt-test"
    body = json.dumps({"model": model or default, **MODEL_ROUTES[path], **members})
    return body.replace('"hi"', json.dumps(text)).encode()


async def told(
    proxy: Fuzz, path: str, body: bytes, answer: Any = b"", status: int = 200
) -> tuple[int, bytes]:
    """What a caller is answered."""
    proxy.provider.status = status
    proxy.provider.answer = orjson.dumps(answer) if isinstance(answer, dict) else answer
    return await ask(proxy.app, path, body)


def judge(path: str, data: bytes) -> list[dict[str, Any]]:
    """The events of a stream, each found to be one."""
    found = events(data)
    assert found
    for event in found:
        if event.get("type") == "ping":
            continue  # the provider's own, of which the client has no type
        conforms(STREAMED[path], event)
    return found


@pytest.mark.parametrize("path", WHOLE)
async def test_a_polite_refusal_is_an_answer(declining: Fuzz, path: str) -> None:
    """Whole and streamed, with nobody asked."""
    status, data = await told(declining, path, asked(path, text=BLOCKED))
    assert status == 200
    conforms(WHOLE[path], json.loads(data))
    status, data = await told(declining, path, asked(path, text=BLOCKED, stream=True))
    assert status == 200
    judge(path, data)
    assert declining.provider.sent == []


@pytest.mark.parametrize("path", WHOLE)
async def test_a_blocked_answer_is_an_answer(blocking: Fuzz, path: str) -> None:
    """Whole, streamed, and whole told as a stream."""
    status, data = await told(blocking, path, asked(path), answer(path, BLOCKED))
    assert status == 200 and SECRET.encode() not in data
    conforms(WHOLE[path], json.loads(data))
    for given in (stream(path, BLOCKED), answer(path, BLOCKED)):
        status, data = await told(blocking, path, asked(path, stream=True), given)
        assert status == 200 and SECRET.encode() not in data
        judge(path, data)


@pytest.mark.parametrize("path", WHOLE)
async def test_an_edited_answer_is_an_answer(redacting: Fuzz, path: str) -> None:
    """Whole, streamed with held pieces, and whole told as a stream."""
    status, data = await told(redacting, path, asked(path), answer(path, BLOCKED))
    assert status == 200 and SECRET.encode() not in data
    conforms(WHOLE[path], json.loads(data))
    for given in (stream(path, BLOCKED), answer(path, BLOCKED)):
        status, data = await told(redacting, path, asked(path, stream=True), given)
        assert status == 200 and SECRET.encode() not in data
        judge(path, data)


@pytest.mark.parametrize("stops", [True, False])
async def test_what_another_vendor_says_is_a_message(redacting: Fuzz, stops: bool) -> None:
    """A chat told as a message, also by a provider that leaves out what it may."""
    path, call = "/v1/messages", {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    given = answer("/v1/chat/completions", "Hello.")
    given["choices"][0]["message"]["tool_calls"] = [call]
    if not stops:
        said = {"message": {"content": "Hello."}, "finish_reason": "strange"}
        given = {"choices": [said], "usage": {"prompt_tokens": 3}}
    status, data = await told(redacting, path, asked(path, "gpt-test"), given)
    assert status == 200
    conforms("message", json.loads(data))
    sent = stream("/v1/chat/completions", "Hello.")
    if not stops:
        sent = [
            b'data: {"choices": [{"delta": {"content": "Hi"}}]}\n\n',
            b'data: {"choices": [{"delta": {}, "finish_reason": "x"}]}\n\n',
        ]
    status, data = await told(redacting, path, asked(path, "gpt-test", stream=True), sent)
    assert status == 200
    judge(path, data)


async def test_a_sloppy_providers_stream_ends_properly(blocking: Fuzz, redacting: Fuzz) -> None:
    """Frames of our own have every member, also where the provider's have not."""
    for path, member in {"/v1/chat/completions": "delta", "/v1/completions": "text"}.items():
        text: Any = {"content": BLOCKED} if member == "delta" else BLOCKED
        sent = [b"data: %s\n\n" % orjson.dumps({"choices": [{"index": 0, member: text}]})]
        status, data = await told(blocking, path, asked(path, stream=True), sent)
        assert status == 200
        judge(path, data)


@pytest.mark.parametrize("path", [*MODEL_ROUTES])
async def test_an_error_is_an_error_of_the_api(blocking: Fuzz, path: str) -> None:
    """Blocked, malformed, unknown, and a provider that is broken in every way."""
    kind = "Anthropic's error" if "messages" in path else "OpenAI's error"
    for body in (b"", b"[]", b"{}", asked(path, model="none")):
        status, data = await told(blocking, path, body)
        assert status in (400, 404) or (status == 200 and path == "/v1/moderations")
        if status != 200:
            conforms(kind, json.loads(data))
    if path != "/v1/moderations":
        status, data = await told(blocking, path, asked(path, text=BLOCKED))
        assert status == 400
        conforms(kind, json.loads(data))
    for given, code in ((b"", 200), (b"[]", 200), (b"{}", 200), (b"<html>", 500), (b"", 503), (b"x", 429)):
        status, data = await told(blocking, path, asked(path), given, code)
        assert status == (code if code >= 400 else 502)
        conforms(kind, json.loads(data))


@pytest.mark.parametrize("path", WHOLE)
async def test_an_error_in_a_stream_is_one_of_the_api(redacting: Fuzz, path: str) -> None:
    """The event that a broken stream ends with."""
    given = stream(path, "Hello, world.")[:2]
    status, data = await told(redacting, path, asked(path, stream=True), given)
    assert status == 200
    last = events(data)[-1]
    match path:
        case "/v1/messages":
            conforms("Anthropic's error", last)
        case "/v1/responses":
            conforms("response event", last)
        case _:
            conforms("OpenAI's error", last)


@pytest.mark.parametrize("text", ["Hello", BLOCKED])
async def test_the_policys_own_judgement_is_a_moderation(blocking: Fuzz, text: str) -> None:
    """Of a text, of several, and of parts."""
    for given in (text, [text, "Hi"], [{"type": "text", "text": text}]):
        status, data = await ask(blocking.app, "/v1/moderations", json.dumps({"input": given}).encode())
        assert status == 200
        conforms("moderation", json.loads(data))


async def test_models_are_models(blocking: Fuzz) -> None:
    """The list, and each of them."""
    status, data = await ask(blocking.app, "/v1/models", b"", "GET")
    assert status == 200
    conforms("models", json.loads(data))
    for model in json.loads(data)["data"]:
        status, data = await ask(blocking.app, f"/v1/models/{model['id']}", b"", "GET")
        assert status == 200
        conforms("model", json.loads(data))


FAKES = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "completion",
    "/v1/responses": "response",
    "/v1/messages": "message",
    "/v1/embeddings": "embeddings",
}


@pytest.mark.parametrize("model", ["fake-echo", "fake-tool"])
@pytest.mark.parametrize("path", FAKES)
async def test_the_fake_provider_answers_as_a_real_one(plain: App, path: str, model: str) -> None:
    """Whole, and streamed where that can be."""
    status, data = await ask(plain, path, asked(path, model))
    if status == 400 and model == "fake-tool":
        return  # no tools on this route
    assert status == 200
    conforms(FAKES[path], json.loads(data))
    if path in STREAMED:
        members: Mapping[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
        if path not in ("/v1/chat/completions", "/v1/completions"):
            members = {"stream": True}
        status, data = await ask(plain, path, asked(path, model, **members))
        assert status == 200
        judge(path, data)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> App:
    """A proxy with its real providers."""
    return make_app(tmp_path_factory.mktemp("plain"), "http://127.0.0.1:9/v1", policy(), models(9))


async def test_an_answer_from_the_cache_is_an_answer(tmp_path: Path) -> None:
    """The same as the first time."""
    proxy, path = fuzz(tmp_path, "redact", cache_ttl_s=60), "/v1/chat/completions"
    first = await told(proxy, path, asked(path), answer(path, BLOCKED))
    second = await told(proxy, path, asked(path), b"nothing")
    assert first == second
    conforms("chat", json.loads(second[1]))
