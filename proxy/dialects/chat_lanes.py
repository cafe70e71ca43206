"""The state of one choice of a streamed chat reply: its texts, each in a lane, and its tool calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from proxy.dialects.chat_calls import Call
from proxy.dialects.texts import step

if TYPE_CHECKING:
    from guardrails.stream import StreamGuard

Path = tuple[str | int, ...]
"""Where a text stands in a delta: member names and list positions."""


@dataclass(slots=True)
class Lane:
    """One text field of one choice."""

    guard: StreamGuard
    clean: bool = True
    """Whether all that came has left at once and unchanged: nothing is held."""
    rest: str | None = ""
    """What the guard holds, as long as nothing that it released was changed; None from then on."""
    siblings: list[dict[str, Any]] = field(default_factory=list)
    """For each list on the path: the scalars that stood beside the text, to write it in the same shape."""


@dataclass(slots=True)
class Choice:
    """One choice while it comes in."""

    index: int
    lanes: dict[Path, Lane] = field(default_factory=dict)
    beside: dict[str, Lane] = field(default_factory=dict)
    """The texts that stand beside its deltas."""
    spelled: dict[str, Lane] = field(default_factory=dict)
    """What the tokens of its logprobs spell, where its deltas say something else."""
    calls: list[Call] = field(default_factory=list)
    open_call: Call | None = None
    function: Call | None = None
    """A legacy `function_call`."""
    finish: str | None = None
    recorded: dict[str, Any] = field(default_factory=dict)
    """What is stored of its message besides its lanes."""

    @property
    def clean(self) -> bool:
        """Whether all its texts have left at once and unchanged."""
        return all(lane.clean for lane in (*self.lanes.values(), *self.beside.values()))

    def pointer(self, path: Path = ()) -> str:
        """Where a text of its message stands in the reply."""
        return f"/choices/{self.index}/message" + "".join(step(str(name)) for name in path)

    def record(self, call: Call, outer: dict[str, Any], body: dict[str, Any]) -> None:
        """Note a released call, as it is to be stored."""
        if call.kind == "function_call":
            self.recorded["function_call"] = body
            return
        calls = self.recorded.setdefault("tool_calls", [])
        calls.append({"type": "function", **call.head, **outer, call.kind: body})


def scalars(value: Any) -> dict[str, Any]:
    """The members of an object that say which element of a list it is, and of what kind."""
    if not isinstance(value, dict):
        return {}
    names = ("type", "id", "format")
    kept = {name: value[name] for name in names if isinstance(value.get(name), str | int)}
    return {**kept, "index": value["index"]} if isinstance(value.get("index"), int) else kept


def put(holder: dict[str, Any], path: Path, text: str, siblings: list[dict[str, Any]]) -> None:
    """Set the text at a path in a delta, making the objects and lists on the way."""
    beside = iter(siblings)
    place: Any = holder
    for name, following in zip(path, [*path[1:], None], strict=True):
        value: Any = text if following is None else [] if isinstance(following, int) else {}
        if isinstance(name, int):
            # The same element, if an earlier lane of this delta made it; else the next one of the list.
            kept = next(beside, {})
            like = (item for item in place if isinstance(item, dict) and item.items() >= kept.items())
            found = next(like, None) if kept else None
            if found is None:
                found = value | kept if isinstance(value, dict) else value
                place.append(found)
            place = found
        elif following is None:
            place[name] = text
        else:
            if not isinstance(place.get(name), type(value)):
                place[name] = value
            place = place[name]
