"""Scripted traces of agents as requests over the wire, and a model that knows values by their tokens only."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from guardrails.policy import builtin
from tests.bench.agents.trace import Trace
from tests.proxy.test_pipeline import ask
from tests.proxy.test_relay import payloads
from tests.servers import Running, Script, chunk, said, stream, whole

_TOKEN = re.compile(r"\b[A-Z][A-Z_]{1,40}_[0-9a-f]{10}\b|\[[A-Z][A-Z0-9_]+\]")


def request(trace: Trace, streamed: bool) -> dict[str, Any]:
    """The chat request in which the model answers with the trace's call or reply."""
    messages: list[dict[str, Any]] = []
    hits = []
    for number, (channel, text) in enumerate(trace.said):
        kind, _, name = channel.partition(":")
        if kind == "retrieved":
            hits.append({"doc_id": name, "text": text})
        elif kind == "tool":
            call = {"id": f"c{number}", "type": "function", "function": {"name": name, "arguments": "{}"}}
            messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
            messages.append({"role": "tool", "tool_call_id": f"c{number}", "content": text})
        else:
            messages.append({"role": kind, "content": text})
    asked: dict[str, Any] = {"model": "gpt-test", "messages": messages, "stream": streamed}
    if hits:
        asked["guardhouse"] = {"retrieval": hits}
    if trace.tool:
        asked["tools"] = [
            {"type": "function", "function": {"name": trace.tool, "parameters": {"type": "object"}}}
        ]
    return asked


def known_as(asked: dict[str, Any], sent: dict[str, Any]) -> dict[str, str]:
    """Values of a request to what stands in their place in what the model was sent."""
    told: dict[str, str] = {}
    sent_messages = [message for message in sent["messages"] if message["role"] != "system"]
    for before, after in zip(
        [message for message in asked["messages"] if message["role"] != "system"], sent_messages, strict=True
    ):
        text, seen = before["content"] or "", (after["content"] or "").split("\n\nWords in capitals")[0]
        tokens = _TOKEN.findall(seen)
        literal = "(.+?)".join(re.escape(part) for part in _TOKEN.split(seen))
        if tokens and (found := re.fullmatch(literal, text, re.DOTALL)):
            told |= dict(zip(found.groups(), tokens, strict=True))
    return told


def answering(trace: Trace, asked: dict[str, Any]) -> Any:
    """A model that answers with the call or the reply of the trace, in the words that it knows."""

    def script(sent: dict[str, Any]) -> Script:
        said_text = trace.reply or json.dumps(trace.given, ensure_ascii=False)
        for value, token in sorted(known_as(asked, sent).items(), key=lambda each: -len(each[0])):
            said_text = said_text.replace(value, token)
        if trace.given is None:
            return said(said_text) if asked["stream"] else whole({"content": said_text})
        if not asked["stream"]:
            call = {
                "id": "c",
                "type": "function",
                "function": {"name": trace.tool, "arguments": said_text},
            }
            return whole({"content": None, "tool_calls": [call]})
        half = len(said_text) // 2
        pieces: list[dict[str, Any]] = [
            {"index": 0, "id": "c", "type": "function", "function": {"name": trace.tool, "arguments": ""}},
            {"index": 0, "function": {"arguments": said_text[:half]}},
            {"index": 0, "function": {"arguments": said_text[half:]}},
        ]
        events = [chunk({"tool_calls": [piece]}) for piece in pieces]
        return stream([*events, chunk({}, "tool_calls"), b"data: [DONE]\n\n"])

    return script


def heard(running: Running, asked: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """Text and arguments as the caller gets them; None for no call."""
    answer = ask(running, asked)
    assert answer.status == 200, answer.body
    if asked["stream"]:
        parts = [
            choice["delta"]
            for event in payloads(answer)
            if isinstance(event, dict)
            for choice in event["choices"]
        ]
        text = "".join(part.get("content") or "" for part in parts)
        calls = [call for part in parts for call in part.get("tool_calls") or ()]
        written = "".join(call["function"].get("arguments") or "" for call in calls)
        return text, json.loads(written) if calls else None
    message = json.loads(answer.body)["choices"][0]["message"]
    calls = message.get("tool_calls") or []
    return message.get("content") or "", json.loads(calls[0]["function"]["arguments"]) if calls else None


def policy() -> str:
    """The shipped policy for agents, as the configuration takes it."""
    import yaml

    document = yaml.safe_load(Path(builtin("agents").files[0]).read_text(encoding="utf-8"))
    document.pop("tests")
    return json.dumps(document)
