"""A chat completion of another vendor's model as the Messages dialect tells it, whole and streamed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from proxy.dialects.reply_body import reply_object
from proxy.errors import UpstreamError
from proxy.exchange import new_id
from proxy.sse import DONE, named

STOPS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
"""`finish_reason` of a choice to `stop_reason` of a message."""
_TEXTS = {"reasoning_content": "thinking", "reasoning": "thinking", "content": "text", "refusal": "text"}
"""Member of a chat message or delta to the member of a block that holds its text."""
_BY_STATUS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
NOTHING = {"input_tokens": 0, "output_tokens": 0}
"""Usage at the start of a stream: the numbers come with its end."""


def message(completion: Mapping[str, Any], model: str) -> dict[str, Any]:
    """The message of a whole completion of a model. Raises UpstreamError when it is none."""
    choices = completion.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    said = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(said, dict):
        raise UpstreamError("The provider's answer has no choices.")
    content: list[dict[str, Any]] = []
    for name, kind in _TEXTS.items():
        if isinstance(said.get(name), str) and said[name]:
            content.append({**_opening(kind), kind: said[name]})
    content += [_call(call) for call in _calls(said)]
    stop = "refusal" if said.get("refusal") else STOPS.get(str(choice.get("finish_reason")))
    ends = {"stop_reason": stop, "stop_sequence": None}
    used = usage(completion.get("usage"))
    return {**_head(completion, model), "content": content, **ends} | ({"usage": used} if used else {})


def usage(told: Any) -> dict[str, Any] | None:
    """The numbers under their names in the dialect; None when there are none."""
    if not isinstance(told, dict) or not isinstance(told.get("prompt_tokens"), int):
        return None
    details = told.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    written = told.get("completion_tokens")
    made = {
        "input_tokens": told["prompt_tokens"],
        "output_tokens": written if isinstance(written, int) else 0,
    }
    if isinstance(cached, int):
        made |= {"input_tokens": made["input_tokens"] - cached, "cache_read_input_tokens": cached}
    return made


def error(body: bytes, status: int) -> bytes:
    """A provider's error in the dialect's envelope, message and code kept; the body itself when it is none."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    inner = told.get("error") if isinstance(told, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("message"), str):
        return body
    told_so = _error(inner["message"], status)
    if isinstance(inner.get("code"), str):
        told_so["error"]["code"] = inner["code"]
    return orjson.dumps(told_so)


def _error(message: str, status: int) -> dict[str, Any]:
    kind = _BY_STATUS.get(status, "invalid_request_error" if status < 500 else "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}}


def _head(told: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Who answers. A message always has an id and a model, a chat of a careless provider's may not."""
    id = told.get("id") or f"msg_{new_id()}"
    return {"id": id, "type": "message", "role": "assistant", "model": told.get("model") or model}


def _opening(kind: str) -> dict[str, Any]:
    """An empty block with a text. What another vendor's model thinks is not signed."""
    signed = {"signature": ""} if kind == "thinking" else {}
    return {"type": kind, kind: "", **signed}


def _calls(holder: Mapping[str, Any]) -> list[Any]:
    calls = holder.get("tool_calls") or []
    if not isinstance(calls, list):
        raise UpstreamError("The provider's answer has tool calls that are no list.")
    return calls


def _call(call: Any) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise UpstreamError("The provider's answer has a tool call that is none.")
    try:
        given = orjson.loads(function.get("arguments") or "{}")
    except orjson.JSONDecodeError:
        raise UpstreamError("The provider's answer has a tool call whose arguments are not JSON.") from None
    return {"type": "tool_use", "id": call.get("id"), "name": function.get("name"), "input": given}


class Events:
    """Turns the chunks of one streamed completion into events. `feed` each payload; the last one ends it."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._begun = False
        self._stop: str | None = None
        self._usage: dict[str, Any] | None = None
        self._index = -1
        self._open: str | int | None = None
        """What the open block is: the member that holds its text, or the index of its tool call."""
        self._calls: set[int] = set()

    def feed(self, payload: bytes) -> bytes:
        """The events of one chunk. Raises UpstreamError when it is none."""
        if not payload:
            return b""
        if payload == DONE:
            return self.end()
        chunk = reply_object(payload, "A chunk of the provider's stream")
        if told := chunk.get("error"):
            code = str(told.get("code")) if isinstance(told, dict) else ""
            status = int(code) if len(code) == 3 and code.isdecimal() else 502
            return _written(_error("The provider reported an error in place of an answer.", status))
        return b"".join(map(_written, self._events(chunk)))

    def end(self) -> bytes:
        """What ends the message, if the provider gave a reason for its end: an invented end is no end."""
        if self._stop is None:
            return b""
        delta = {"stop_reason": self._stop, "stop_sequence": None}
        last = {"type": "message_delta", "delta": delta, "usage": self._usage or {"output_tokens": 0}}
        self._stop = None
        return b"".join(map(_written, [*self._close(), last, {"type": "message_stop"}]))

    def _events(self, chunk: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        if not self._begun:
            self._begun = True
            start = {**_head(chunk, self._model), "content": [], "stop_reason": None, "stop_sequence": None}
            yield {"type": "message_start", "message": {**start, "usage": NOTHING}}
        self._usage = usage(chunk.get("usage")) or self._usage
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if not isinstance(choice, dict) or choice.get("index", 0) != 0:
                raise UpstreamError("The provider sent a stream chunk with a choice that is none.")
            delta = choice.get("delta")
            yield from self._delta(delta if isinstance(delta, dict) else {})
            if reason := choice.get("finish_reason"):
                self._stop = STOPS.get(str(reason), "end_turn")

    def _delta(self, delta: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for name, kind in _TEXTS.items():
            if isinstance(text := delta.get(name), str) and text:
                yield from self._begin(kind, _opening(kind))
                yield self._piece({"type": f"{kind}_delta", kind: text})
        for call in _calls(delta):
            yield from self._tool(call)

    def _tool(self, call: Any) -> Iterator[dict[str, Any]]:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise UpstreamError("The provider sent a piece of a tool call that is none.")
        index = call.get("index") or 0
        if not isinstance(index, int):
            raise UpstreamError("The provider sent a piece of a tool call whose index is no number.")
        if index != self._open and index in self._calls:
            raise UpstreamError("The provider went on with a tool call after it had begun the next one.")
        self._calls.add(index)
        opening = {"type": "tool_use", "id": call.get("id"), "name": function.get("name"), "input": {}}
        yield from self._begin(index, opening)
        if text := function.get("arguments"):
            yield self._piece({"type": "input_json_delta", "partial_json": text})

    def _begin(self, what: str | int, opening: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if self._open == what:
            return
        yield from self._close()
        self._open, self._index = what, self._index + 1
        yield {"type": "content_block_start", "index": self._index, "content_block": opening}

    def _close(self) -> Iterator[dict[str, Any]]:
        if self._open is not None:
            self._open = None
            yield {"type": "content_block_stop", "index": self._index}

    def _piece(self, delta: dict[str, Any]) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}


def _written(event: dict[str, Any]) -> bytes:
    return named(event["type"], orjson.dumps(event))
