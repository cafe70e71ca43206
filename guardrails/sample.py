"""A text or a tool call that a policy is tried on, and the conversation before it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from guardrails import arguments, redact
from guardrails.conversation import NOTHING_SAID, Conversation, Tool, ToolCall
from guardrails.lines import Field
from guardrails.policy_keys import CALL, CHANNEL, TOOL, TURN, required
from guardrails.types import Edit, Segment, Stage

ARGUMENTS = "/call/arguments"
"""Pointer of the arguments of a call that is looked at."""

_CHANNEL = re.compile(CHANNEL)
_REPLIES = (Stage.OUTPUT, Stage.TOOL_CALL)


@dataclass(frozen=True, slots=True)
class Sample:
    """What is looked at: a text, or a call."""

    text: str
    """Empty for a call."""
    stage: Stage = Stage.INPUT
    channel: str = "user"
    call: ToolCall | None = None
    before: Conversation = NOTHING_SAID
    """What stands before it."""

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Its texts: the text itself at pointer "", or a call's name and the values of its arguments."""
        return _of_call(self.call) if self.call else (Segment(self.text, "", self.stage, self.channel),)

    @property
    def is_reply(self) -> bool:
        """Whether the model wrote it."""
        return self.call is not None or self.stage is Stage.OUTPUT

    @property
    def conversation(self) -> Conversation:
        """What stands around it: a text of a request is part of that, one of a reply comes after."""
        if self.call:
            return self.before.calling((self.call,))
        if self.is_reply:
            return self.before
        texts = (*self.before.texts, *self.segments)
        return replace(self.before, texts=texts, sent=texts)

    def released(self, edits: Iterable[Edit]) -> str:
        """The text edited, or the arguments of the call."""
        if self.call:
            return arguments.rewrite(
                self.call.arguments, [each for each in edits if each.pointer == ARGUMENTS]
            )
        return redact.apply(self.text, list(edits))


def sample(entry: Field, keys: Mapping[str, Field]) -> Sample:
    """What the members `text`, `call`, `stage`, `channel` and `before` of a mapping say.

    Raises PolicyError at the line of the member that does not fit.
    """
    before = _before(keys["before"].items()) if "before" in keys else NOTHING_SAID
    if ("text" in keys) == ("call" in keys):
        raise entry.error(
            f"{entry.name} needs either 'text' or 'call'" + (", not both." if "text" in keys else "."),
            "Add `text:`, or `call: {name, arguments}`." if "text" not in keys else "Remove one of them.",
        )
    if "call" in keys:
        if other := next((name for name in ("stage", "channel") if name in keys), None):
            raise keys[other].error(
                f"a call has no {other!r}: it stands at stage tool_call and is the assistant's.", "Remove it."
            )
        return Sample("", Stage.TOOL_CALL, "assistant", _call(keys["call"], "/call"), before)
    stage = keys["stage"].choice(Stage) if "stage" in keys else None
    channel = _channel(keys["channel"]) if "channel" in keys else None
    stage = stage or _stage(channel or "")
    return Sample(keys["text"].text(), stage, channel or channel_of(stage), None, before)


def channel_of(stage: Stage) -> str:
    """Who a text is taken to be from when only its stage is known."""
    return "assistant" if stage in _REPLIES else "user"


def _stage(channel: str) -> Stage:
    """Where a text of a request stands by whom it is from."""
    if channel.startswith("tool:"):
        return Stage.TOOL_RESULT
    return Stage.RETRIEVAL if channel.startswith("retrieved:") else Stage.INPUT


def _channel(entry: Field) -> str:
    channel = entry.text()
    if not _CHANNEL.fullmatch(channel):
        raise entry.error(
            f"there is no channel {channel[:64]!r}.",
            "Use user, system, assistant, tool:<name> or retrieved:<doc>.",
        )
    return channel


def _before(turns: list[Field]) -> Conversation:
    texts: list[Segment] = []
    calls: list[ToolCall] = []
    tools: list[Tool] = []
    for number, entry in enumerate(turns):
        keys, pointer = entry.fields(TURN), f"/before/{number}"
        kinds = [name for name in ("text", "call", "tool") if name in keys]
        if len(kinds) != 1:
            raise entry.error(
                f"{entry.name} needs one of 'text', 'call' and 'tool'.", "Write one turn an entry."
            )
        if "channel" in keys and "text" not in keys:
            raise keys["channel"].error(f"a {kinds[0]} has no channel.", "Remove it.")
        if "text" in keys:
            channel = _channel(keys["channel"]) if "channel" in keys else "user"
            texts.append(Segment(keys["text"].text(), f"{pointer}/text", _stage(channel), channel))
        elif "call" in keys:
            calls.append(_call(keys["call"], f"{pointer}/call"))
            texts += _of_call(calls[-1], Stage.INPUT)
        else:
            tools.append(_tool(keys["tool"], f"{pointer}/tool"))
            texts += _of_tool(tools[-1], pointer)
    return Conversation(tuple(texts), tuple(texts), tuple(calls), (), tuple(tools))


def _call(entry: Field, pointer: str) -> ToolCall:
    keys = entry.fields(CALL, required(CALL))
    given: Any = keys["arguments"].plain() if "arguments" in keys else {}
    if not isinstance(given, str | dict):
        raise keys["arguments"].error(
            "arguments must be a mapping, or text.", "Write `arguments: {name: value}`."
        )
    written = given if isinstance(given, str) else _json(keys.get("arguments", entry), given)
    return ToolCall(keys["name"].text(), written, f"{pointer}/arguments", f"{pointer}/name")


def _tool(entry: Field, pointer: str) -> Tool:
    keys = entry.fields(TOOL, required(TOOL))
    parameters = keys["parameters"].plain() if "parameters" in keys else None
    if parameters is not None:
        if not isinstance(parameters, dict):
            raise keys["parameters"].error("parameters must be a mapping.", "Write a JSON Schema.")
        _json(keys["parameters"], parameters)
    return Tool(keys["name"].text(), f"{pointer}/name", parameters)


def _json(entry: Field, value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        raise entry.error(
            f"{entry.name} holds a value that JSON does not have.", "Put dates and the like in quotes."
        ) from None


def _of_call(call: ToolCall, stage: Stage = Stage.TOOL_CALL) -> tuple[Segment, ...]:
    """The texts of a call: its name, and the values of its arguments. Calls of earlier turns are input."""
    name = Segment(call.name, call.name_pointer, stage, "assistant")
    return (name, *arguments.segments(call.arguments, call.pointer, stage, "assistant"))


def _of_tool(tool: Tool, pointer: str) -> list[Segment]:
    found = [Segment(tool.name, tool.pointer, Stage.TOOL_DEFINITION, "system")]
    if tool.parameters is not None:
        written = json.dumps(tool.parameters, ensure_ascii=False)
        found += arguments.segments(written, f"{pointer}/tool/parameters", Stage.TOOL_DEFINITION, "system")
    return found
