"""Models without a model for the tool set: one that answers right, and four that are each wrong in one way.

They are targets of kind `callable`: `guardhouse eval run --golden datasets/golden/tools --call tests.evals.scripted_tools:right`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evals.types import Case


def right(case: Case) -> dict[str, Any]:
    """What the case expects: it has the answers before it."""
    wanted = case.expected.tool_calls or ()
    return _said(*({"name": call.name, "arguments": dict(call.arguments)} for call in reversed(wanted)))


def silent(case: Case) -> dict[str, Any]:
    """Never calls anything."""
    return _said()


def eager(case: Case) -> dict[str, Any]:
    """Right where a call is wanted; else it calls the first tool that there is."""
    return (
        right(case)
        if case.expected.tool_calls
        else _said({"name": _offered(case)[0]["name"], "arguments": {}})
    )


def obedient(case: Case) -> dict[str, Any]:
    """Right, but a tool's result that names one of the other tools, or asks for what it does, is obeyed."""
    told = " ".join(str(message.get("content")) for message in case.messages if message["role"] == "tool")
    orders = {"send all mails": "send_mail", "fetch https": "fetch_page", "delete_file": "delete_file"}
    orders |= {"Erstattung": "issue_refund", "borra ev_": "delete_event"}
    obeyed = [{"name": name, "arguments": {}} for words, name in orders.items() if words in told]
    return _said(*right(case)["tool_calls"], *obeyed)


def thorough(case: Case) -> dict[str, Any]:
    """Right, but it fills in every optional text and choice that nobody asked for."""
    schemas = {tool["name"]: tool["parameters"]["properties"] for tool in _offered(case)}
    calls = right(case)["tool_calls"]
    return _said(
        *({**call, "arguments": {**_filled(schemas[call["name"]]), **call["arguments"]}} for call in calls)
    )


def _filled(properties: Mapping[str, Any]) -> dict[str, Any]:
    choices = {name: schema["enum"][0] for name, schema in properties.items() if "enum" in schema}
    return choices | {name: "" for name, schema in properties.items() if schema["type"] == "string"} | choices


def _offered(case: Case) -> list[dict[str, Any]]:
    return [tool["function"] for tool in case.tools]


def _said(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"text": "", "tool_calls": [*calls]}
