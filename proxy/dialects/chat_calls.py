"""One tool call of a streamed chat reply, put together from its pieces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from guardrails import arguments, redact
from guardrails.types import Edit, Segment, Stage
from proxy.dialects.chat_words import is_reply_word, reply_texts
from proxy.dialects.texts import edited
from proxy.errors import UpstreamError

MAX_TOOL_CALL = 4 * 1024 * 1024
"""Characters of arguments one tool call may have; more is a fault of the provider."""
_TEXTS = ("name", "arguments", "input")


@dataclass(slots=True)
class Call:
    """One tool call while it comes in."""

    index: int
    pointer: str
    head: dict[str, Any]
    """`id` and `type` where they are words: they may leave at once."""
    kind: str = "function"
    name: str = ""
    text: list[str] = field(default_factory=list)
    size: int = 0
    sent_name: str | None = None
    """The name as it already left, or None."""
    outer: dict[str, Any] = field(default_factory=dict)
    """Whatever else came beside the function; kept until it was inspected, like `inner`."""
    inner: dict[str, Any] = field(default_factory=dict)
    """What came in the function besides its name and arguments."""

    def is_other(self, index: int, piece: dict[str, Any]) -> bool:
        """Whether a piece opens another call: a new index, or (some providers) the same one with a new id."""
        told, known = piece.get("id"), self.head.get("id") or self.outer.get("id")
        return index != self.index or bool(told and known and told != known)

    def collect(self, piece: dict[str, Any]) -> None:
        """Take in one piece."""
        for name, value in piece.items():
            if name in ("function", "custom") and isinstance(value, dict):
                self._body(name, value)
            elif name in ("id", "type"):
                if isinstance(value, str) and is_reply_word(name, value):
                    self.head[name] = value
                elif value:
                    self.outer[name] = value
            elif name not in ("index", "function", "custom"):
                self._keep(self.outer, name, value)

    def _body(self, kind: str, body: dict[str, Any]) -> None:
        self.kind = kind if self.kind != "function_call" else self.kind
        self.name += str(body.get("name") or "")
        text = body.get("arguments") or body.get("input") or ""
        if not isinstance(text, str):
            text = orjson.dumps(text).decode()
        self._grow(text)
        if text:
            self.text.append(text)
        for name, value in body.items():
            if name not in _TEXTS:
                self._keep(self.inner, name, value)

    def _keep(self, holder: dict[str, Any], name: str, value: Any) -> None:
        if isinstance(value, str) and isinstance(holder.get(name), str):
            value = holder[name] + value
            self._grow(value)
        if value is not None:
            holder[name] = value

    def _grow(self, text: str) -> None:
        self.size += len(text)
        if self.size > MAX_TOOL_CALL:
            raise UpstreamError("The provider sent a tool call without end.")

    @property
    def text_name(self) -> str:
        """The member that holds the call's text."""
        return "input" if self.kind == "custom" else "arguments"

    @property
    def text_pointer(self) -> str:
        """Where the call's text stands in the reply."""
        return f"{self.pointer}/{self.kind}/{self.text_name}"

    @property
    def name_pointer(self) -> str:
        """Where the call's name stands in the reply."""
        return f"{self.pointer}/{self.kind}/name"

    def name_segment(self) -> Segment:
        """The name, to inspect it."""
        return Segment(self.name, self.name_pointer, Stage.TOOL_CALL, "assistant")

    def rest_segments(self) -> list[Segment]:
        """Every text beside the name and the arguments."""
        return reply_texts({**self.outer, self.kind: self.inner}, self.pointer, Stage.TOOL_CALL)

    def delta(self, edits: Iterable[Edit]) -> dict[str, Any]:
        """What is still to be told of it, with edits of its segments made."""
        name, text, outer, inner = self.edited(edits)
        body: dict[str, Any] = {self.text_name: text, **inner}
        if self.kind == "function_call":
            return {"function": {"name": name, **body}}
        if self.sent_name is None:
            return {"index": self.index, **self.head, **outer, self.kind: {"name": name, **body}}
        return {"index": self.index, **outer, self.kind: body}

    def edited(self, edits: Iterable[Edit]) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
        """Name, text, `outer` and `inner` with edits of their segments made."""
        by_place: dict[str, list[Edit]] = {self.name_pointer: [], self.text_pointer: []}
        rest: list[Edit] = []
        for edit in edits:
            by_place.get(edit.pointer, rest).append(edit)
        name = redact.apply(self.name, by_place[self.name_pointer])
        text = arguments.rewrite("".join(self.text), by_place[self.text_pointer])
        if not rest:
            return name, text, self.outer, self.inner
        own = [replace(edit, pointer=edit.pointer.removeprefix(self.pointer)) for edit in rest]
        made = edited(
            {**self.outer, self.kind: self.inner}, own, lambda _, text, made: redact.apply(text, made)
        )
        return name, text, {key: value for key, value in made.items() if key != self.kind}, made[self.kind]
