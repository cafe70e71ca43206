"""The state of a streamed response: its texts, each in a lane, and its items as they may be told and kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from proxy.dialects.responses_events import Event
from proxy.dialects.responses_texts import is_call, kind
from proxy.dialects.texts import step

if TYPE_CHECKING:
    from guardrails.stream import StreamGuard

_FIELDS = {
    "output_text": "text",
    "refusal": "refusal",
    "reasoning_text": "text",
    "reasoning_summary_text": "text",
    "function_call_arguments": "arguments",
    "mcp_call_arguments": "arguments",
    "custom_tool_call_input": "input",
    "code_interpreter_call_code": "code",
}
"""By kind of delta: the member of the item, part or summary that it adds to."""
_ADDRESS = ("type", "item_id", "output_index", "content_index", "summary_index")
"""Members of an event that say what text it adds to."""


@dataclass(slots=True)
class Lane:
    """One text that comes in deltas."""

    pointer: str
    """Where the whole text stands in the response."""
    kind: str
    """`output_text` of `response.output_text.delta`."""
    member: str
    """The member of its events that holds a piece."""
    event: Event
    """An event of it that says nothing, to tell the rest in."""
    guard: StreamGuard | None
    """None for what a tool is called with: that is kept until it is complete."""
    raw: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    kept: str = ""
    """What of a complete call may be stored."""
    clean: bool = True
    """Whether all that came has left at once and unchanged."""
    exact: bool = True
    """Whether all that left is what came, as far as it left."""
    came: int = 0
    cleared: int = 0
    free: int = 0
    """See `verbatim.Source`."""
    waiting: str = ""
    ended: bool = False

    def take(self, text: str) -> None:
        """Takes in a piece."""
        self.raw.append(text)
        self.came += len(text)

    def leaves(self, came: str, out: str, last: bool = False) -> None:
        """Note what may leave once this piece came: of the text that waits, or (`last`) all of it."""
        if self.exact:
            waiting = self.waiting + came
            self.exact = waiting == out if last else waiting.startswith(out)
            self.waiting = waiting[len(out) :]
            self.cleared += len(out) if self.exact else 0

    @property
    def recorded(self) -> str:
        """What has left, as it may be kept."""
        return self.kept if self.guard is None else self.guard.recorded


@dataclass(slots=True)
class Item:
    """One item of the output as it came last."""

    safe: dict[str, Any]
    """Edited, with pseudonyms in place."""
    told: dict[str, Any]
    """As the caller got it."""
    done: bool


def kind_of(event: Event) -> tuple[str, str]:
    """(`output_text`, `delta`) of `response.output_text.delta`."""
    type_ = event.get("type")
    found, _, last = (
        type_.removeprefix("response.").rpartition(".") if isinstance(type_, str) else ("", "", "")
    )
    return found, last


def is_kept(kind_: str) -> bool:
    """Whether deltas of that kind are what a tool is called with."""
    return "_call" in kind_


def base(event: Event) -> str:
    """Where in the response an event belongs: an item, a part of it, or the whole."""
    at = ""
    for name, holder in (
        ("output_index", "output"),
        ("content_index", "content"),
        ("summary_index", "summary"),
    ):
        index = event.get(name)
        if isinstance(index, int) and (at or holder == "output"):
            at += f"/{holder}/{index}"
    return at


def item_base(event: Event) -> str:
    """Where in the response the item of an event stands."""
    return base({"output_index": event.get("output_index")}) or "/item"


def lane_pointer(event: Event, kind_: str, member: str) -> str:
    """Where the text that an event's member adds to stands in the response."""
    at = item_base(event) if is_kept(kind_) else base(event)
    return at + step(_FIELDS.get(kind_, kind_) if member == "delta" else member)


def bare(event: Event) -> Event:
    """An event without its number and all that it says, to tell more of the same in."""
    kept = {name: event[name] for name in _ADDRESS if name in event}
    return {**kept, "logprobs": []} if "logprobs" in event else kept


def output(items: dict[int, Item], lanes: Iterable[Lane], safe: bool) -> list[dict[str, Any]]:
    """The output as far as it was told: for the caller, or (`safe`) as it is stored. Open calls are left out."""
    told = {index: item.safe if safe else item.told for index, item in items.items()}
    for lane in lanes:
        way = lane.pointer.split("/")[1:]
        text = lane.recorded if safe else "".join(lane.told)
        if len(way) < 3 or way[0] != "output" or not text or not way[1].isdigit():
            continue
        index = int(way[1])
        if index not in items or not items[index].done:
            opened = told.get(index) or {"type": "message", "role": "assistant", "content": []}
            told[index] = _with(opened, way[2:], text, lane.kind)
    open_calls = {n for n, item in items.items() if not item.done and is_call(kind(item.told))}
    return [_closed(item, items.get(n)) for n, item in sorted(told.items()) if n not in open_calls]


def _closed(item: dict[str, Any], known: Item | None) -> dict[str, Any]:
    done = known is not None and known.done
    return item if done or "status" not in item else {**item, "status": "incomplete"}


def _with(item: dict[str, Any], way: list[str], text: str, kind_: str) -> dict[str, Any]:
    """The item with a text at a place in it: of itself, or of a part of its content or summary."""
    if len(way) != 3 or not way[1].isdigit():
        return {**item, way[-1]: text}
    parts = list(item.get(way[0]) or ())
    place = int(way[1])
    made: dict[str, Any] = {"type": "summary_text" if way[0] == "summary" else kind_, way[2]: text}
    if kind_ == "output_text":
        made["annotations"] = []
    return {**item, way[0]: [*parts[:place], made, *parts[place + 1 :]]}
