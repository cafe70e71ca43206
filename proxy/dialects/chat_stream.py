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
from proxy.dialects.chat_chunks import parse
from proxy.dialects.chat_conversation import streamed_call
from proxy.dialects.chat_lanes import Choice, Lane, Path, put, scalars
from proxy.dialects.chat_words import are_known, is_constant, is_reply_word, plain, reply_texts
from proxy.dialects.choice_stream import ChoiceStream
from proxy.dialects.chunk_form import Form, ends, form_of
from proxy.dialects.kept_chunks import KeptChunks
from proxy.errors import UpstreamError

if TYPE_CHECKING:
    from guardrails.engine import Guard


_LOOKS = 32
"""Chunks of one stream that are looked at for the form of those that follow."""


def _may_be_text(holder: dict[str, Any], name: str) -> bool:
    """Whether a member may hold a text: it is no number, no word of the protocol, and there is a text in it."""
    value = holder[name]
    if isinstance(value, dict | list):
        return bool(reply_texts({name: value}, ""))
    return isinstance(value, str) and bool(value) and not is_constant(name)


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
        self._kept = KeptChunks()
        self._freed = b""
        """The frames of chunks that waited and may leave now."""

    async def feed(self, payload: bytes) -> bytes:
        """The frames that may leave after this payload. Raises UpstreamError when it is no chunk."""
        form = self._form
        if form is not None and (text := form.text(payload)) is not None:
            return self._repeated(form, text, payload)
        if self._looks_left and (frames := await self._plain(payload)) is not None:
            return frames
        if self._kept.lane is not None and payload != sse.DONE and not ends(payload, self._kept.index):
            self._freed += self._kept.told_anew()
        frames = await super().feed(payload)
        return self._take_freed() + frames

    async def end(self) -> bytes:
        """The frames still held when the provider has ended. Look at `blocked`, then at `broken`."""
        frames = await super().end()
        return self._take_freed() + frames

    def block(self) -> bytes:
        """The frames that end a blocked stream, after what had been released before."""
        return self._take_freed() + self._kept.told_anew() + super().block()

    def _take_freed(self) -> bytes:
        frames, self._freed = self._freed, b""
        return frames

    async def _plain(self, payload: bytes) -> bytes | None:
        """As `feed`, for a chunk that holds one piece of text and otherwise only what nobody has to be told otherwise.

        None, and nothing done, for any other.
        """
        self._looks_left -= 1
        try:
            form = form_of(payload)
        except orjson.JSONDecodeError:
            return None
        if form is None or (text := form.text(payload)) is None:
            return None
        chunk = parse(payload)
        part, choice = chunk["choices"][0], self._choice(form.index)
        around, beside = self._new(chunk), self._new(part)
        if any(_may_be_text(chunk, name) for name in around) or any(
            _may_be_text(part, name) for name in beside
        ):
            return None
        if not self.started or "usage" in chunk:
            self._note(chunk)
        changed = bool(around) and await self._members(chunk, around, self._beside, "")
        changed |= bool(beside) and await self._members(part, beside, choice.beside, f"/choices/{form.index}")
        if changed or self.blocked:
            return None
        self._form = form
        return self._repeated(form, text, payload)

    def _repeated(self, form: Form, text: str, payload: bytes) -> bytes:
        """As `feed`, for a payload that differs from one that was read in its text alone."""
        lane, kept, before = self._lane_of(self._choice(form.index), (form.name,)), self._kept, b""
        if kept.lane is not None and kept.lane is not lane:
            before = kept.told_anew()
        waits = kept.lane is not None
        self._leaving.left()
        released = lane.rest == "" or waits  # what the guard holds is what waits here, and nothing else
        out = self._through(lane, text)
        if self.blocked:
            self._leaving.take_back()
            return before
        if released and lane.rest is not None:
            return before + kept.add(lane, form, text, payload, len(out))
        if waits:
            before += kept.told_anew()
        told = form.written(out) if out else form.silent
        return before + (sse.event(told) if told else b"")

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
        spelled = chat_logprobs.spelled(logprobs, {}) if logprobs else {}
        changed = bool(delta) and await self._delta(choice, delta)
        others = chat_logprobs.other_texts(logprobs, f"/choices/{choice.index}") if logprobs else []
        clean = not logprobs or await self._are_clean(choice, spelled, others)
        if new := self._new(part):
            changed |= await self._members(part, new, choice.beside, f"/choices/{choice.index}")
        if part.get("finish_reason") and choice.finish is None:
            tail = await self._close(choice)
            changed |= await self._finish(choice, part)
            if tail:
                # What this very chunk says comes before what was held, and both before the finish reason.
                before += [self._frame(choice.index, told) for told in (delta, tail) if told]
                part["delta"] = {}
                changed = True
        if logprobs and not (clean and choice.clean):
            changed = True
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
                out = self._push(choice, (name,), value)
                if out != value:
                    changed = True
                    if out:
                        delta[name] = out
                    else:
                        del delta[name]
            elif value and name == "tool_calls":
                changed = True
                delta[name] = await self._tool_calls(choice, value)
                if not delta[name]:
                    del delta[name]
            elif value and name == "function_call":
                changed = True
                self._collect_function(choice, delta.pop(name))
            elif isinstance(value, dict | list):
                changed |= await self._nested(choice, value, (name,), [])
        return changed

    def _push(self, choice: Choice, path: Path, text: str) -> str:
        return self._through(self._lane_of(choice, path), text)

    def _lane_of(self, choice: Choice, path: Path) -> Lane:
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
                out = self._push(choice, (*path, key), item)
                choice.lanes[(*path, key)].siblings = siblings
                if out != item:
                    value[key] = out
                    changed = True
        return changed

    async def _close(self, choice: Choice) -> dict[str, Any]:
        """What a choice still held, as one delta; its lanes are finished."""
        delta: dict[str, Any] = {}
        for path, lane in choice.lanes.items():
            before = lane.guard.released
            rest = await lane.guard.finish()
            self.blocked |= lane.guard.blocked
            if lane is self._kept.lane and not self.blocked:
                exact = rest == lane.rest
                self._freed += self._kept.whole() if exact else self._kept.told_anew()
                if exact:
                    continue
            self._leaving.note(lane.guard, before)
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

    async def _tool_calls(self, choice: Choice, deltas: Any) -> list[dict[str, Any]]:
        """Take in pieces of tool calls; the names and the complete calls that may leave now."""
        out: list[dict[str, Any]] = []
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
            early = not self._guard.judges(Stage.TOOL_CALL)
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
        call.sent_name = call.name
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
        return call.delta(self._told(found, verdict))

    def _written(self, delta: dict[str, Any], beside: Mapping[str, str]) -> dict[str, Any]:
        return {"delta": delta, **beside}
