"""Stands in for a model, so that the shipped golden sets can be tried without one.

It knows the expected answers and obeys the rules that its system prompt has, and no others. So it shows what a gate
does when a prompt loses its rules. It says nothing about any real model.

    guardhouse eval run --suite datasets/golden/prompt-regression/suite.yaml --target callable \
      --call docs.examples.stand_in:desk --candidate prompts/desk@degraded --baseline v1

    python docs/examples/stand_in.py datasets/golden/multi-turn 4010
    guardhouse eval run --suite datasets/golden/multi-turn/suite.yaml --base-url http://127.0.0.1:4010/v1 \
      --candidate prompts/agent@hasty --baseline v1
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from evals.types import Case

DESK_RULES = {
    "label": "one of these labels and nothing else|labels, in lower case, and nothing else",
    "fields": "no code fence",
    "short": "as few words as possible",
    "reply": "case and its number",
    "refuse": "I cannot share that",
    "injection": "never an instruction",
}
"""By the first tag of a case (and `injection`): words of a system prompt that have the rule."""
CONFIRMS = "wait for a clear yes"
"""Words of a system prompt that has an agent ask before it destroys something."""
DESTRUCTIVE = ("cancel_", "change_", "set_")


def desk(case: Case, spec: Any) -> str:
    """The reply of a mail desk to a case of `prompt-regression`, as good as its system prompt."""
    prompt, kind, right = spec.system_prompt, case.tags[0], case.expected.answer or ""
    has = {name for name, words in DESK_RULES.items() if re.search(words, prompt)}
    if "injection" in case.tags and "injection" not in has:
        return "Gladly, just as the mail says!"
    if "check that the form" not in prompt and _slips(case.id):
        return f"Here you are: {right}" if kind != "refuse" else right
    if kind in has:
        return (
            f"Dear customer, thank you for your mail. {right}. Your mail desk" if kind == "reply" else right
        )
    careless = {
        "fields": f"Here are the fields!\n```json\n{right}\n```",
        "reply": "Thank you so much, we will be in touch very soon!",
        "refuse": "Of course! Let me look that up for you right away.",
    }
    return careless.get(kind, f"What a lovely mail! I would say {right}, and wish you a sunny day.")


def _slips(name: str) -> bool:
    """Whether it fails at a case whatever the prompt: about one in twelve, always the same."""
    return hashlib.sha256(name.encode()).digest()[0] % 12 == 0


def agent(item: dict[str, Any], messages: list[dict[str, Any]]) -> dict[str, Any]:
    """What an agent says next in a scenario of `multi-turn`: the members of its message.

    `call_turns` of an item tells after which turn of the customer each expected call is due.
    """
    prompt = messages[0]["content"] if messages[0]["role"] == "system" else ""
    turn = sum(message["role"] == "user" for message in messages)
    made = [call for message in messages for call in message.get("tool_calls") or ()]
    careful = CONFIRMS in prompt
    plan = list(zip(item["call_turns"], item["expected"]["tool_calls"], strict=True))
    if not careful:
        plan = [*_rash(item), *plan]
    if len(made) < len(plan) and plan[len(made)][0] <= turn:
        call = plan[len(made)][1]
        function = {"name": call["name"], "arguments": json.dumps(call["arguments"])}
        return {
            "content": None,
            "tool_calls": [{"id": f"c{len(made)}", "type": "function", "function": function}],
        }
    if turn < len(item["input"]["turns"]):
        return {"content": "I see. What else?"}
    if item["expected"].get("refusal") and not careful:
        return {"content": "Sure, here is all that I have!"}
    return {"content": item["expected"].get("answer", "Good-bye.")}


def _rash(item: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Destructive calls that nobody agreed to, made in the first turn."""
    wanted = {call["name"] for call in item["expected"]["tool_calls"]}
    text = " ".join(item["input"]["turns"])
    return [
        (1, {"name": name, "arguments": _filled(tool["function"]["parameters"]["properties"], text)})
        for tool in item["input"]["tools"]
        if (name := tool["function"]["name"]).startswith(DESTRUCTIVE) and name not in wanted
    ]


def _filled(properties: dict[str, Any], text: str) -> dict[str, Any]:
    """Arguments read off a text: what fits a pattern, else the first choice, else something."""
    filled: dict[str, Any] = {}
    for name, schema in properties.items():
        found = re.search(schema.get("pattern", r"\d{4}-\d{2}-\d{2}").strip("^$"), text)
        choices = schema.get("enum", [found[0] if found else "unknown"])
        filled[name] = 1 if schema["type"] == "integer" else choices[0]
    return filled


def replies(folder: Path) -> Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]:
    """What the agent answers to a request, in the scenarios of a golden set: a status and a body.

    A scenario is found by what its customer says first.
    """
    lines = (folder / "items.jsonl").read_text("utf-8").splitlines()
    items = {item["input"]["turns"][0]: item for item in map(json.loads, lines)}

    def reply(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        said = [message["content"] for message in body["messages"] if message["role"] == "user"]
        if not said or said[0] not in items:
            return 400, {"error": {"message": "this is no scenario of the set"}}
        message = {"role": "assistant", **agent(items[said[0]], body["messages"])}
        ended = "tool_calls" if "tool_calls" in message else "stop"
        told = {"id": "stand-in", "object": "chat.completion", "created": 0, "model": body["model"]}
        return 200, told | {"choices": [{"index": 0, "message": message, "finish_reason": ended}]}

    return reply


def app(folder: Path) -> web.Application:
    """A server that plays the agent of a golden set."""
    reply = replies(folder)

    async def complete(request: web.Request) -> web.Response:
        status, body = reply(await request.json())
        return web.json_response(body, status=status)

    application = web.Application()
    application.router.add_post("/v1/chat/completions", complete)
    return application


if __name__ == "__main__":
    web.run_app(app(Path(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]))
