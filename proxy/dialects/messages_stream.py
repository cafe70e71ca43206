"""A streamed Messages reply: events of the provider in, frames for the caller out, nothing forbidden between.

Each text of each content block is a lane with its own StreamGuard. An event whose texts pass unchanged leaves
as the provider wrote it; otherwise its texts are replaced by what may leave now. The input of a tool call is
kept until its block ends, checked as a whole, and leaves in one piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from guardrails import arguments
from guardrails.conversation import NOTHING_SAID, Conversation
from guardrails.pseudonyms import Vault, restoring
from guardrails.types import Edit, Segment, Stage, Verdict, merge
from proxy.dialects.chat_words import plain
from proxy.dialects.leaving import Leaving
from proxy.dialects.messages import apply_edits
from proxy.dialects.messages_blocks import Block, Lane
from proxy.dialects.messages_conversation import is_call
from proxy.dialects.messages_errors import in_band
from proxy.dialects.messages_reply import DELTAS, frame
from proxy.dialects.messages_words import MEMBERS, counts, is_encoded, is_word, texts_of
from proxy.dialects.reply_body import reply_object
from proxy.dialects.texts import MEMBER
from proxy.errors import UpstreamError

if TYPE_CHECKING:
    from guardrails.engine import Guard

_WHOLE = frozenset({"type", "signature"})
"""Members of a delta that are told whole, not in pieces."""
_START, _DELTA = ("type", "index", "content_block"), ("type", "index", "delta")
"""The members of the events that begin a block and go on with it."""
_LISTS = {"citation": "citations"}
"""Member of a delta that is one element of a list, to that list."""


class MessagesStream:
    """The guard of one streamed reply. `feed` each payload in order, then `end`; stop when `blocked`."""

    def __init__(
        self,
        guard: Guard,
        vault: Vault | None,
        structured: bool = False,
        conversation: Conversation = NOTHING_SAID,
    ) -> None:
        self.blocked = False
        """A rule blocked the reply: nothing that is still held may leave."""
        self.started = False
        """The provider sent a first proper event."""
        self.done = False
        """The provider said `message_stop`."""
        self.usage: dict[str, Any] | None = None
        self._guard, self._vault, self._conversation = guard, vault, conversation
        self._content = vault.in_json() if vault is not None and structured else vault
        """What the text's pseudonyms are restored with: it is JSON where the caller asked for that."""
        self._blocks: dict[int, Block] = {}
        self._message: dict[str, Any] = {}
        """The message without its content, as it may be stored."""
        self._begun = False
        """Whether `message_start` left."""
        self._verdicts: list[Verdict] = []
        self._leaving = Leaving()
        self._last = b""
        """The frame that ends the stream."""

    # --- in and out

    async def feed(self, payload: bytes) -> bytes:
        """The frames that may leave after this payload. Raises UpstreamError when it is no event."""
        event = _parse(payload)
        self.started = True
        self._leaving.left()
        match event.get("type"):
            case "content_block_delta":
                frames = await self._delta(event, payload)
            case "content_block_start":
                frames = await self._start(event, payload)
            case "content_block_stop":
                frames = await self._stop(event, payload)
            case "message_start":
                frames = await self._opening(event, payload)
            case "message_delta":
                frames = await self._ending(event, payload)
            case "message_stop":
                self.done = True
                self._last, frames = await self._other(event, payload), b""
            case _:
                frames = await self._other(event, payload)
        if self.blocked:
            self._leaving.take_back()
        return b"" if self.blocked else frames

    async def end(self) -> bytes:
        """The frames still held when the provider has ended. Look at `blocked`, then at `broken`."""
        self._leaving.left()
        frames = [await self._close(block) for block in self._blocks.values()]
        if self.blocked:
            self._leaving.take_back()
        return b"" if self.blocked else b"".join(frames) + self._last

    @property
    def broken(self) -> str | None:
        """Why the ended stream is no whole answer, or None when it is one."""
        if self.done and self._begun:
            return None
        if not self._begun:
            return "The provider's stream ended without an answer."
        return "The provider's stream ended before the answer was complete."

    def block(self) -> bytes:
        """The frames that end a blocked stream: its open blocks end, and it stops with `refusal`."""
        frames = []
        if not self._begun:
            kept: dict[str, Any] = {n: self._message[n] for n in ("id", "model") if n in self._message}
            message: dict[str, Any] = {"type": "message", "role": "assistant", **kept, "content": []}
            message |= {"stop_reason": None, "stop_sequence": None, "usage": self.usage or _NONE}
            frames.append(frame({"type": "message_start", "message": message}))
        for block in self._blocks.values():
            if block.begun and not block.stopped:
                frames.append(frame({"type": "content_block_stop", "index": block.index}))
        self._message["stop_reason"] = "refusal"
        delta = {"stop_reason": "refusal", "stop_sequence": None}
        told = {"output_tokens": (self.usage or _NONE).get("output_tokens") or 0}
        frames.append(frame({"type": "message_delta", "delta": delta, "usage": told}))
        return b"".join([*frames, frame({"type": "message_stop"})])

    # --- what is recorded

    def verdict(self) -> Verdict:
        """What was found in all that came so far."""
        lanes = [lane for block in self._blocks.values() for lane in block.lanes.values()]
        return merge([*self._verdicts, *(lane.guard.verdict for lane in lanes)])

    @property
    def model(self) -> str | None:
        """The model that the provider says answered."""
        return plain(self._message.get("model"))

    def finish_reasons(self) -> tuple[str, ...]:
        """Why the reply ended."""
        word = plain(self._message.get("stop_reason"))
        return (word,) if word else ()

    def response(self) -> dict[str, Any] | None:
        """What left so far, as one whole reply with pseudonyms in place; None before the first event."""
        if not self._message:
            return None
        content = [block.response() for block in self._blocks.values() if block.begun]
        whole = {**self._message, "content": content}
        return whole if self.usage is None else {**whole, "usage": self.usage}

    # --- the message

    async def _opening(self, event: dict[str, Any], payload: bytes) -> bytes:
        message = event.get("message")
        if self._begun or not isinstance(message, dict):
            raise UpstreamError("The provider sent a stream whose message does not begin as one.")
        self._count(message.get("usage"))
        told, safe = await self._looked(message, "")
        self._message = {name: value for name, value in safe.items() if name not in ("content", "usage")}
        self._begun = not self.blocked
        return await self._frame_of(event, payload, "message", message, told)

    async def _ending(self, event: dict[str, Any], payload: bytes) -> bytes:
        """`message_delta`: why it ended and what was used. What was held leaves before it."""
        held = [await self._close(block) for block in self._blocks.values()]
        self._count(event.get("usage"))
        told, safe = await self._looked(event, "")
        if isinstance(safe.get("delta"), dict) and not self.blocked:
            self._message |= safe["delta"]
        return b"".join([*held, frame(told, payload if told is event else None)])

    async def _other(self, event: dict[str, Any], payload: bytes) -> bytes:
        told, _ = await self._looked(event, "")
        return b"" if self.blocked else frame(told, payload if told is event else None)

    def _count(self, usage: Any) -> None:
        """Take over numbers of tokens: those that come later count. None but zeros are no numbers."""
        if (told := counts(usage)) is not None and any(told.values()):
            self.usage = (self.usage or {}) | told

    # --- one block

    def _block(self, event: dict[str, Any]) -> Block | None:
        index = event.get("index")
        return self._blocks.get(index) if isinstance(index, int) else None

    async def _start(self, event: dict[str, Any], payload: bytes) -> bytes:
        index, given = event.get("index"), event.get("content_block")
        if not isinstance(index, int) or index in self._blocks or not isinstance(given, dict):
            raise UpstreamError("The provider sent a content block that does not begin as one.")
        block = self._blocks[index] = Block(index, f"/content/{len(self._blocks)}", {})
        if is_call(given):
            return await self._start_call(block, event, payload)
        lanes = {name: given[name] for name in DELTAS if isinstance(given.get(name), str) and given[name]}
        rest = {name: value for name, value in given.items() if name not in lanes}
        told, block.recorded = await self._looked(rest, block.pointer)
        for name, text in lanes.items():
            told = {**told, name: self._push(block, name, DELTAS[name], text)}
        block.begun = not self.blocked
        return await self._frame_of(event, payload, "content_block", given, told)

    async def _start_call(self, block: Block, event: dict[str, Any], payload: bytes) -> bytes:
        """A call begins: its name may leave at once when no rule looks at it together with the input."""
        given, block.is_call = event["content_block"], True
        if given["input"]:
            text = given["input"]
            block.collect(text if isinstance(text, str) else orjson.dumps(text).decode())
        if block.pieces or self._guard.judges(Stage.TOOL_CALL):
            rest = {name: value for name, value in event.items() if name not in _START}
            beside, _ = await self._looked(rest, "")
            block.opening = {**{name: event[name] for name in _START}, **beside}
            return b""
        told, block.recorded = await self._looked(given, block.pointer, Stage.TOOL_CALL)
        block.begun = not self.blocked
        return await self._frame_of(event, payload, "content_block", given, told)

    async def _delta(self, event: dict[str, Any], payload: bytes) -> bytes:
        block, delta = self._block(event), event.get("delta")
        if block is None or block.closed or not isinstance(delta, dict):
            raise UpstreamError("The provider sent a delta for no open content block.")
        told: dict[str, Any] = {}
        for name, value in sorted(delta.items(), key=lambda member: member[0] != "type"):
            written = name if name in MEMBERS else await self._name(block, name)
            if name == "partial_json" and block.is_call and isinstance(value, str):
                block.collect(value)
                told[name] = ""
            elif name == "type" and isinstance(value, str) and is_word("", name, value):
                told[name] = value
            elif name in _WHOLE or not isinstance(value, str) or not value or is_encoded(name, value):
                told[written] = await self._member(block, written, value)
            else:
                told[written] = self._push(block, written, str(told.get("type") or "text_delta"), value)
        if len(event) == len(_DELTA) and not _says(told) and (block.is_call or _says(delta)):
            return b""
        made = await self._frame_of(event, payload, "delta", delta, told)
        if "signature" in delta or block.opening is not None:
            block.held.append(made)
            return b""
        return made

    async def _member(self, block: Block, name: str, value: Any) -> Any:
        """A member of a delta as it may leave, looked at as a whole, and noted for the record."""
        listed = _LISTS.get(name)
        if listed is not None:
            place = block.lists[listed] = block.lists.get(listed, -1) + 1
            told, safe = await self._looked({str(place): value}, f"{block.pointer}/{listed}")
            block.append(listed, safe[str(place)])
            return told[str(place)]
        told, safe = await self._looked({name: value}, block.pointer)
        if name != "type":
            block.recorded |= safe
        return next(iter(told.values()))

    async def _name(self, block: Block, name: str) -> str:
        """The name of a member as it may leave."""
        told, _ = await self._looked({name: None}, block.pointer)
        return next(iter(told))

    async def _stop(self, event: dict[str, Any], payload: bytes) -> bytes:
        block = self._block(event)
        if block is None or block.stopped:
            raise UpstreamError("The provider ended a content block that is not open.")
        held = await self._close(block)
        stop = await self._other(event, payload)
        block.stopped = not self.blocked
        return held + stop

    async def _close(self, block: Block) -> bytes:
        """What a block still held; its lanes are finished."""
        if block.closed or self.blocked:
            return b""
        frames: list[bytes] = []
        if block.is_call:
            frames.append(await self._release(block))
        for name, lane in block.lanes.items():
            self._leaving.note(lane.guard)
            rest = await lane.guard.finish()
            self.blocked |= lane.guard.blocked
            if rest:
                frames.append(_delta_frame(block, lane.kind, {name: rest}))
        block.closed = True
        frames += block.held
        return b"" if self.blocked else b"".join(frames)

    async def _release(self, block: Block) -> bytes:
        """A complete call: inspected, edited, pseudonyms restored. Notes it for the record."""
        pointer, text = f"{block.pointer}/input", block.input
        found = arguments.segments(text, pointer, Stage.TOOL_CALL, "assistant") if text else []
        given = block.opening["content_block"] if block.opening else {}
        opening = {name: value for name, value in given.items() if name != "input"}
        found += texts_of(opening, block.pointer, Stage.TOOL_CALL, "assistant")
        self._conversation = self._conversation.calling([block.call()])
        verdict = await self._inspect(found)
        if self.blocked:
            return b""
        ours, told = verdict.edits, self._told(found, verdict)
        frames = b""
        if block.opening is not None:
            block.recorded = _moved(opening, _beside(ours, pointer), block.pointer)
            made = {**_moved(opening, _beside(told, pointer), block.pointer), "input": {}}
            frames = frame({**block.opening, "content_block": made})
            block.opening = None
        block.begun = True
        block.note_input(arguments.rewrite(text, _at(ours, pointer)))
        if not text:
            return frames
        written = arguments.rewrite(text, _at(told, pointer))
        return frames + _delta_frame(block, "input_json_delta", {"partial_json": written})

    # --- texts

    def _push(self, block: Block, name: str, kind: str, text: str) -> str:
        lane = block.lanes.get(name)
        if lane is None:
            vault = self._content if name == "text" else self._vault
            guard = self._guard.stream(f"{block.pointer}/{name}", vault, "assistant", self._conversation)
            lane = block.lanes[name] = Lane(guard, kind)
        self._leaving.note(lane.guard)
        out = lane.guard.push(text)
        self.blocked |= lane.guard.blocked
        return out

    async def _looked(
        self, value: dict[str, Any], pointer: str, stage: Stage = Stage.OUTPUT
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """An object that came whole: as the caller may have it, and as it may be stored."""
        found = [*texts_of(value, pointer, stage, "assistant")]
        if not found:
            return value, value
        verdict = await self._inspect(found)
        return (
            _moved(value, self._told(found, verdict), pointer),
            _moved(value, verdict.edits, pointer),
        )

    async def _inspect(self, found: list[Segment]) -> Verdict:
        verdict = await self._guard.inspect(found, self._vault, reply=True, conversation=self._conversation)
        if verdict.findings or verdict.failures:
            self._verdicts.append(verdict)
        self.blocked |= bool(verdict.blocked_by)
        return verdict

    def _told(self, found: list[Segment], verdict: Verdict) -> Sequence[Edit]:
        """The edits of some texts as the caller is to read them, with pseudonyms restored."""
        if self._vault is None:
            return verdict.edits
        return restoring([one for one in found if one.within != MEMBER], verdict.edits, self._vault)

    async def _frame_of(
        self,
        event: dict[str, Any],
        payload: bytes,
        member: str,
        given: dict[str, Any],
        told: dict[str, Any],
    ) -> bytes:
        """The event with that member as it may leave; its own bytes when nothing in it had to change."""
        rest = event.keys() - {"type", "index", member}
        changed = told != given
        if rest:
            beside, _ = await self._looked({name: event[name] for name in rest}, "")
            if any(name not in beside or beside[name] != event[name] for name in rest):
                kept: dict[str, Any] = {name: event[name] for name in ("type", "index") if name in event}
                return frame({**kept, member: told, **beside})
        return frame({**event, member: told}) if changed else frame(event, payload)


_NONE: dict[str, Any] = {"input_tokens": 0, "output_tokens": 0}


def _parse(payload: bytes) -> dict[str, Any]:
    """The event that a payload holds. Raises UpstreamError when it is none, or tells of an error."""
    event = reply_object(payload, "An event of the provider's stream")
    if event.get("type") == "error" or event.get("error"):
        raise in_band(event.get("error"))
    return event


def _says(delta: dict[str, Any]) -> bool:
    """Whether a delta has anything beside its type."""
    return any(value for name, value in delta.items() if name != "type")


def _delta_frame(block: Block, kind: str, delta: dict[str, Any]) -> bytes:
    return frame({"type": "content_block_delta", "index": block.index, "delta": {"type": kind, **delta}})


def _at(edits: Sequence[Edit], pointer: str) -> list[Edit]:
    """The edits of the text at a pointer."""
    return [edit for edit in edits if edit.pointer == pointer]


def _beside(edits: Sequence[Edit], pointer: str) -> list[Edit]:
    """The other edits."""
    return [edit for edit in edits if edit.pointer != pointer]


def _moved(value: dict[str, Any], edits: Sequence[Edit], pointer: str) -> dict[str, Any]:
    """A value with its edits made, whose pointers begin with the value's own; itself when there are none."""
    if not edits:
        return value
    own = [replace(edit, pointer=edit.pointer.removeprefix(pointer)) for edit in edits]
    return apply_edits(value, own)
