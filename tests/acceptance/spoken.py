"""Each route as its callers and providers speak it: a request, a good answer both ways, and where an error stands."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from proxy.dialects import responses_events
from proxy.sse import Decoder, named
from tests.proxy.dialects import messages_replies, responses_replies
from tests.servers import chunk, whole

SAID = "All of it is well said."
"""What every good answer says, where it can say anything."""
DONE = b"data: [DONE]\n\n"
SILENT = "silent end"
"""What no answer may ever be: a success that is neither complete nor an error."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route, with the kind of deployment behind it."""

    name: str
    path: str
    model: str
    asked: Callable[[str], dict[str, Any]]
    """Takes a text, gives the members of a request that says it."""
    whole: bytes
    """The provider's good whole answer."""
    frames: Callable[[Sequence[str]], list[bytes]] = lambda pieces: []
    """Takes the pieces of a text, gives the events of a good stream that says them; none where nothing streams."""

    @property
    def events(self) -> list[bytes]:
        """The events of a good stream."""
        return self.frames(SAID.split(" "))

    def request(self, text: str = "hi", stream: bool = False) -> bytes:
        """A request body."""
        streamed = {"stream": True} if stream else {}
        return orjson.dumps({"model": self.model, **self.asked(text), **streamed})


def _chat(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


def _message(text: str) -> dict[str, Any]:
    return {**_chat(text), "max_tokens": 100}


def _chat_frames(pieces: Sequence[str]) -> list[bytes]:
    said = [chunk({"content": piece}) for piece in pieces]
    return [chunk({"role": "assistant", "content": ""}), *said, chunk({}, "stop"), DONE]


def _completion_frames(pieces: Sequence[str]) -> list[bytes]:
    def frame(text: str, finish: str | None = None) -> bytes:
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
        return b"data: " + orjson.dumps({**_TEXT, "choices": [choice]}) + b"\n\n"

    return [*map(frame, pieces), frame("", "stop"), DONE]


def _message_frames(pieces: Sequence[str]) -> list[bytes]:
    payloads = messages_replies.events([{"type": "text", "text": "".join(pieces)}], lambda text: [*pieces])
    return [named(json.loads(payload)["type"], payload) for payload in payloads]


def _response_frames(pieces: Sequence[str]) -> list[bytes]:
    told = responses_replies.reply(responses_replies.message("".join(pieces)))
    return [responses_events.frame(event) for event in responses_events.events(told, lambda text: [*pieces])]


_TEXT = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "gpt-real"}
_USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
_COMPLETION = {
    **_TEXT,
    "choices": [{"index": 0, "text": SAID, "logprobs": None, "finish_reason": "stop"}],
    "usage": _USAGE,
}
_VECTORS = {
    "object": "list",
    "model": "gpt-real",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}],
    "usage": {"prompt_tokens": 1, "total_tokens": 1},
}
_CHAT = whole({"role": "assistant", "content": SAID}).pieces[0]

ROUTES = {
    route.name: route
    for route in (
        Route("chat", "/v1/chat/completions", "gpt-test", _chat, _CHAT, _chat_frames),
        Route(
            "responses",
            "/v1/responses",
            "gpt-test",
            lambda text: {"input": text},
            orjson.dumps(responses_replies.reply(responses_replies.message(SAID))),
            _response_frames,
        ),
        Route(
            "messages",
            "/v1/messages",
            "claude-test",
            _message,
            orjson.dumps(messages_replies.message([{"type": "text", "text": SAID}])),
            _message_frames,
        ),
        Route("translated", "/v1/messages", "gpt-test", _message, _CHAT, _chat_frames),
        Route(
            "completions",
            "/v1/completions",
            "gpt-test",
            lambda text: {"prompt": text},
            orjson.dumps(_COMPLETION),
            _completion_frames,
        ),
        Route(
            "embeddings",
            "/v1/embeddings",
            "gpt-test",
            lambda text: {"input": text},
            orjson.dumps(_VECTORS),
        ),
    )
}
"""The routes that call a provider. `translated` is a message asked of a vendor that speaks chat."""


def models(port: int) -> list[dict[str, Any]]:
    """The deployments behind the routes, all at one port."""
    base = f"http://127.0.0.1:{port}"
    given = {
        "gpt-test": {"model": "openai/gpt-real", "api_base": f"{base}/v1", "api_key": "sk-upstream-secret"},
        "claude-test": {"model": "anthropic/claude-real", "api_base": base, "api_key": "sk-upstream-secret"},
    }
    return [{"model_name": name, "litellm_params": params} for name, params in given.items()]


def outcome(route: Route, status: int, content_type: str, body: bytes) -> str:
    """What a caller makes of an answer: `answered`, `error`, `error in band`, or SILENT, which is none of them."""
    if not content_type.startswith("text/event-stream"):
        told = _parsed(body)
        if status >= 400:
            return "error" if _is_error(route, told) else SILENT
        return "answered" if SAID in body.decode("utf-8", "replace") or b"embedding" in body else SILENT
    payloads = [_parsed(data) for data in Decoder().feed(body) if data != b"[DONE]"]
    complete = any(map(_completes, payloads))
    if payloads and _is_error(route, payloads[-1]):
        return SILENT if complete else "error in band"
    return "answered" if complete else SILENT


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _is_error(route: Route, told: Any) -> bool:
    """Whether this is an error as the route's own clients read it."""
    if not isinstance(told, dict) or not isinstance(told.get("error"), dict):
        return False
    if route.path == "/v1/messages":
        return told.get("type") == "error" and {"type", "message"} == told["error"].keys()
    return told["error"].keys() == {"message", "type", "param", "code"}


def _completes(told: Any) -> bool:
    if not isinstance(told, dict):
        return False
    finished = [choice for choice in told.get("choices") or () if choice.get("finish_reason")]
    return bool(finished) or told.get("type") in ("response.completed", "message_stop")
