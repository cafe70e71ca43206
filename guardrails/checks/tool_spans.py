"""Where a finding about a tool call is put: on the text that holds the value, or on the nearest one there is."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from guardrails.checks.tool_json import Place, pointer
from guardrails.conversation import Tool, ToolCall
from guardrails.types import Segment, Span, Stage


class Spans:
    """The findings about calls and tools in some segments, each over a whole text, and none twice."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._sizes = [len(segment.text) for segment in segments]
        self._inside: dict[str, dict[str, int]] = {}
        self._ordered: dict[str, list[str]] = {}
        self._calls = [place for place, each in enumerate(segments) if each.stage is Stage.TOOL_CALL]
        self._found: list[dict[str, Span]] = [{} for _ in segments]
        for place, segment in enumerate(segments):
            self._inside.setdefault(segment.pointer, {}).setdefault(segment.within, place)

    def __bool__(self) -> bool:
        """Whether anything was found."""
        return any(self._found)

    def holds(self, about: ToolCall | Tool) -> bool:
        """Whether any text of a call or of a tool's name is among the segments."""
        return about.pointer in self._inside or (
            isinstance(about, ToolCall) and about.name_pointer in self._inside
        )

    def takes(self, call: ToolCall) -> bool:
        """Whether a finding about a call that is looked at now has a text to be put on."""
        return self.holds(call) or bool(self._calls)

    def on_name(self, about: ToolCall | Tool, entity: str) -> None:
        """Puts a finding on the name of a tool, or else on the first text of its call."""
        name = about.name_pointer if isinstance(about, ToolCall) else about.pointer
        self._put((*self._places(name), *self._places(about.pointer), *self._calls), entity)

    def on_value(self, call: ToolCall, where: Place, entity: str) -> None:
        """Puts a finding on a value of the arguments: on its text, the first inside it, or its member's name."""
        within, inside = pointer(where), self._inside.get(call.pointer, {})
        names = (within, self._first_below(call.pointer, within), f"{within}#") if within else ("",)
        near = [inside[name] for name in names if name in inside]
        if any(self._sizes[place] for place in near):
            self._put(near, entity)
        else:
            self.on_name(call, entity)

    def on_doubled(self, call: ToolCall, entity: str) -> None:
        """Puts a finding on every member whose name its object has twice."""
        doubled = [place for within, place in self._inside.get(call.pointer, {}).items() if "~x" in within]
        for place in doubled:
            self._put([place], entity)
        if not any(self._sizes[place] for place in doubled):
            self.on_name(call, entity)

    def listed(self) -> list[list[Span]]:
        """What was found, by segment."""
        return [list(found.values()) for found in self._found]

    def _places(self, pointer: str) -> list[int]:
        return list(self._inside.get(pointer, {}).values())

    def _first_below(self, pointer: str, within: str) -> str:
        """The first address inside a container; empty when there is none."""
        ordered = self._ordered.get(pointer)
        if ordered is None:
            ordered = self._ordered[pointer] = sorted(self._inside.get(pointer, {}))
        at = bisect_left(ordered, f"{within}/")
        return ordered[at] if at < len(ordered) and ordered[at].startswith(f"{within}/") else ""

    def _put(self, places: Sequence[int], entity: str) -> None:
        """Puts a finding on the first of some texts that is not empty: a span holds a character at least."""
        for place in places:
            if self._sizes[place]:
                self._found[place].setdefault(entity, Span(0, self._sizes[place], entity))
                return
