"""Every way on which a value may come into the proxy: requests that carry it, by the name of the way."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.servers import ADMIN_KEY

CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
TOO_LARGE = 60_000
"""Bytes of a body that the proxy of this benchmark takes."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request."""

    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    leaves: bool = False
    """Whether its caller leaves in the midst of the reply."""
    key: str = ADMIN_KEY


Way = Callable[[str, str], Sent]
"""Takes the value alone, and a sentence with it."""


def _chat(model: str, *messages: Any, **more: Any) -> Sent:
    return _post(CHAT, {"model": model, "messages": list(messages), **more})


def _post(path: str, body: Any, **more: Any) -> Sent:
    return Sent(path, json.dumps(body).encode(), **more)


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def _called(arguments: str, result: str) -> list[dict[str, Any]]:
    call = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": arguments}}
    return [
        _user("Find it."),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": result},
    ]


def _tool(text: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"q": {"type": "string", "description": text}}}
    return {"type": "function", "function": {"name": "find", "description": text, "parameters": parameters}}


def _app_span(name: str, text: str, **more: str) -> Sent:
    told = {
        "openinference.span.kind": "RETRIEVER",
        "input.value": text,
        "retrieval.documents.0.document.content": text,
        "retrieval.documents.0.document.id": name,
        **more,
    }
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in told.items()]
    span = {
        "traceId": "ab" * 16,
        "spanId": "cd" * 8,
        "name": name,
        "startTimeUnixNano": "1",
        "attributes": attributes,
    }
    return _post("/v1/traces", {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


def _run(value: str, text: str) -> Sent:
    item = {
        "id": "i", "sha256": "", "repeat": 0,
        "scores": {"s": {"status": "scored", "value": 1.0, "reason": text, "spans": [{"evidence": value}]}},
        "output": {"text": text, "tool_calls": [{"name": "t", "arguments": json.dumps({"q": text})}], "hits": None},
    }  # fmt: skip
    id = base64.b32encode(value.encode())[-24:].decode().strip("=")
    head = {
        "format": "guardhouse.run/1",
        "id": f"run-{abs(hash(id))}",
        "created_at": "2026-01-01T00:00:00Z",
        "suite": "s",
    }
    case = {"id": "i", "sha256": "", "question": text, "expected": text, "tags": [], "cluster": ""}
    more = {"golden": {}, "summary": {}, "gate": {"verdict": "none"}, "cases": [case]}
    return _post("/api/runs", {**head, **more, "items": [item]})


def _both(name: str, path: str, body: Callable[[str], dict[str, Any]]) -> dict[str, Way]:
    """A way, as a whole reply and as a stream."""
    return {
        name: lambda value, text: _post(path, body(text)),
        f"{name}, streamed": lambda value, text: _post(path, {**body(text), "stream": True}),
    }


CONTENTS: dict[str, Way] = {
    **_both("chat: user", CHAT, lambda text: {"model": "echo", "messages": [_user(text)]}),
    **_both(
        "chat: system", CHAT,
        lambda text: {"model": "echo", "messages": [{"role": "system", "content": text}, _user("hi")]},
    ),
    **_both("chat: tool call and result", CHAT, lambda text: {
        "model": "tool", "messages": _called(json.dumps({"q": text}), text), "tools": [_tool("find")],
    }),
    **_both("chat: arguments that the model writes", CHAT, lambda text: {
        "model": "tool", "messages": [_user(f"args: {json.dumps({'q': text})}")], "tools": [_tool("find")],
    }),
    **_both("chat: parts, name, n", CHAT, lambda text: {
        "model": "echo", "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}], "n": 2,
    }),
    **_both("chat: provider that repeats all it was sent", CHAT, lambda text: {
        "model": "parrot", "messages": [_user(text)], "user": text, "metadata": {"note": text},
    }),
    **_both("responses", RESPONSES, lambda text: {"model": "echo", "input": text, "instructions": text}),
    **_both("responses: user and metadata", RESPONSES, lambda text: {
        "model": "echo", "input": "hi", "safety_identifier": text, "metadata": {"a": text},
    }),
    **_both("messages", MESSAGES, lambda text: {
        "model": "echo", "max_tokens": 99, "system": text, "messages": [_user(text)],
    }),
    **_both("completions", "/v1/completions", lambda text: {"model": "echo", "prompt": text}),
    "embeddings": lambda value, text: _post("/v1/embeddings", {"model": "echo", "input": [text]}),
    "moderations": lambda value, text: _post("/v1/moderations", {"input": text}),
    "chat: tool definition": lambda value, text: _chat("echo", _user("hi"), tools=[_tool(text)]),
    "chat: hits": lambda value, text: _chat(
        "echo", _user("hi"), guardhouse={"retrieval": {"query": text, "hits": [{"id": value, "score": 1, "text": text}]}}
    ),
    "chat: prediction, stop, format": lambda value, text: _chat(
        "echo", _user("hi"), prediction={"type": "content", "content": text}, stop=[text],
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"description": text}}},
    ),
    "prompt variables": lambda value, text: _post(
        CHAT, {"model": "echo", "guardhouse": {"prompt": {"name": "greet", "variables": {"who": text}}}}
    ),
    "retrieval posted before": lambda value, text: _post(
        "/api/retrievals", {"query": text, "hits": [{"id": value, "text": text}]}
    ),
    "OTLP": lambda value, text: _app_span(text, text),
    "OTLP: user and session": lambda value, text: _app_span("n", "hi", **{"user.id": value, "session.id": value}),
    "feedback": lambda value, text: _post(
        "/api/feedback", {"trace_id": "FRESH", "thumb": "down", "comment": text}
    ),
    "reviewer's note": lambda value, text: _post("/api/traces/FRESH/reviews", {"verdict": "pass", "note": text}),
    "reviewer's comment": lambda value, text: _post("/api/traces/FRESH/comments", {"text": text}),
    "note of a bulk job": lambda value, text: _post(
        "/api/bulk", {"kind": "verdict", "traces": ["FRESH"], "verdict": "pass", "note": text}
    ),
    "golden candidate": lambda value, text: _post(
        "/api/golden/candidates", {"trace": "FRESH", "set": "toy", "answer": text, "note": text}
    ),
    "eval run": _run,
}  # fmt: skip
"""Where a rule looks: what it finds is stored masked."""

NAMES: dict[str, Way] = {
    "user": lambda value, text: _chat("echo", _user("hi"), user=value),
    "metadata.user_id": lambda value, text: _post(
        MESSAGES, {"model": "echo", "max_tokens": 9, "messages": [_user("hi")], "metadata": {"user_id": value}}
    ),
    "metadata: names": lambda value, text: _chat("echo", _user("hi"), metadata={value: "x"}),
    "unknown member": lambda value, text: _chat("echo", _user("hi"), **{value: text}),
    "unknown model": lambda value, text: _chat(value, _user("hi")),
    "unknown model, messages": lambda value, text: _post(
        MESSAGES, {"model": value, "max_tokens": 9, "messages": [_user(text)]}
    ),
    "unknown prompt": lambda value, text: _post(CHAT, {"model": "echo", "guardhouse": {"prompt": {"name": value}}}),
    "unknown variable": lambda value, text: _post(
        CHAT, {"model": "echo", "guardhouse": {"prompt": {"name": "greet", "variables": {value: text}}}}
    ),
    "tool name": lambda value, text: _chat("echo", _user("hi"), tools=[{"type": "function", "function": {"name": value}}]),
    "role": lambda value, text: _chat("echo", {"role": value, "content": text}),
    "wrong types": lambda value, text: _chat("echo", _user("hi"), stream=value, n=value, max_tokens=value),
    "path": lambda value, text: Sent(f"/v1/{quote(value, safe='')}", b"{}"),
    "path of an object": lambda value, text: Sent(f"{RESPONSES}/{quote(value, safe='')}", method="GET"),
    "path of a page": lambda value, text: Sent(f"/{quote(value, safe='')}", method="GET"),
    "path of a trace": lambda value, text: Sent(f"/api/traces/{quote(value, safe='')}", method="GET"),
    "query": lambda value, text: Sent(f"{CHAT}?key={quote(value, safe='')}", _chat("echo", _user("hi")).body),
    "query of a list": lambda value, text: Sent(f"/api/traces?model={quote(value, safe='')}", method="GET"),
    "query that is refused": lambda value, text: Sent(f"/api/traces?{quote(value, safe='')}=1", method="GET"),
    "previous response": lambda value, text: _post(
        RESPONSES, {"model": "echo", "input": "hi", "previous_response_id": value}
    ),
    "filter: field": lambda value, text: Sent(f"/api/traces?q={quote(value, safe='')}:x", method="GET"),
    "filter: value": lambda value, text: Sent(f"/api/traces?q=outcome:{quote(value, safe='')}", method="GET"),
    "session": lambda value, text: _chat("echo", _user("hi"), metadata={"session_id": value}),
    "feedback: unknown trace": lambda value, text: _post("/api/feedback", {"trace_id": value, "thumb": "up"}),
    "verdict that is none": lambda value, text: _post("/api/traces/FRESH/reviews", {"verdict": value}),
    "kind of what was missed": lambda value, text: _post(
        "/api/traces/FRESH/reviews", {"verdict": "missed", "entity": value, "tags": [value]}
    ),
    "page of a queue": lambda value, text: Sent(f"/review/queues/{quote(value, safe='')}", method="GET"),
    "sign-in of nobody": lambda value, text: Sent("/review/login", f"name={quote(value)}&password={quote(text)}".encode()),
    "export: person": lambda value, text: _post("/api/subjects/export", {"user": value}),
    "erasure: value, counted": lambda value, text: _post("/api/erasures", {"value": [value], "dry_run": True}),
}  # fmt: skip
"""Where a name stands that could be anything."""


def _headed(name: str) -> Way:
    # What is no token of HTTP would be refused before anything sees it.
    def sent(value: str, text: str) -> Sent:
        told = value.replace("\n", " ").encode("latin-1", "replace").decode("latin-1")
        return Sent(CHAT, _chat("echo", _user("hi")).body, {name: told})

    return sent


HEADERS: dict[str, Way] = {
    f"header {name}": _headed(name)
    for name in (
        *("x-guardhouse-user", "x-guardhouse-session", "x-guardhouse-policy", "x-guardhouse-retrieval"),
        *(
            "x-session-id",
            "traceparent",
            "tracestate",
            "user-agent",
            "x-request-id",
            "cookie",
            "openai-organization",
        ),
        *("cache-control", "x-forwarded-for", "referer", "content-type", "x-api-key"),
    )
}

FATES: dict[str, Way] = {
    "wrong key": lambda value, text: Sent(CHAT, _chat("echo", _user(text)).body, key=value.replace("\n", " ")),
    "bad JSON": lambda value, text: Sent(CHAT, f'{{"messages": [{{"content": "{text}"'.encode()),
    "bad JSON, messages": lambda value, text: Sent(MESSAGES, f'{{"system": {text}'.encode()),
    "bad JSON, OTLP": lambda value, text: Sent("/v1/traces", text.encode(), {"content-type": "application/json"}),
    "bad UTF-8": lambda value, text: Sent(CHAT, b'{"a": "\xff' + text.encode() + b'"}'),
    "false gzip": lambda value, text: Sent(CHAT, text.encode(), {"content-encoding": "gzip"}),
    "too large": lambda value, text: _chat("echo", _user(text + " x" * TOO_LARGE)),
    "not a chat": lambda value, text: _post(CHAT, [text]),
    "no messages": lambda value, text: _post(CHAT, {"model": "echo", "messages": text}),
    "blocked": lambda value, text: _chat("strict", _user(f"{text} kryptonite")),
    "blocked, streamed": lambda value, text: _chat("strict", _user(f"{text} kryptonite"), stream=True),
    "blocked reply": lambda value, text: _chat("strict", _user(f"{text} krypto-echo")),
    "provider fails and repeats": lambda value, text: _chat("failing", _user(text), user=text, metadata={"m": text}),
    "provider fails and repeats, streamed": lambda value, text: _chat("failing", _user(text), stream=True),
    "provider fails and repeats, responses": lambda value, text: _post(
        RESPONSES, {"model": "failing", "input": text, "instructions": text}
    ),
    "provider breaks off": lambda value, text: _chat("broken", _user(text), stream=True),
    "provider answers with garbage": lambda value, text: _chat("garbage", _user(text)),
    "cancelled": lambda value, text: Sent(
        CHAT, _chat("slow", _user(text), stream=True).body, leaves=True
    ),
    "cancelled, whole": lambda value, text: Sent(CHAT, _chat("slow", _user(text)).body, leaves=True),
}  # fmt: skip
"""What may become of a request that a value stands in."""

DEFINED = ("chat: tool definition", "tool name", "chat: prediction, stop, format")
"""Ways into definitions of tools: the shipped policy looks for secrets there alone."""
WAYS: dict[str, Way] = {**CONTENTS, **NAMES, **HEADERS, **FATES}
