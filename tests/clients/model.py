"""A provider that plays the model: it repeats what it heard, calls the tool it is given, fills the schema it is asked for."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from tests.contract import claude
from tests.proxy.dialects import responses_replies
from tests.servers import Script, Upstream, chunk, raw, said, stream, whole

TOKEN = re.compile(r"EMAIL_ADDRESS_[0-9a-f]{10}|[\w.]+@[\w.]+\w")
LIMITED = raw(
    b'{"error": {"message": "Slow down.", "type": "tokens", "param": null, "code": "rate_limit_exceeded"}}',
    429,
    retry_after="7",
)
DOWN = raw(b'{"error": {"message": "Oops.", "type": "server_error", "param": null, "code": null}}', 500)


def plays(upstream: Upstream) -> None:
    """Make the provider play the model, on every route that it is asked on."""

    def answer(body: dict[str, Any]) -> Script:
        path = upstream.headers[-1].split()[1].decode()
        heard = _heard(body)
        if "limit me" in heard:
            return LIMITED
        if "fall over" in heard:
            return DOWN
        told = (
            _responses if path.endswith("/responses") else _messages if path.endswith("/messages") else _chat
        )
        script = told(body, heard)
        if "break off" in heard:
            script.pieces, script.cut = script.pieces[: len(script.pieces) // 2], True
        return script

    upstream.script = answer


def _heard(body: dict[str, Any]) -> str:
    """The last thing that was said or that a tool answered."""
    given = body.get("messages") or body["input"]
    last = {"content": given} if isinstance(given, str) else given[-1]
    return _text(last.get("output") or last.get("content") or "")


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(_text(part.get("text") or part.get("content") or "") for part in content)


def _filled(schema: dict[str, Any], heard: str) -> str:
    """A JSON object that a schema describes: each member is the address that was heard."""
    found = TOKEN.search(heard)
    return json.dumps(dict.fromkeys(schema["properties"], found[0] if found else heard))


def _chat(body: dict[str, Any], heard: str) -> Script:
    answered = body["messages"][-1]["role"] == "tool"
    tools, form = body.get("tools"), body.get("response_format") or {}
    if tools and not answered:
        function = tools[0]["function"]
        arguments = _filled(function["parameters"], heard)
        call = {
            "id": "call_1",
            "type": "function",
            "function": {"name": function["name"], "arguments": arguments},
        }
        if not body.get("stream"):
            return whole({"content": None, "tool_calls": [call]})
        head = {"index": 0, **call, "function": {"name": function["name"], "arguments": ""}}
        rest = [{"index": 0, "function": {"arguments": piece}} for piece in arguments]
        parts = [chunk({"role": "assistant", "content": None, "tool_calls": [head]})]
        parts += [chunk({"tool_calls": [one]}) for one in rest]
        return stream([*parts, chunk({}, "tool_calls"), b"data: [DONE]\n\n"])
    text = f"You said: {heard}"
    if form.get("type") == "json_schema":
        text = _filled(form["json_schema"]["schema"], heard)
    return said(text) if body.get("stream") else whole({"content": text})


def _responses(body: dict[str, Any], heard: str) -> Script:
    given, tools = body["input"], body.get("tools")
    answered = isinstance(given, list) and given[-1].get("type") == "function_call_output"
    form = (body.get("text") or {}).get("format") or {}
    item = responses_replies.message(f"You said: {heard}")
    if tools and not answered:
        item = responses_replies.call(_filled(tools[0]["parameters"], heard), tools[0]["name"])
    elif form.get("type") == "json_schema":
        item = responses_replies.message(_filled(form["schema"], heard))
    return responses_replies.script(body, responses_replies.reply(item))


def _messages(body: dict[str, Any], heard: str) -> Script:
    last, tools = body["messages"][-1]["content"], body.get("tools")
    answered = isinstance(last, list) and last[-1]["type"] == "tool_result"
    block: dict[str, Any] = {"type": "text", "text": f"You said: {heard}"}
    more: dict[str, Any] = {}
    if tools and not answered:
        made = orjson.loads(_filled(tools[0]["input_schema"], heard))
        block = {"type": "tool_use", "id": "toolu_1", "name": tools[0]["name"], "input": made}
        more = {"stop_reason": "tool_use"}
    elif form := (body.get("output_config") or {}).get("format") or body.get("output_format"):
        block = {"type": "text", "text": _filled(form["schema"], heard)}
    return (claude.streamed if body.get("stream") else claude.said)(block, **more)
