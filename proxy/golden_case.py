"""A reviewed trace as a case of a golden set, in the shape that `docs/reference/golden-format.md` describes. Pure.

Texts are those that are stored: masked. Where the case is about guardrails, each mask becomes a value of its kind that
belongs to nobody, as a policy can find no mask.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from guardrails.keyed import keyed_hash
from guardrails.stand_ins import fill
from guardrails.types import Action, strictest
from proxy.errors import BadRequest, Conflict
from proxy.estimates import was_right
from proxy.providers.messages_request import chat_request
from proxy.store.candidates import Candidate
from proxy.store.filter_fields import WITHDRAWN

MARK = "promoted"
"""Tag of every case that was a trace."""
_MEMBERS = ("role", "content", "name", "tool_calls", "tool_call_id", "refusal")
"""Members of a chat message that a case keeps."""
_SPOKEN = ("text", "input_text", "output_text")

Json = Mapping[str, Any]


class NoCase(ValueError):
    """A trace cannot become a case. The message says why."""


def check_reviewed(document: Json) -> None:
    """Raises Conflict for a trace of which nobody's judgement stands: what is promoted is what people said of it."""
    if not verdicts(document):
        raise Conflict(
            "Nobody has reviewed this trace, so nothing says what is right of it. Review it first."
        )


def case(document: Json, candidate: Candidate, key: bytes) -> dict[str, Any]:
    """The item that a candidate is. Raises NoCase. `key`: the installation's secret, for its label."""
    labels = candidate.labels
    if labels is None:
        raise NoCase("What was expected of it cannot be read any more: its day's key was deleted.")
    given = asked(document)
    expected: dict[str, Any] = {}
    if answer := labels.get("answer"):
        expected["answer"] = answer
    if action := labels.get("action"):
        if nothing := sorted(_masks(given) & {*labels.get("entities", ())}):
            raise NoCase(
                f"No value can stand in for {', '.join(nothing)}, so no policy would find it again."
                " Expect no action of it to keep the rest."
            )
        given = {name: _filled(value) for name, value in given.items()}
        expected["guardrail"] = {"action": action, "entities": sorted({*labels.get("entities", ())})}
    item: dict[str, Any] = {
        "id": f"trace-{candidate.span_id}",
        "input": given,
        "expected": expected,
        "tags": sorted({MARK, *labels.get("tags", ()), *(["guardrail"] if action else [])}),
        "cluster": document.get("run_id") or "",
        "status": "active",
        "label": {"by": candidate.actor, "at": _day(candidate.created_us), "kind": "human"},
        "provenance": {
            "trace": candidate.span_id,
            "subject": document.get("subject") or "",
            "candidate": candidate.id,
            "proxy": installation(key),
            "policy": document["policy"],
            "verdicts": verdicts(document),
        },
    }
    if labels.get("note"):
        item["note"] = labels["note"]
    return item


def installation(key: bytes) -> str:
    """What a case says of the proxy that it comes from: the same for all of one installation, and no name."""
    return keyed_hash(key, b"golden case", 6).hex()


def line(item: Json) -> str:
    """The item as it stands in `items.jsonl`."""
    return json.dumps(item, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(item: Json) -> str:
    """Hash of what the item's scores depend on."""
    scored = {"input": item["input"], "expected": item["expected"], "relevant": item.get("relevant", [])}
    return hashlib.sha256(line(scored).encode("utf-8", "surrogatepass")).hexdigest()


def suggested(document: Json) -> dict[str, Any]:
    """What is expected of a trace by its own findings and by what reviewers said of them."""
    wrong = {each["finding"] for each in verdicts(document) if each["right"] is False}
    inputs = [
        (place, found)
        for place, found in enumerate(document.get("findings") or ())
        if found["side"] == "input" and found["mode"] == "enforce"
    ]
    right = [found for place, found in inputs if place not in wrong]
    action = strictest(Action(found["action"]) for found in right if found["action"] in {*Action})
    return {
        "answer": "",
        "action": str(action) if inputs else "",
        "entities": sorted({found["entity"] for found in right}),
        "tags": [],
        "note": "",
    }


def verdicts(document: Json) -> list[dict[str, Any]]:
    """What reviewers said of the trace and of its findings: how many said what, and nobody's name."""
    findings = document.get("findings") or ()
    said: dict[int | None, Counter[str]] = {}
    for review in document.get("reviews") or ():
        if not review.get("superseded") and review["verdict"] != WITHDRAWN:
            said.setdefault(review.get("finding"), Counter())[review["verdict"]] += 1
    told = []
    for place, counts in sorted(said.items(), key=lambda each: -1 if each[0] is None else each[0]):
        there = place is not None and 0 <= place < len(findings)
        found = findings[place] if there and place is not None else {}
        told.append(
            {
                "finding": place,
                "rule": found.get("rule", ""),
                "entity": found.get("entity", ""),
                "verdicts": dict(sorted(counts.items())),
                "right": was_right([*counts.elements()]),
            }
        )
    return told


# --- what was asked, as chat messages


def asked(document: Json) -> dict[str, Any]:
    """The `input` of the case: chat messages, and tools. Raises NoCase."""
    request, dialect = document.get("request"), document.get("dialect")
    if not isinstance(request, dict) or not request:
        raise NoCase("Its texts are not kept, or not any more.")
    if dialect == "chat":
        messages, tools = request.get("messages"), request.get("tools")
    elif dialect == "messages":
        try:
            chat = chat_request(request, "openai")
        except (BadRequest, KeyError, TypeError):
            raise NoCase("It holds something that chat messages cannot say.") from None
        messages, tools = chat["messages"], chat.get("tools")
    elif dialect == "completions":
        messages, tools = [{"role": "user", "content": request.get("prompt")}], None
    elif dialect == "responses":
        messages, tools = _responses(request), _functions(request.get("tools"))
    else:
        raise NoCase(f"A case cannot be made of a {dialect} request.")
    told: dict[str, Any] = {"messages": [_message(each) for each in _objects(messages)]}
    if not told["messages"]:
        raise NoCase("It has no messages.")
    if tools := _objects(tools):
        told["tools"] = tools
    return told


def _message(message: Json) -> dict[str, Any]:
    kept = {name: message[name] for name in _MEMBERS if message.get(name) is not None}
    if not isinstance(kept.get("role"), str):
        raise NoCase("One of its messages has no role.")
    if "content" in kept:
        kept["content"] = _text(kept["content"])
    return kept


def _text(content: Any) -> str:
    """The words of a message, whether it is a string or a list of parts. Raises NoCase for anything but words."""
    if isinstance(content, str):
        return content
    parts = []
    for part in _objects(content):
        if part.get("type") not in _SPOKEN or not isinstance(part.get("text"), str):
            raise NoCase("It holds something other than text, which is not kept.")
        parts.append(part["text"])
    if not isinstance(content, list) or len(parts) != len(content):
        raise NoCase("It holds something other than text, which is not kept.")
    return "\n\n".join(parts)


def _responses(request: Json) -> list[dict[str, Any]]:
    """The input of a Responses request as chat messages. Raises NoCase for what goes on from an earlier one."""
    if request.get("previous_response_id") or request.get("conversation"):
        raise NoCase("It goes on from an earlier reply, which it does not hold.")
    messages: list[dict[str, Any]] = []
    if isinstance(request.get("instructions"), str):
        messages.append({"role": "system", "content": request["instructions"]})
    given = request.get("input")
    if isinstance(given, str):
        return [*messages, {"role": "user", "content": given}]
    for item in _objects(given):
        match item.get("type", "message"):
            case "message":
                messages.append({"role": item.get("role"), "content": item.get("content")})
            case "function_call":
                function = {"name": item.get("name"), "arguments": item.get("arguments")}
                call = {"id": item.get("call_id"), "type": "function", "function": function}
                messages.append({"role": "assistant", "tool_calls": [call]})
            case "function_call_output":
                answered = {"role": "tool", "tool_call_id": item.get("call_id")}
                messages.append({**answered, "content": item.get("output")})
            case "reasoning":
                continue
            case kind:
                raise NoCase(f"It holds an item of type {str(kind)[:40]}, which chat messages cannot say.")
    return messages


def _functions(tools: Any) -> list[dict[str, Any]]:
    """The functions among the tools of a Responses request, as chat requests name them."""
    return [
        {"type": "function", "function": {name: value for name, value in tool.items() if name != "type"}}
        for tool in _objects(tools)
        if tool.get("type") == "function"
    ]


def _filled(value: Any) -> Any:
    if isinstance(value, str):
        return fill(value).text
    if isinstance(value, dict):
        return {name: _filled(item) for name, item in value.items()}
    return [_filled(item) for item in value] if isinstance(value, list) else value


def _masks(value: Any) -> set[str]:
    """Kinds of the masks for which there is no value."""
    if isinstance(value, str):
        return {*fill(value).left}
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {kind for item in inner for kind in _masks(item)}


def _objects(value: Any) -> list[Any]:
    found: Iterable[Any] = value if isinstance(value, list) else ()
    return [one for one in found if isinstance(one, dict)]


def _day(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).date().isoformat()
