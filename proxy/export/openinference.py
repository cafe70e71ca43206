"""Traces as spans in OpenInference's names: the model's call, what was retrieved for it, what the guardrails found.

The messages are told attribute by attribute, as its readers show them; the whole bodies stand in `input.value` and
`output.value`. All texts are as stored: after the guardrails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from proxy.export.lines import line, text
from proxy.export.spans import told
from proxy.review.messages_view import as_chat
from proxy.telemetry_otlp import OPERATIONS

Json = Mapping[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LISTS = ("messages", "input", "prompt", "tools", "instructions", "system", "model")
"""Members of a request that are told apart from its parameters."""


def lines(traces: Iterable[Json]) -> Iterator[bytes]:
    """The spans of each trace, each a line; the model's call first."""
    for trace in traces:
        for span in spans(trace):
            yield line(span)


def spans(trace: Json) -> Iterator[dict[str, Any]]:
    """A trace's spans: its own, and below it one of what was retrieved and one of what each side's rules found."""
    operation = OPERATIONS.get(trace["path"], "chat")
    attributes = told(trace, True)
    kind = attributes["openinference.span.kind"]
    attributes |= dict(_conversation(trace))
    yield _span(trace, f"{operation} {trace['model']}".strip(), kind, attributes)
    if trace["retrieval"]:
        yield _span(trace, "retrieval", "RETRIEVER", dict(_documents(trace["retrieval"])), "retrieval")
    for side in ("input", "output"):
        findings = [each for each in trace["findings"] if each["side"] == side]
        failures = [each for each in trace["failures"] if each["side"] == side]
        if findings or failures:
            about = {
                "guardhouse.side": side,
                "guardhouse.policy": trace["policy"],
                "guardhouse.verdict": trace["action"],
                "guardhouse.decided": trace["decided"],
                **dict(_numbered("guardhouse.findings", findings)),
                **dict(_numbered("guardhouse.failures", failures)),
            }
            yield _span(trace, f"guardrails {side}", "GUARDRAIL", about, side)


def _span(trace: Json, name: str, kind: str, attributes: dict[str, Any], below: str = "") -> dict[str, Any]:
    own = trace["id"][16:]
    id = blake2b(f"{trace['id']} {below}".encode(), digest_size=8).hexdigest() if below else own
    failed = not below and (trace["error"] is not None or trace["outcome"] == "cancelled")
    return {
        "name": name,
        "context": {"trace_id": trace["trace_id"], "span_id": id},
        "parent_id": own if below else trace["parent_span"],
        "span_kind": kind,
        "start_time": _time(trace["started_us"]),
        "end_time": _time(trace["started_us"] + (trace["duration_us"] or 0)),
        "status_code": "ERROR" if failed else "OK",
        "status_message": (trace["error"] or {}).get("message") or "" if failed else "",
        "attributes": {**attributes, "openinference.span.kind": kind},
    }


def _time(microseconds: int) -> str:
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="microseconds")


def _numbered(prefix: str, items: Iterable[Json]) -> Iterator[tuple[str, Any]]:
    for number, item in enumerate(items):
        for name, value in item.items():
            if value is not None:
                yield f"{prefix}.{number}.{name}", value


def _documents(hits: Iterable[Json]) -> Iterator[tuple[str, Any]]:
    for number, hit in enumerate(hits):
        at = f"retrieval.documents.{number}.document"
        yield f"{at}.id", hit["doc_id"]
        if hit["score"] is not None:
            yield f"{at}.score", hit["score"]
        yield f"{at}.content", hit["text"] or ""
        yield (
            f"{at}.metadata",
            text({name: hit[name] for name in ("rank", "source", "linked_by") if name in hit}),
        )


def _conversation(trace: Json) -> Iterator[tuple[str, Any]]:
    chat = as_chat(trace) if trace["dialect"] == "messages" else trace
    request, response = _dict(chat["request"]), _dict(chat["response"])
    given = _dict(trace["request"])
    if parameters := {name: value for name, value in given.items() if name not in _LISTS}:
        yield "llm.invocation_parameters", text(parameters)
    for number, tool in enumerate(_list(given.get("tools"))):
        yield f"llm.tools.{number}.tool.json_schema", text(tool)
    for number, message in enumerate(_asked(request)):
        yield from _message(f"llm.input_messages.{number}.message", message)
    for number, message in enumerate(_answered(response)):
        yield from _message(f"llm.output_messages.{number}.message", message)


def _asked(request: Json) -> Iterator[Json]:
    """The messages of a request, or what stands for them."""
    if request.get("instructions"):
        yield {"role": "system", "content": request["instructions"]}
    for name in ("messages", "input", "prompt"):
        value = request.get(name)
        if isinstance(value, list):
            yield from (
                each if isinstance(each, dict) else {"role": "user", "content": each} for each in value
            )
        elif value is not None:
            yield {"role": "user", "content": value}


def _answered(response: Json) -> Iterator[Json]:
    """The messages of a reply: of its choices, or the items of its output."""
    for choice in _list(response.get("choices")):
        given = _dict(choice)
        yield _dict(given.get("message")) or {"role": "assistant", "content": given.get("text")}
    yield from map(_dict, _list(response.get("output")))


def _message(at: str, message: Json) -> Iterator[tuple[str, Any]]:
    kind = message.get("type")
    yield (
        f"{at}.role",
        _str(message.get("role") or ("tool" if kind == "function_call_output" else "assistant")),
    )
    content = message.get("content", message.get("output"))
    if isinstance(content, str):
        yield f"{at}.content", content
    for number, part in enumerate(_list(content)):
        yield from _part(f"{at}.contents.{number}.message_content", _dict(part))
    if isinstance(message.get("name"), str) and kind != "function_call":
        yield f"{at}.name", message["name"]
    for name in ("tool_call_id", "call_id"):
        if kind != "function_call" and isinstance(message.get(name), str):
            yield f"{at}.tool_call_id", message[name]
    calls = [message] if kind == "function_call" else _list(message.get("tool_calls"))
    for number, call in enumerate(map(_dict, calls)):
        function = _dict(call.get("function")) or call
        below = f"{at}.tool_calls.{number}.tool_call"
        for name, value in (
            ("id", call.get("call_id") or call.get("id")),
            ("function.name", function.get("name")),
        ):
            if value is not None:
                yield f"{below}.{name}", _str(value)
        if function.get("arguments") is not None:
            yield f"{below}.function.arguments", _str(function["arguments"])


def _part(at: str, part: Json) -> Iterator[tuple[str, Any]]:
    said = next((part[name] for name in ("text", "refusal") if isinstance(part.get(name), str)), None)
    yield f"{at}.type", "text" if said is not None else _str(part.get("type") or "other")
    if said is not None:
        yield f"{at}.text", said


def _str(value: Any) -> str:
    return value if isinstance(value, str) else text(value)


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
