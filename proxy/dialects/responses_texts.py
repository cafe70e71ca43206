"""The texts of any value of the Responses protocol, and of each kind of item, with who said them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from guardrails import arguments
from guardrails.types import Segment, Stage
from proxy.dialects.chat_words import WORD
from proxy.dialects.responses_logprobs import without_spelling
from proxy.dialects.responses_words import MEMBERS, NUMBERS, TYPES, is_media_text, is_word
from proxy.dialects.texts import MEMBER, step, walk

_LONG = 7
"""Digits from which on a number may be someone's."""
_CHANNELS = {"system": "system", "developer": "system", "user": "user", "tool": "tool:unknown"}
_RESULTS = {
    "mcp_call": ("output", "error"),
    "code_interpreter_call": ("outputs",),
    "image_generation_call": ("result",),
}
"""Members of a call in which the provider tells the result of what it ran itself."""
_ASKS = frozenset({"mcp_approval_request", "program"})
_OFFERS = frozenset({"additional_tools", "mcp_list_tools", "tool_search_output"})


@dataclass(frozen=True, slots=True)
class Voice:
    """How the texts of one side of an exchange are named."""

    said: Stage
    called: Stage
    resulted: Stage
    retrieved: Stage
    offered: Stage
    numbers: bool
    """Whether long numbers are texts."""


CALLER = Voice(Stage.INPUT, Stage.INPUT, Stage.TOOL_RESULT, Stage.RETRIEVAL, Stage.TOOL_DEFINITION, True)
"""A request: what was called in earlier turns is part of the input."""
MODEL = Voice(Stage.OUTPUT, Stage.TOOL_CALL, Stage.OUTPUT, Stage.OUTPUT, Stage.OUTPUT, False)
"""A reply: all of it goes to the caller."""


def texts(value: Any, pointer: str, stage: Stage, channel: str, numbers: bool = False) -> Iterator[Segment]:
    """Every text of a value: strings, unknown member names, and with `numbers` those of many digits."""
    for at, item, name in walk(value, pointer):
        if name and name not in MEMBERS:
            yield Segment(name, at, stage, channel, MEMBER)
        if isinstance(item, str):
            if item and not is_word(at, item) and not is_media_text(at, item):
                yield Segment(item, at, stage, channel)
        elif numbers and _is_long(item) and at.rpartition("/")[2] not in NUMBERS:
            yield Segment(str(item), at, stage, channel)


def _is_long(value: Any) -> bool:
    return isinstance(value, int | float) and sum(c.isdigit() for c in str(value)) >= _LONG


def item_texts(item: Any, pointer: str, voice: Voice, names: Mapping[str, str]) -> Iterator[Segment]:
    """Every text of one item. `names` are the names of called tools by the id of the call."""
    if not isinstance(item, dict):
        yield from texts(item, pointer, voice.said, "user", voice.numbers)
        return
    for name, value in item.items():
        stage, channel = _source(item, name, voice, names)
        at = pointer + step(name)
        if name not in MEMBERS:
            yield Segment(name, at, stage, channel, MEMBER)
        if name == "arguments" and isinstance(value, str):
            yield from arguments.segments(value, at, stage, channel)
        elif name == "results" and isinstance(value, list):
            yield from _results(value, at, voice)
        elif name == "content" and isinstance(value, list):
            for place, part in enumerate(value):
                yield from part_texts(part, f"{at}/{place}", stage, channel, voice.numbers)
        else:
            yield from texts(value, at, stage, channel, voice.numbers)


def part_texts(
    part: Any, pointer: str, stage: Stage, channel: str, numbers: bool = False
) -> Iterator[Segment]:
    """Every text of one part of a message's content; its logprobs as far as they say something else."""
    if isinstance(part, dict) and part.get("logprobs"):
        said, other = without_spelling(part)
        yield from texts(said, pointer, stage, channel, numbers)
        if other:
            yield Segment(other, pointer + "/logprobs", stage, channel)
        return
    yield from texts(part, pointer, stage, channel, numbers)


def kind(item: Mapping[str, Any]) -> str:
    """The type of an item; `message` where it is left out and a role says so, empty for a word nobody knows."""
    told = item.get("type")
    if told is None:
        return "message" if "role" in item else ""
    return told if isinstance(told, str) and (told in TYPES or WORD.fullmatch(told)) else ""


def is_call(type_: str) -> bool:
    """Whether an item of that type is the model asking for a tool, or telling of one that was run for it."""
    return type_.endswith("_call") or type_ in _ASKS


def is_result(type_: str) -> bool:
    """Whether an item of that type is what a tool answered."""
    return type_.endswith("_output")


def _source(item: dict[str, Any], member: str, voice: Voice, names: Mapping[str, str]) -> tuple[Stage, str]:
    """Stage and channel of one member of an item."""
    type_ = kind(item)
    if type_ in _OFFERS and member == "tools":
        return voice.offered, "system" if voice is CALLER else "assistant"
    if is_result(type_) or member in _RESULTS.get(type_, ()):
        return voice.resulted, f"tool:{_tool(item, type_, names)}"
    if is_call(type_):
        return voice.called, "assistant"
    if voice is MODEL or type_ in ("reasoning", "compaction", "mcp_list_tools"):
        return voice.said, "assistant"
    role = item.get("role")
    if role == "assistant":
        return voice.said, "assistant"
    return voice.said, _CHANNELS.get(role, "user") if isinstance(role, str) else "user"


def _tool(item: dict[str, Any], type_: str, names: Mapping[str, str]) -> str:
    """Name of the tool that an item's result is from: its own, that of the call it answers, or the kind of tool."""
    own = item.get("name")
    name = names.get(str(item.get("call_id"))) or (own if isinstance(own, str) else "")
    if not name and type_ not in ("function_call_output", "custom_tool_call_output"):
        name = type_.removesuffix("_output").removesuffix("_call")
    return name if WORD.fullmatch(name) else "unknown"


def _results(results: list[Any], pointer: str, voice: Voice) -> Iterator[Segment]:
    for place, result in enumerate(results):
        name = result.get("file_id") or result.get("filename") if isinstance(result, dict) else None
        known = name if isinstance(name, str) and WORD.fullmatch(name) else place + 1
        yield from texts(result, f"{pointer}/{place}", voice.retrieved, f"retrieved:{known}", voice.numbers)
