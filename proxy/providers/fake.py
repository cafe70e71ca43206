"""The scripted provider: deterministic answers and deterministic faults, for the demo, tests and benchmarks.

`fake/<script>` chooses what it does; docs/reference/fake-provider.md lists the scripts and their options.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from proxy.config_deployments import Deployment, Timeouts
from proxy.errors import BadRequest, Code, ConfigError, UpstreamError, UpstreamTimeout
from proxy.providers import fake_responses
from proxy.providers.base import Call, EventStream, Fetch, Reply, ReplyStream
from proxy.providers.fake_completions import TextAnswer
from proxy.providers.fake_embeddings import embeddings
from proxy.providers.fake_kept import Refused, Shelf
from proxy.providers.fake_reader import crc
from proxy.providers.fake_responses import ResponseAnswer
from proxy.providers.fake_scripts import SCRIPTS, Said, content_text, messages
from proxy.sse import DONE, event

CHAT, COMPLETIONS, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
PATHS = (CHAT, COMPLETIONS, EMBEDDINGS, fake_responses.PATH, fake_responses.COUNT)
"""The routes it speaks."""

FAULTS = ("empty", "garbage", "hang", "inband-error", "refuse", "stall", "truncated")
"""The scripts that fail. `error-STATUS` is one more for each HTTP status from 400 to 599."""

CREATED = 1_700_000_000
"""`created` of every answer: a fixed time, so that equal requests have equal answers."""

REQUEST_ID = "req_fake"

_GARBAGE = b"<html><body>Service temporarily confused</body></html>"
_ERRORS = {
    400: ("invalid_request_error", "invalid_value"),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "insufficient_permissions"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


class Options(BaseModel):
    """Options of a fake deployment, written in its `litellm_params`."""

    model_config = ConfigDict(extra="forbid")

    chunk_chars: int = Field(default=8, ge=1)
    """Characters of each piece of a stream."""
    chunk_ms: float = Field(default=0, ge=0)
    """Milliseconds before each piece of a stream."""
    first_ms: float = Field(default=0, ge=0)
    """Milliseconds before the answer begins."""
    retry_after: float | None = Field(default=None, ge=0)
    """Seconds to name in `retry-after` of an error."""
    text: str = ""
    """What `fake/say` says."""


def check(deployment: Deployment) -> Options:
    """The deployment's options. Raises ConfigError for a script or an option that does not exist."""
    name = deployment.model
    status = name.removeprefix("error-")
    is_error = status != name and status.isdecimal() and 400 <= int(status) <= 599
    if name not in SCRIPTS and name not in FAULTS and name != "say" and not is_error:
        known = ", ".join(sorted({*SCRIPTS, *FAULTS, "say", "error-STATUS"}))
        raise ConfigError(
            f"the model fake/{name} does not exist.",
            fix=f"Use fake/ and one of: {known}.",
            file=deployment.id,
        )
    try:
        return Options.model_validate(dict(deployment.params))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"option {where}: {first['msg']}.",
            fix=f"A fake deployment takes: {', '.join(Options.model_fields)}.",
            file=deployment.id,
        ) from None


class FakeProvider:
    """Answers from scripts, without a network."""

    name = "fake"

    def __init__(self) -> None:
        self._shelf = Shelf()

    async def complete(self, deployment: Deployment, call: Call) -> Reply:
        """The script's whole answer, or its fault."""
        options = check(deployment)
        refused = await _begin(deployment, call, options)
        if refused is not None:
            return refused
        if call.begun is not None:
            call.begun()
        name = deployment.model
        if name == "empty":
            return _ok(b"")
        if name == "garbage":
            return _ok(_GARBAGE)
        if name == "inband-error":
            return _ok(orjson.dumps(_error_body(500)))
        told = self._shelf.keep(call.path, call.payload, _whole(deployment, call, options))
        body = orjson.dumps(told)
        if name == "stall":
            await _pause(math.inf, call.deadlines(deployment).idle)
        return _ok(body[: len(body) // 2] if name == "truncated" else body)

    async def stream(self, deployment: Deployment, call: Call) -> ReplyStream | Reply:
        """The script's answer piece by piece, or its fault."""
        options = check(deployment)
        refused = await _begin(deployment, call, options)
        if refused is not None:
            return refused
        if deployment.model == "garbage":
            return _ok(_GARBAGE)
        answer = _answer(deployment, call, options)
        self._shelf.keep(call.path, call.payload, answer.whole())
        frames = _frames(deployment.model, answer, options, call.deadlines(deployment))
        return EventStream(frames, {"x-request-id": REQUEST_ID})

    async def fetch(self, deployment: Deployment, asked: Fetch) -> ReplyStream | Reply:
        """What it keeps of the answers it gave; a script that fails before it answers fails here too."""
        options, deadlines = check(deployment), deployment.timeouts(asked.stream)
        refused = await _failed(deployment, options, deadlines)
        if refused is not None:
            return refused
        try:
            told = self._shelf.asked(asked)
        except Refused as error:
            found = _error_body(error.status)
            found["error"] |= {"message": error.message, "code": None}
            return Reply(error.status, {"x-request-id": REQUEST_ID}, orjson.dumps(found))
        if isinstance(told, dict):
            return _ok(orjson.dumps(told))
        return EventStream(_paced(told, options, deadlines), {"x-request-id": REQUEST_ID})

    async def aclose(self) -> None:
        """Nothing to let go of."""


async def _begin(deployment: Deployment, call: Call, options: Options) -> Reply | None:
    """What keeps it from answering on a route, as soon as it would answer; None when nothing does."""
    if call.path not in PATHS:
        raise BadRequest(
            f"{call.path} is not served for this model: the scripted provider has no such route.",
            code=Code.UNSUPPORTED_ENDPOINT,
            param="model",
        )
    return await _failed(deployment, options, call.deadlines(deployment))


async def _failed(deployment: Deployment, options: Options, deadlines: Timeouts) -> Reply | None:
    """Wait as told, then fail as the script does before it answers; None when it goes on."""
    name = deployment.model
    await _pause(math.inf if name == "hang" else options.first_ms / 1000, deadlines.first_byte)
    if name == "refuse":
        raise UpstreamError("The provider cannot be reached.", code=Code.UPSTREAM_UNREACHABLE)
    if name.startswith("error-"):
        headers = {"x-request-id": REQUEST_ID}
        if options.retry_after is not None:
            headers["retry-after"] = f"{options.retry_after:g}"
        status = int(name.removeprefix("error-"))
        return Reply(status, headers, orjson.dumps(_error_body(status)))
    return None


async def _pause(seconds: float, limit: float) -> None:
    """Sleep. Raises UpstreamTimeout at the limit when that comes first."""
    if seconds > limit:
        await asyncio.sleep(limit)
        raise UpstreamTimeout("The provider did not answer in time.")
    if seconds > 0:
        await asyncio.sleep(seconds)


def _ok(body: bytes) -> Reply:
    return Reply(200, {"x-request-id": REQUEST_ID}, body)


def _error_body(status: int) -> dict[str, Any]:
    """OpenAI's envelope for a status."""
    kind, code = _ERRORS.get(status, ("server_error", None) if status >= 500 else _ERRORS[400])
    message = f"The scripted provider answers with status {status}."
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _said(deployment: Deployment, payload: Mapping[str, Any], options: Options) -> Said:
    """What the deployment's script makes of a chat request; what fails midway talks like `assistant`."""
    if deployment.model == "say":
        return Said(options.text)
    return SCRIPTS.get(deployment.model, SCRIPTS["assistant"])(payload)


def _words(payload: Mapping[str, Any]) -> int:
    return sum(len(content_text(item.get("content")).split()) for item in messages(payload))


def _answer(deployment: Deployment, call: Call, options: Options) -> _Answer | TextAnswer | ResponseAnswer:
    """The script's answer in the shapes of the route that was called."""
    model = f"fake-{deployment.model}"
    if call.path == fake_responses.PATH:
        asked = fake_responses.as_chat(call.payload)
        said = _said(deployment, asked, options)
        return ResponseAnswer(said, model, _words(asked), CREATED, options.chunk_chars)
    if call.path != COMPLETIONS:
        return _Answer.of(deployment, call, options)

    def say(prompt: str) -> str:
        return _said(deployment, {"messages": [{"role": "user", "content": prompt}]}, options).text

    head = {"object": "text_completion", "created": CREATED, "model": model}
    return TextAnswer.of(call.payload, say, head, options.chunk_chars)


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer and everything its JSON needs."""

    said: Said
    model: str
    id: str
    choices: int
    with_usage: bool
    usage: Mapping[str, int]
    chunk_chars: int

    @classmethod
    def of(cls, deployment: Deployment, call: Call, options: Options) -> _Answer:
        """What the deployment's script makes of the call."""
        payload = call.payload
        said = _said(deployment, payload, options)
        count = payload.get("n")
        choices = count if isinstance(count, int) and 1 <= count <= 128 else 1
        asked = _words(payload)
        given = (len(said.text.split()) + sum(len(tool.arguments.split()) for tool in said.tools)) * choices
        stream_options = payload.get("stream_options")
        return cls(
            said=said,
            model=f"fake-{deployment.model}",
            id=f"chatcmpl-{crc(said.text + str(asked)):08x}",
            choices=choices,
            with_usage=isinstance(stream_options, Mapping) and stream_options.get("include_usage") is True,
            usage={"prompt_tokens": asked, "completion_tokens": given, "total_tokens": asked + given},
            chunk_chars=options.chunk_chars,
        )

    @property
    def finish_reason(self) -> str:
        """Why it ends, in OpenAI's words."""
        return "tool_calls" if self.said.tools else "stop"

    def whole(self) -> dict[str, Any]:
        """The answer as a `chat.completion`."""
        message: dict[str, Any] = {"role": "assistant", "content": self.said.text, "refusal": None}
        if self.said.tools:
            message["content"] = None
            message["tool_calls"] = [
                {
                    "id": tool.id,
                    "type": "function",
                    "function": {"name": tool.name, "arguments": tool.arguments},
                }
                for tool in self.said.tools
            ]
        return {
            "id": self.id,
            "object": "chat.completion",
            "created": CREATED,
            "model": self.model,
            "choices": [
                {"index": index, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
                for index in range(self.choices)
            ],
            "usage": dict(self.usage),
        }

    def deltas(self) -> list[dict[str, Any]]:
        """The deltas of one choice, in order: role, then text or tool calls in pieces."""
        size = self.chunk_chars
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None if self.said.tools else ""}]
        text = self.said.text
        deltas += [{"content": text[at : at + size]} for at in range(0, len(text), size)]
        for index, tool in enumerate(self.said.tools):
            function = {"name": tool.name, "arguments": ""}
            deltas.append(
                {"tool_calls": [{"index": index, "id": tool.id, "type": "function", "function": function}]}
            )
            deltas += [
                {"tool_calls": [{"index": index, "function": {"arguments": tool.arguments[at : at + size]}}]}
                for at in range(0, len(tool.arguments), size)
            ]
        return deltas

    def chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        """One `chat.completion.chunk` as an event."""
        head = {"id": self.id, "object": "chat.completion.chunk", "created": CREATED, "model": self.model}
        return event(orjson.dumps(head | {"choices": choices} | more))

    def parts(self) -> list[bytes]:
        """The events that carry the answer, choices side by side, without the closing ones."""
        return [
            self.chunk([{"index": index, "delta": delta, "logprobs": None, "finish_reason": None}])
            for delta in self.deltas()
            for index in range(self.choices)
        ]

    def closing(self) -> list[bytes]:
        """The events that end the stream: each choice's finish_reason, usage if asked for, `[DONE]`."""
        ends = [
            self.chunk([{"index": index, "delta": {}, "logprobs": None, "finish_reason": self.finish_reason}])
            for index in range(self.choices)
        ]
        usage = [self.chunk([], usage=dict(self.usage))] if self.with_usage else []
        return [*ends, *usage, event(DONE)]


def _whole(deployment: Deployment, call: Call, options: Options) -> dict[str, Any]:
    """The whole answer as JSON."""
    if call.path == EMBEDDINGS:
        return embeddings(call.payload, f"fake-{deployment.model}")
    if call.path == fake_responses.COUNT:
        asked = _words(fake_responses.as_chat(call.payload))
        return {"object": "response.input_tokens", "input_tokens": asked}
    return _answer(deployment, call, options).whole()


async def _paced(
    frames: Iterable[bytes], options: Options, deadlines: Timeouts
) -> AsyncGenerator[bytes, None]:
    """Frames at the pace the options ask for."""
    for each in frames:
        await _pause(options.chunk_ms / 1000, deadlines.idle)
        yield each


async def _frames(
    name: str, answer: _Answer | TextAnswer | ResponseAnswer, options: Options, deadlines: Timeouts
) -> AsyncGenerator[bytes, None]:
    """The events of a stream at the pace the options ask for, with the fault that the script has."""
    if name == "empty":
        return
    parts = answer.parts()
    broken = name in ("inband-error", "stall", "truncated")
    for part in parts[: max(2, len(parts) // 2)] if broken else parts:
        await _pause(options.chunk_ms / 1000, deadlines.idle)
        yield part
    if name == "inband-error":
        yield event(orjson.dumps(_error_body(500)))
    elif name == "stall":
        await _pause(math.inf, deadlines.idle)
    elif name != "truncated":
        for part in answer.closing():
            yield part
