"""A recorded conversation as a scenario: what the user says, and what the tools answer.

What the assistant said is left out: in a scenario the model that is measured says its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from evals.importing.drafts import Notes
from evals.importing.records import Record, unfit

TOOLS_UNTOLD = "the tools are not described in the file: add `input.tools`, or the model cannot call them"

_USER, _ASSISTANT = ("user", "human"), ("assistant", "ai", "bot")


def scenario(record: Record, name: str, messages: list[Any], notes: Notes) -> dict[str, Any]:
    """The `input` of an item: a question where the user speaks once and no tool answers, else turns and script.

    Args:
        record: where the conversation stands.
        name: the field that holds it.
        messages: `{role|type, content, tool_calls|tools_called?}`, as Ragas, DeepEval and OpenAI write them.
        notes: is told what was left out.

    Raises GoldenError for what is no message, and when the user says nothing.
    """
    turns: list[str] = []
    script: list[dict[str, Any]] = []
    open_calls: list[dict[str, Any]] = []
    for position, message in enumerate(messages, start=1):
        if not isinstance(message, dict):
            raise record.error(f"message {position} is not an object", name)
        role = str(message.get("role") or message.get("type") or "")
        if role in _USER:
            turns.append(_content(record, name, position, message))
        elif role in _ASSISTANT:
            notes.add(
                "what the assistant said is not imported: the model that is measured says its own", record
            )
            calls = (
                message.get("tool_calls") or message.get("tools_called") or message.get("toolsCalled") or []
            )
            read = [call(record, name, each) for each in calls]
            script += [each for each in read if "result" in each]
            open_calls += [each for each in read if "result" not in each]
        elif role == "tool":
            if not open_calls:
                raise record.error(f"message {position} answers no tool call", name)
            script.append(open_calls.pop(0) | {"result": _content(record, name, position, message)})
        elif role in ("system", "developer"):
            notes.add("a system message is not imported: the prompt is named by the run", record)
        else:
            raise record.error(f"message {position} has the role {role[:40]!r}", name)
    if not turns:
        raise record.error("the user says nothing in it", name)
    if open_calls:
        notes.add("a tool call that the file does not answer is not in the script", record)
    if len(turns) == 1 and not script:
        return {"question": turns[0]}
    if script:
        notes.add(TOOLS_UNTOLD, record)
    return {"turns": turns, "script": script} if script else {"turns": turns}


def call(record: Record, name: str, told: Any) -> dict[str, Any]:
    """A tool call as `{tool, arguments?, result?}`, of what Ragas, DeepEval and OpenAI write. Raises GoldenError."""
    if isinstance(told, str) and told.strip():
        return {"tool": told.strip()}
    if not isinstance(told, dict):
        raise record.error("a tool call is neither a name nor an object", name)
    function = told.get("function")
    inner = function if isinstance(function, dict) else told
    tool = inner.get("name")
    if not isinstance(tool, str) or not tool:
        raise record.error("a tool call has no name", name)
    found: dict[str, Any] = {"tool": tool}
    for key in ("args", "input_parameters", "inputParameters", "arguments"):
        if inner.get(key) is not None:
            found["arguments"] = _arguments(record, name, inner[key])
    if told.get("output") is not None:
        found["result"] = told["output"]
    return found


def expected_calls(record: Record, name: str, told: list[Any]) -> tuple[list[Mapping[str, Any]] | None, str]:
    """The `expected.tool_calls` of a list of calls, and their names in words.

    None when a call says nothing of its arguments: an item would then expect that there are none.
    """
    calls = [call(record, name, each) for each in told]
    words = "calls " + ", ".join(each["tool"] for each in calls)
    if any("arguments" not in each for each in calls):
        return None, words
    return [{"name": each["tool"], "arguments": each["arguments"]} for each in calls], words


def _arguments(record: Record, name: str, told: Any) -> dict[str, Any]:
    if isinstance(told, str):
        try:
            told = json.loads(told)
        except (ValueError, RecursionError):
            told = None
    if not isinstance(told, dict):
        raise record.error("the arguments of a tool call are not an object", name)
    if why := unfit(told):
        raise record.error(why, name)
    return told


def _content(record: Record, name: str, position: int, message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if not isinstance(content, str) or not content.strip():
        raise record.error(f"message {position} has no text", name)
    return content
