"""A streamed chat reply: chunks of the provider in, frames for the caller out, nothing forbidden between.

Each text field of each choice is a lane with its own StreamGuard. A chunk whose texts pass unchanged leaves
as the provider wrote it; otherwise its texts are replaced by what may leave now. The arguments of a tool call
are kept until the call is complete, checked as a whole, and leave in one piece.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from guardrails import arguments
from guardrails.conversation import NOTHING_SAID, Conversation
from guardrails.pseudonyms import Vault
from guardrails.types import Stage
from proxy import sse
from proxy.dialects import chat_logprobs
from proxy.dialects.chat_calls import Call
from proxy.dialects.chat_conversation import streamed_call
from proxy.dialects.chat_lanes import Choice, Lane, Path, put, scalars
from proxy.dialects.chat_words import are_known, is_constant, is_reply_word, plain
from proxy.dialects.choice_stream import ChoiceStream
from proxy.dialects.chunk_form import Form, form_of
from proxy.errors import UpstreamError

if TYPE_CHECKING:
    from guardrails.engine import Guard


_LOOKS = 32
"""Chunks of one stream that are looked at for the form of those that follow."""


class ChatStream(ChoiceStream):
    """The guard of one streamed chat reply."""

    OBJECT = "chat.completion.chunk"
    APART = frozenset({"index", "delta", "logprobs", "choices"})
    REPEATED = frozenset({"message"})

    def __init__(
        self,
        guard: Guard,
        vault: Vault | None,
        structured: bool = False,
        conversation: Conversation = NOTHING_SAID,
    ) -> None:
        super().__init__(guard, vault, conversation)
        self._content = vault.in_json() if vault is not None and structured else vault
        """What the content's pseudonyms are restored with: it is JSON where the caller asked for that."""
        self._form: Form | None = None
        """The form of the chunk before, when nothing in it but its text needs another look."""
        self._looks_left = _LOOKS

    async def feed(self, payload: bytes) -> bytes:
        """The frames that may leave after this payload. Raises UpstreamError when it is no chunk."""
        form = self._form
        if form is not None and (text := form.text(payload)) is not None:
            return self._repeated(form, text, payload)
        frames = await super().feed(payload)
        if self._looks_left and not (self.blocked or self.done):
            self._learn(payload)
        return frames

    def _learn(self, payload: bytes) -> None:
        """Remember the form of a payload that was read, if only its text is left to be looked at."""
        self._looks_left -= 1
        if form := form_of(payload):
            chunk = orjson.loads(payload)
            if {*self._new(chunk), *self._new(chunk["choices"][0])} <= {"obfuscation"}:
                self._form = form

    def _repeated(self, form: Form, text: str, payload: bytes) -> bytes:
        """As `feed`, for a payload that differs from one that was read in its text alone."""
        lane = self._lane_of(self._choice(form.index), (form.name,))
        out = self._through(lane, text)
        if self.blocked:
            return b""
        if self._verbatim.on and lane.exact:
            if out == text and self._verbatim.passed(lane, text):
                return sse.event(payload)
            self._verbatim.said(lane, form, text, payload)
            return self._ready()
        if out == text and not self._verbatim.on:
            return sse.event(payload)
        rewritten = form.written(out) if out else form.silent
        return self._anew() + (sse.event(rewritten) if rewritten else b"")

    def response(self) -> dict[str, Any] | None:
        """What left so far, as one whole reply with pseudonyms in place; None before the first chunk."""
        if not self._choices:
            return None
        choices = []
        for _, choice in sorted(self._choices.items()):
            message: dict[str, Any] = {"role": "assistant", "content": None}
            for path, lane in choice.lanes.items():
                if lane.guard.recorded:
                    put(message, path, lane.guard.recorded, lane.siblings)
            message |= choice.recorded
            choices.append({"index": choice.index, "message": message, "finish_reason": plain(choice.finish)})
        whole = {**self._top, "object": "chat.completion", "choices": choices}
        return whole if self.usage is None else {**whole, "usage": self.usage}

    # --- one choice of one chunk

    async def _part(self, part: Any, before: list[bytes]) -> bool:
        """Replace the texts of one choice in a chunk by what may leave; whether anything had to change."""
        choice = self._choice(part.get("index") or 0)
        delta, logprobs = part.get("delta"), part.get("logprobs")
        spelled = chat_logprobs.spelled(logprobs, delta or {}) if logprobs else {}
        changed = bool(delta) and await self._delta(choice, delta)
        others = chat_logprobs.other_texts(logprobs, f"/choices/{choice.index}") if logprobs else []
        clean = not logprobs or await self._are_clean(choice, spelled, others)
        if new := self._new(part):
            changed |= await self._members(part, new, choice.beside, f"/choices/{choice.index}")
        if part.get("finish_reason") and choice.finish is None:
            tail = await self._close(choice)
            changed |= await self._finish(choice, part)
            if tail and not self._is_exact(choice):
                # What this very chunk says comes before what was held, and both before the finish reason.
                before += [self._frame(choice.index, told) for told in (delta, tail) if told]
                part["delta"] = {}
                changed = True
        if logprobs and not (clean and choice.clean):
            changed |= not (clean and self._is_exact(choice))
            part["logprobs"] = None  # they spell the text that was replaced
        return changed

    async def _delta(self, choice: Choice, delta: dict[str, Any]) -> bool:
        at = choice.pointer()
        changed = not are_known(delta) and await self._renamed(delta, at)
        for name, value in list(delta.items()):
            if type(value) is str:
                if not value:
                    continue
                if is_constant(name):
                    changed |= await self._constant(delta, name, at)
                    continue
                if is_reply_word(name, value):
                    continue
                changed |= self._replaced(self._lane_of(choice, (name,)), delta, name)
            elif value and name == "tool_calls":
                delta[name] = await self._tool_calls(choice, delta)
                changed |= not self._is_exact(choice)
                if not delta[name]:
                    del delta[name]
            elif value and name == "function_call":
                changed = True
                self._collect_function(choice, delta.pop(name))
            elif isinstance(value, dict | list):
                changed |= await self._nested(choice, value, (name,), [])
        return changed

    def _lane_of(self, choice: Choice, path: Path) -> Lane:
        """The lane of a text. Raises UpstreamError when its choice has ended."""
        if choice.finish is not None:
            raise UpstreamError("The provider sent text for a choice it had already finished.")
        lane = choice.lanes.get(path)
        if lane is None:
            pointer = choice.pointer(path)
            lane = choice.lanes[path] = self._lane(
                pointer, self._content if path == ("content",) else self._vault
            )
        return lane

    async def _nested(self, choice: Choice, value: Any, path: Path, siblings: list[dict[str, Any]]) -> bool:
        """Guard the texts inside a member that holds more than a string, each in its own lane."""
        changed, at = False, choice.pointer(path)
        if isinstance(value, dict):
            changed = not are_known(value) and await self._renamed(value, at)
            for name in [name for name in value if is_constant(name)]:
                if value[name] and isinstance(value[name], str):
                    changed |= await self._constant(value, name, at)
        if isinstance(path[-1], int):
            siblings = [*siblings, scalars(value)]
        for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
            if isinstance(item, dict | list):
                changed |= await self._nested(choice, item, (*path, key), siblings)
            elif isinstance(item, str) and item and not is_constant(key) and not is_reply_word(key, item):
                lane = self._lane_of(choice, (*path, key))
                lane.siblings = siblings
                changed |= self._replaced(lane, value, key, stays=True)
        return changed

    async def _close(self, choice: Choice) -> dict[str, Any]:
        """What a choice still held, as one delta; its lanes are finished."""
        delta: dict[str, Any] = {}
        for path, lane in choice.lanes.items():
            rest = await lane.finish()
            self.blocked |= lane.guard.blocked
            if rest:
                put(delta, path, rest, lane.siblings)
        await self._end_spelled(choice)
        if choice.open_call is not None:
            delta["tool_calls"] = [await self._release(choice, choice.open_call)]
            choice.open_call = None
        if choice.function is not None:
            released = await self._release(choice, choice.function)
            delta["function_call"] = released["function"]
            choice.function = None
        return delta

    # --- tool calls

    async def _tool_calls(self, choice: Choice, delta: dict[str, Any]) -> list[dict[str, Any]]:
        """Take in pieces of tool calls; the names and the complete calls that may leave now."""
        out: list[dict[str, Any]] = []
        deltas = delta["tool_calls"]
        for place, piece in enumerate(deltas if isinstance(deltas, list) else [deltas]):
            if not isinstance(piece, dict):
                raise UpstreamError("The provider sent a piece of a tool call that is no object.")
            index = piece.get("index")
            if not isinstance(index, int | None):
                raise UpstreamError("The provider sent a piece of a tool call whose index is no number.")
            index = place if index is None else index
            call = choice.open_call
            if call is None or call.is_other(index, piece):
                if call is not None:
                    out.append(await self._release(choice, call))
                call = self._new_call(choice, index)
            call.collect(piece)
            self._verbatim.mark(call, None, delta, "tool_calls")
            early = not self._guard.judges(Stage.TOOL_CALL) and (call.opening or not self._verbatim.on)
            if early and call.name and call.text and call.sent_name is None:
                out += await self._name(call)
        return out

    def _new_call(self, choice: Choice, index: int) -> Call:
        if any(call.index == index and index != choice.calls[-1].index for call in choice.calls):
            raise UpstreamError("The provider went on with a tool call after it had begun the next one.")
        pointer = f"/choices/{choice.index}/message/tool_calls/{len(choice.calls)}"
        call = choice.open_call = Call(index, pointer, {})
        choice.calls.append(call)
        return call

    def _collect_function(self, choice: Choice, piece: Any) -> None:
        if choice.function is None:
            choice.function = Call(0, f"/choices/{choice.index}/message", {}, "function_call")
        choice.function.collect({"function": piece})

    async def _name(self, call: Call) -> list[dict[str, Any]]:
        """The opening delta of a call whose name is complete, once the name was inspected and found clean."""
        verdict = await self._guard.inspect([call.name_segment()], self._vault, reply=True)
        if verdict.findings or verdict.failures:
            return []  # decided, and told, when the call is complete
        call.sent_name, call.cleared = call.name, call.opening
        name = call.name if self._vault is None else self._vault.restore(call.name)
        return [{"index": call.index, **call.head, call.kind: {"name": name, call.text_name: ""}}]

    async def _release(self, choice: Choice, call: Call) -> dict[str, Any]:
        """A complete call as one delta: inspected, edited, pseudonyms restored. Notes it for the record."""
        raw = "".join(call.text)
        found = arguments.segments(raw, call.text_pointer, Stage.TOOL_CALL, "assistant")
        if call.name != call.sent_name and call.name:
            found.append(call.name_segment())
        found += call.rest_segments()
        self._conversation = self._conversation.calling([streamed_call(call)])
        verdict = await self._inspect(found)
        if not self.blocked:
            name, text, outer, inner = call.edited(verdict.edits)
            choice.record(call, outer, {"name": name, call.text_name: text, **inner})
        edits = self._told(found, verdict)
        call.exact &= not edits and not self.blocked
        call.cleared = call.came if call.exact else call.cleared
        return call.delta(edits)

    def _written(self, delta: dict[str, Any], beside: Mapping[str, str]) -> dict[str, Any]:
        return {"delta": delta, **beside}
