"""A streamed reply of choices: what chat and legacy completions share. Chunks in, frames for the caller out.

Each text is a lane with its own StreamGuard. A chunk whose texts pass unchanged leaves as the provider wrote it;
otherwise its texts are replaced by what may leave now.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import orjson

from guardrails import redact
from guardrails.conversation import Conversation
from guardrails.pseudonyms import Vault, restoring
from guardrails.types import Edit, Segment, Stage, Verdict, merge
from proxy import sse
from proxy.dialects.chat import apply_edits
from proxy.dialects.chat_chunks import TOP, parse, says_something
from proxy.dialects.chat_lanes import Choice, Lane
from proxy.dialects.chat_words import are_known, counts, is_constant, is_reply_word, plain, reply_texts
from proxy.dialects.leaving import Leaving
from proxy.dialects.texts import MEMBER, rename, step
from proxy.errors import UpstreamError

if TYPE_CHECKING:
    from guardrails.engine import Guard

_MAX_CONSTANTS = 64


class ChoiceStream(ABC):
    """The guard of one streamed reply. `feed` each payload in order, then `end`; stop when `blocked`.

    A dialect says what a choice of a chunk holds (`_part`), what it still held at its end (`_close`), and how a
    choice of our own is written (`_written`).
    """

    OBJECT: ClassVar[str]
    """`object` of its chunks."""
    APART: ClassVar[frozenset[str]]
    """Members of a chunk and of its choices that are inspected in a way of their own."""
    REPEATED: ClassVar[frozenset[str]] = frozenset()
    """Members in which some providers repeat all that was said so far; they do not leave."""

    def __init__(self, guard: Guard, vault: Vault | None, conversation: Conversation) -> None:
        self.blocked = False
        """A rule blocked the reply: nothing that is still held may leave."""
        self.started = False
        """The provider sent a first proper chunk."""
        self.done = False
        """The provider said `[DONE]`."""
        self.usage: dict[str, Any] | None = None
        self._guard, self._vault, self._conversation = guard, vault, conversation
        self._choices: dict[int, Choice] = {}
        self._beside: dict[str, Lane] = {}
        self._top: dict[str, Any] = {}
        self._verdicts: list[Verdict] = []
        self._finishing: list[Choice] = []
        self._leaving = Leaving()
        self._last: dict[str, Any] = {}
        """Members outside the texts that need not be looked at while they stay as they are."""
        self._constants: dict[tuple[str, str], str] = {}
        """Words that chunks repeat, each with what may leave of it."""
        self._names: dict[str, str] = {}
        """The same for member names that are not the protocol's."""

    # --- what a dialect says

    @abstractmethod
    async def _part(self, part: Any, before: list[bytes]) -> bool:
        """Replace the texts of one choice in a chunk by what may leave; whether anything had to change.

        Frames that have to leave before this chunk go into `before`.
        """

    @abstractmethod
    async def _close(self, choice: Choice) -> dict[str, Any]:
        """What a choice still held, besides what stands beside its texts; its lanes are finished."""

    @abstractmethod
    def _written(self, delta: dict[str, Any], beside: Mapping[str, str]) -> dict[str, Any]:
        """The members of a choice of our own that tell of its texts."""

    # --- in and out

    async def feed(self, payload: bytes) -> bytes:
        """The frames that may leave after this payload. Raises UpstreamError when it is no chunk."""
        if payload == sse.DONE:
            self.done = True
            return b""
        self._leaving.left()
        chunk = parse(payload)
        if not self.started or "usage" in chunk:
            self._note(chunk)
        before: list[bytes] = []
        changed = False
        for part in chunk.get("choices") or ():
            changed |= await self._part(part, before)
        if new := self._new(chunk):
            changed |= await self._members(chunk, new, self._beside, "")
        if self.blocked:
            self._leaving.take_back()
            for choice in self._finishing:
                choice.finish = None  # its last chunk does not leave any more
            return b""
        self._finishing.clear()
        if not changed:
            before.append(sse.event(payload))
        elif says_something(chunk):
            chunk.pop("obfuscation", None)  # its length tells the length of the text that was replaced
            before.append(sse.event(orjson.dumps(chunk)))
        return b"".join(before)

    async def end(self) -> bytes:
        """The frames still held when the provider has ended. Look at `blocked`, then at `broken`."""
        frames: list[bytes] = []
        self._leaving.left()
        for choice in self._choices.values():
            if choice.finish is None:
                delta, beside = await self._close(choice), await self._rest(choice.beside)
                if delta or beside:
                    frames.append(self._frame(choice.index, delta, beside=beside))
        if beside := await self._rest(self._beside):
            frames.append(sse.event(orjson.dumps({**self._base(), "choices": [], **beside})))
        if self.blocked:
            self._leaving.take_back()
        return b"" if self.blocked else b"".join(frames)

    @property
    def broken(self) -> str | None:
        """Why the ended stream is no whole answer, or None when it is one."""
        finished = [choice.finish is not None for choice in self._choices.values()]
        if not finished:
            return "The provider's stream ended without an answer."
        # A provider that says [DONE] but forgets one of several choices is taken at its word.
        if all(finished) or (self.done and any(finished)):
            return None
        return "The provider's stream ended before the answer was complete."

    def block(self) -> bytes:
        """The frames that end a blocked stream: `content_filter` for each choice that is still open."""
        choices = self._choices.values() or [self._choice(0)]
        frames = []
        for choice in choices:
            if choice.finish is None:
                choice.finish = "content_filter"
                frames.append(self._frame(choice.index, {}, "content_filter"))
        return b"".join(frames)

    # --- what is recorded

    def verdict(self) -> Verdict:
        """What was found in all that came so far."""
        lanes = [*self._beside.values()]
        for choice in self._choices.values():
            lanes += [*choice.lanes.values(), *choice.beside.values(), *choice.spelled.values()]
        return merge([*self._verdicts, *(lane.guard.verdict for lane in lanes)])

    @property
    def model(self) -> str | None:
        """The model that the provider says answered."""
        told = self._top.get("model")
        return told if isinstance(told, str) else None

    def finish_reasons(self) -> tuple[str, ...]:
        """The finish reasons that came, by choice."""
        told = (plain(choice.finish) for _, choice in sorted(self._choices.items()))
        return tuple(word for word in told if word)

    # --- one choice

    async def _are_clean(self, choice: Choice, spelled: Mapping[str, str], others: list[Segment]) -> bool:
        """Whether logprobs hold nothing that must not leave: what their tokens `spelled` so far, and the others."""
        if choice.finish is not None:
            return False
        for kind, text in spelled.items():
            if kind not in choice.spelled:
                choice.spelled[kind] = self._lane(f"/choices/{choice.index}/logprobs", self._vault)
            self._through(choice.spelled[kind], text)
        if others and self._told(others, await self._inspect(others)):
            return False
        return all(lane.clean for lane in choice.spelled.values())

    async def _finish(self, choice: Choice, part: dict[str, Any]) -> bool:
        """Let what stood beside the texts of a choice leave with its finish reason; whether that changed the part."""
        rest = await self._rest(choice.beside)
        for name, held in rest.items():
            said = part.get(name)
            part[name] = said + held if isinstance(said, str) else held
        choice.finish = str(part["finish_reason"])
        self._finishing.append(choice)
        return bool(rest)

    async def _end_spelled(self, choice: Choice) -> None:
        """Finish the lanes of what logprobs spelled: nothing of them leaves."""
        for lane in choice.spelled.values():
            await lane.guard.finish()
            self.blocked |= lane.guard.blocked

    def _lane(self, pointer: str, vault: Vault | None) -> Lane:
        return Lane(self._guard.stream(pointer, vault, "assistant", self._conversation))

    def _through(self, lane: Lane, text: str) -> str:
        self._leaving.note(lane.guard)
        out = lane.guard.push(text)
        if out != text:
            lane.clean = False
        if lane.rest is not None and (out != text or lane.rest):
            whole = lane.rest + text
            lane.rest = whole[len(out) :] if whole.startswith(out) else None
        self.blocked |= lane.guard.blocked
        return out

    # --- what stands outside the deltas

    def _new(self, holder: dict[str, Any]) -> list[str]:
        """The members of a chunk or a choice, outside its delta, that are to be looked at."""
        last = self._last
        return [name for name in holder if name not in self.APART and last.get(name, last) != holder[name]]

    async def _members(
        self, holder: dict[str, Any], names: list[str], lanes: dict[str, Lane], at: str
    ) -> bool:
        """Guard these members: a text in its lane, anything else as a whole."""
        changed = False
        if not are_known(names):
            changed = await self._renamed(holder, at)
            names = [name for name in holder if name not in self.APART]
        for name in names:
            value = holder[name]
            if name in self.REPEATED:
                del holder[name]
                changed = True
            elif isinstance(value, dict | list):
                changed |= await self._whole(holder, name, at)
            elif isinstance(value, str) and value:
                if is_constant(name):
                    changed |= await self._constant(holder, name, at)
                    if holder[name] == value:
                        self._last[name] = value
                    continue
                if name not in lanes:
                    lanes[name] = self._lane(at + step(name), self._vault)
                out = self._through(lanes[name], value)
                if out:
                    holder[name] = out
                else:
                    del holder[name]
                changed |= out != value
            else:
                self._last[name] = value
        return changed

    async def _whole(self, holder: dict[str, Any], name: str, at: str) -> bool:
        """Guard a member that holds more than a string, all of it at once."""
        value = holder[name]
        found = reply_texts({name: value}, at)
        if not found:
            return False
        edits = self._told(found, await self._inspect(found))
        own = [replace(edit, pointer=edit.pointer.removeprefix(at)) for edit in edits]
        holder[name] = apply_edits({name: value}, own)[name]
        return bool(own)

    async def _constant(self, holder: dict[str, Any], name: str, at: str) -> bool:
        """Guard a member that holds a word, the same in many chunks: it is looked at once."""
        value = holder[name]
        told = self._constants.get((name, value))
        if told is None:
            told = value
            if not is_reply_word(name, value):
                found = [Segment(value, at + step(name), Stage.OUTPUT, "assistant")]
                told = redact.apply(value, (await self._inspect(found)).edits)
            if len(self._constants) < _MAX_CONSTANTS:
                self._constants[name, value] = told
        holder[name] = told
        return bool(told != value)

    async def _renamed(self, holder: dict[str, Any], at: str) -> bool:
        """Guard the names of an object's members; whether one of them had to change; a blocked one leaves none."""
        changed = False
        for name in [name for name in holder if not are_known((name,))]:
            told = self._names.get(name)
            if told is None:
                found = [Segment(name, at + step(name), Stage.OUTPUT, "assistant", MEMBER)]
                told = redact.apply(name, (await self._inspect(found)).edits)
                if self.blocked:
                    holder.clear()
                    return True
                self._names[name] = told
            if told != name:
                rename(holder, name, told)
                changed = True
        return changed

    async def _rest(self, lanes: dict[str, Lane]) -> dict[str, str]:
        """What the lanes beside the deltas still held; they are finished."""
        rest = {}
        for name, lane in lanes.items():
            self._leaving.note(lane.guard)
            if held := await lane.guard.finish():
                rest[name] = held
            self.blocked |= lane.guard.blocked
        return rest

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

    # --- frames

    def _choice(self, index: Any) -> Choice:
        if not isinstance(index, int):
            raise UpstreamError("The provider sent a stream chunk with a choice index that is no number.")
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = Choice(index)
        return choice

    def _note(self, chunk: dict[str, Any]) -> None:
        self.started = True
        for name in TOP:
            value = chunk.get(name)
            if isinstance(value, str) and is_reply_word(name, value):
                self._top.setdefault(name, value)
        if isinstance(made := chunk.get("created"), int):
            self._top.setdefault("created", made)
        if isinstance(chunk.get("usage"), dict):
            self.usage = counts(chunk["usage"])

    def _frame(
        self,
        index: int,
        delta: dict[str, Any],
        finish: str | None = None,
        beside: dict[str, str] | None = None,
    ) -> bytes:
        """A chunk of our own, in the provider's name."""
        said = self._written(delta, beside or {})
        choices = [{"index": index, **said, "finish_reason": finish}]
        return sse.event(orjson.dumps({**self._base(), "choices": choices}))

    def _base(self) -> dict[str, Any]:
        return {"id": "", "created": 0, "model": "", **self._top, "object": self.OBJECT}
