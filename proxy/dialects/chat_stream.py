"""A streamed chat reply: chunks of the provider in, frames for the caller out, nothing forbidden between.

Each text field of each choice is a lane with its own StreamGuard. A chunk whose texts pass unchanged leaves
as the provider wrote it; otherwise its texts are replaced by what may leave now. The arguments of a tool call
are kept until the call is complete, checked as a whole, and leave in one piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from guardrails import arguments
from guardrails.pseudonyms import Vault, restoring
from guardrails.types import Edit, Segment, Stage, Verdict, merge
from proxy import sse
from proxy.dialects.chat import NO_TEXT, apply_edits
from proxy.dialects.chat_calls import Call
from proxy.dialects.chat_reply import in_band, texts
from proxy.dialects.texts import step
from proxy.errors import UpstreamError

if TYPE_CHECKING:
    from guardrails.engine import Guard
    from guardrails.stream import StreamGuard

Path = tuple[str | int, ...]
"""Where a lane stands in a delta: member names and list positions."""

_TOP = ("id", "created", "model", "system_fingerprint", "service_tier")
_CHUNK_SKIP = frozenset({*_TOP, "object", "provider", "choices", "usage", "obfuscation", "error"})
_PART_SKIP = frozenset({"index", "delta", "finish_reason", "logprobs", "content_filter_results"})


@dataclass(slots=True)
class _Lane:
    """One text field of one choice."""

    guard: StreamGuard
    clean: bool = True
    """Whether all that came has left at once and unchanged: nothing is held."""
    siblings: list[dict[str, Any]] = field(default_factory=list)
    """For each list on the path: the scalars that stood beside the text, to write it in the same shape."""


@dataclass(slots=True)
class _Choice:
    index: int
    lanes: dict[Path, _Lane] = field(default_factory=dict)
    beside: dict[str, _Lane] = field(default_factory=dict)
    """The texts that stand beside its deltas."""
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


class ChatStream:
    """The guard of one streamed reply. `feed` each payload in order, then `end`; stop when `blocked`."""

    def __init__(self, guard: Guard, vault: Vault | None, structured: bool = False) -> None:
        self.blocked = False
        """A rule blocked the reply: nothing that is still held may leave."""
        self.started = False
        """The provider sent a first proper chunk."""
        self.done = False
        """The provider said `[DONE]`."""
        self.usage: dict[str, Any] | None = None
        self._guard, self._vault = guard, vault
        self._content = vault.in_json() if vault is not None and structured else vault
        """What the content's pseudonyms are restored with: it is JSON where the caller asked for that."""
        self._choices: dict[int, _Choice] = {}
        self._beside: dict[str, _Lane] = {}
        self._top: dict[str, Any] = {}
        self._verdicts: list[Verdict] = []
        self._finishing: list[_Choice] = []

    # --- in and out

    async def feed(self, payload: bytes) -> bytes:
        """The frames that may leave after this payload. Raises UpstreamError when it is no chunk."""
        if payload == sse.DONE:
            self.done = True
            return b""
        chunk = _parse(payload)
        if not self.started or "usage" in chunk:
            self._note(chunk)
        before: list[bytes] = []
        changed = False
        for part in chunk.get("choices") or ():
            changed |= await self._part(part, before)
        for name in chunk.keys() - _CHUNK_SKIP:
            changed |= await self._extra(chunk, name, self._beside, "")
        if self.blocked:
            for choice in self._finishing:
                choice.finish = None  # its last chunk does not leave any more
            return b""
        self._finishing.clear()
        if not changed:
            before.append(sse.event(payload))
        elif _says_something(chunk):
            chunk.pop("obfuscation", None)  # its length tells the length of the text that was replaced
            before.append(sse.event(orjson.dumps(chunk)))
        return b"".join(before)

    async def end(self) -> bytes:
        """The frames still held when the provider has ended. Look at `blocked`, then at `broken`."""
        frames: list[bytes] = []
        for choice in self._choices.values():
            if choice.finish is None:
                delta, beside = await self._close(choice), await self._rest(choice.beside)
                if delta or beside:
                    frames.append(self._frame(choice.index, delta, beside=beside))
        if beside := await self._rest(self._beside):
            frames.append(sse.event(orjson.dumps({**self._base(), "choices": [], **beside})))
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
            lanes += [*choice.lanes.values(), *choice.beside.values()]
        return merge([*self._verdicts, *(lane.guard.verdict for lane in lanes)])

    @property
    def model(self) -> str | None:
        """The model that the provider says answered."""
        told = self._top.get("model")
        return told if isinstance(told, str) else None

    def finish_reasons(self) -> tuple[str, ...]:
        """The finish reasons that came, by choice."""
        return tuple(choice.finish for _, choice in sorted(self._choices.items()) if choice.finish)

    def response(self) -> dict[str, Any] | None:
        """What left so far, as one whole reply with pseudonyms in place; None before the first chunk."""
        if not self._choices:
            return None
        choices = []
        for _, choice in sorted(self._choices.items()):
            message: dict[str, Any] = {"role": "assistant", "content": None}
            for path, lane in choice.lanes.items():
                if lane.guard.recorded:
                    _put(message, path, lane.guard.recorded, lane.siblings)
            message |= choice.recorded
            choices.append({"index": choice.index, "message": message, "finish_reason": choice.finish})
        whole = {**self._top, "object": "chat.completion", "choices": choices}
        return whole if self.usage is None else {**whole, "usage": self.usage}

    # --- one choice of one chunk

    async def _part(self, part: Any, before: list[bytes]) -> bool:
        """Replace the texts of one choice in a chunk by what may leave; whether anything had to change."""
        choice = self._choice(part.get("index") or 0)
        delta = part.get("delta")
        changed = bool(delta) and await self._delta(choice, delta)
        for name in part.keys() - _PART_SKIP:
            changed |= await self._extra(part, name, choice.beside, f"/choices/{choice.index}")
        finish = part.get("finish_reason")
        if finish and choice.finish is None:
            tail = await self._close(choice)
            for name, rest in (await self._rest(choice.beside)).items():
                said = part.get(name)
                part[name] = said + rest if isinstance(said, str) else rest
                changed = True
            choice.finish = str(finish)
            self._finishing.append(choice)
            if tail:
                # What this very chunk says comes before what was held, and both before the finish reason.
                before += [self._frame(choice.index, told) for told in (delta, tail) if told]
                part["delta"] = {}
                changed = True
        if part.get("logprobs") and not choice.clean:
            changed = True
            part["logprobs"] = None  # they spell the text that was replaced
        return changed

    async def _delta(self, choice: _Choice, delta: dict[str, Any]) -> bool:
        changed = False
        for name, value in list(delta.items()):
            if type(value) is str:
                if not value or name in NO_TEXT:
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
                changed |= self._nested(choice, value, (name,), [])
        return changed

    def _push(self, choice: _Choice, path: Path, text: str) -> str:
        if choice.finish is not None:
            raise UpstreamError("The provider sent text for a choice it had already finished.")
        lane = choice.lanes.get(path)
        if lane is None:
            pointer = f"/choices/{choice.index}/message" + "".join(step(str(name)) for name in path)
            lane = choice.lanes[path] = self._lane(
                pointer, self._content if path == ("content",) else self._vault
            )
        return self._through(lane, text)

    def _lane(self, pointer: str, vault: Vault | None) -> _Lane:
        return _Lane(self._guard.stream(pointer, vault, "assistant"))

    def _through(self, lane: _Lane, text: str) -> str:
        out = lane.guard.push(text)
        if out != text:
            lane.clean = False
        self.blocked |= lane.guard.blocked
        return out

    def _nested(self, choice: _Choice, value: Any, path: Path, siblings: list[dict[str, Any]]) -> bool:
        """Guard the texts inside a member that holds more than a string, each in its own lane."""
        changed = False
        for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
            at = (*path, key)
            if isinstance(item, str) and item and key not in NO_TEXT:
                out = self._push(choice, at, item)
                choice.lanes[at].siblings = siblings
                if out != item:
                    value[key] = out
                    changed = True
            elif isinstance(item, dict | list):
                beside = [*siblings, _scalars(item)] if isinstance(value, list) else siblings
                changed |= self._nested(choice, item, at, beside)
        return changed

    async def _extra(self, holder: dict[str, Any], name: str, lanes: dict[str, _Lane], at: str) -> bool:
        """Guard a member that stands outside the deltas: a text in its lane, anything else as a whole."""
        value = holder[name]
        if name == "message":
            del holder[name]  # some providers repeat all that was said so far: the deltas tell it
            return True
        if isinstance(value, str) and value:
            if name not in lanes:
                lanes[name] = self._lane(at + step(name), self._vault)
            out = self._through(lanes[name], value)
            if out:
                holder[name] = out
            else:
                del holder[name]
            return out != value
        if not isinstance(value, dict | list):
            return False
        found = texts(value, step(name))
        verdict = await self._inspect(found)
        told = apply_edits({name: value}, self._told(found, verdict))[name]
        holder[name] = told
        return bool(told != value)

    async def _rest(self, lanes: dict[str, _Lane]) -> dict[str, str]:
        """What the lanes beside the deltas still held; they are finished."""
        rest = {}
        for name, lane in lanes.items():
            if held := await lane.guard.finish():
                rest[name] = held
            self.blocked |= lane.guard.blocked
        return rest

    async def _inspect(self, found: list[Segment]) -> Verdict:
        verdict = await self._guard.inspect(found, self._vault, reply=True)
        if verdict.findings or verdict.failures:
            self._verdicts.append(verdict)
        self.blocked |= bool(verdict.blocked_by)
        return verdict

    async def _close(self, choice: _Choice) -> dict[str, Any]:
        """What a choice still held, as one delta; its lanes are finished."""
        delta: dict[str, Any] = {}
        for path, lane in choice.lanes.items():
            rest = await lane.guard.finish()
            self.blocked |= lane.guard.blocked
            if rest:
                _put(delta, path, rest, lane.siblings)
        if choice.open_call is not None:
            delta["tool_calls"] = [await self._release(choice, choice.open_call)]
            choice.open_call = None
        if choice.function is not None:
            released = await self._release(choice, choice.function)
            delta["function_call"] = released["function"]
            choice.function = None
        return delta

    # --- tool calls

    async def _tool_calls(self, choice: _Choice, deltas: Any) -> list[dict[str, Any]]:
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
            if call.name and call.text and call.sent_name is None:
                out += await self._name(call)
        return out

    def _new_call(self, choice: _Choice, index: int) -> Call:
        if any(call.index == index and index != choice.calls[-1].index for call in choice.calls):
            raise UpstreamError("The provider went on with a tool call after it had begun the next one.")
        pointer = f"/choices/{choice.index}/message/tool_calls/{len(choice.calls)}"
        call = choice.open_call = Call(index, pointer, {})
        choice.calls.append(call)
        return call

    def _collect_function(self, choice: _Choice, piece: Any) -> None:
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

    async def _release(self, choice: _Choice, call: Call) -> dict[str, Any]:
        """A complete call as one delta: inspected, edited, pseudonyms restored. Notes it for the record."""
        raw = "".join(call.text)
        found = arguments.segments(raw, call.text_pointer, Stage.TOOL_CALL, "assistant")
        if call.name != call.sent_name and call.name:
            found.append(call.name_segment())
        found += call.rest_segments()
        verdict = await self._inspect(found)
        if not self.blocked:
            name, text, outer, inner = call.edited(verdict.edits)
            _record(choice, call, outer, {"name": name, call.text_name: text, **inner})
        name, text, outer, inner = call.edited(self._told(found, verdict))
        body: dict[str, Any] = {call.text_name: text, **inner}
        if call.kind == "function_call":
            return {"function": {"name": name, **body}}
        if call.sent_name is None:
            return {"index": call.index, **call.head, **outer, call.kind: {"name": name, **body}}
        return {"index": call.index, **outer, call.kind: body}

    def _told(self, found: list[Segment], verdict: Verdict) -> Sequence[Edit]:
        """The edits of some texts as the caller is to read them, with pseudonyms restored."""
        return restoring(found, verdict.edits, self._vault) if self._vault is not None else verdict.edits

    # --- frames

    def _choice(self, index: Any) -> _Choice:
        if not isinstance(index, int):
            raise UpstreamError("The provider sent a stream chunk with a choice index that is no number.")
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice(index)
        return choice

    def _note(self, chunk: dict[str, Any]) -> None:
        self.started = True
        for name in _TOP:
            if chunk.get(name) is not None:
                self._top.setdefault(name, chunk[name])
        if isinstance(chunk.get("usage"), dict):
            self.usage = chunk["usage"]

    def _frame(
        self,
        index: int,
        delta: dict[str, Any],
        finish: str | None = None,
        beside: dict[str, str] | None = None,
    ) -> bytes:
        """A chunk of our own, in the provider's name."""
        choices = [{"index": index, "delta": delta, "finish_reason": finish, **(beside or {})}]
        return sse.event(orjson.dumps({**self._base(), "choices": choices}))

    def _base(self) -> dict[str, Any]:
        return {**self._top, "object": "chat.completion.chunk"}


def _parse(payload: bytes) -> dict[str, Any]:
    try:
        chunk = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise UpstreamError("The provider sent a stream chunk that is not valid JSON.") from None
    if not isinstance(chunk, dict):
        raise UpstreamError("The provider sent a stream chunk that is not a JSON object.")
    if chunk.get("error"):
        raise in_band(chunk["error"])
    for part in _list(chunk.get("choices")):
        if not isinstance(part, dict) or not isinstance(part.get("delta"), dict | None):
            raise UpstreamError("The provider sent a stream chunk with a choice that is none.")
    return chunk


def _list(value: Any) -> list[Any]:
    if value is not None and not isinstance(value, list):
        raise UpstreamError("The provider sent a stream chunk whose choices are no array.")
    return value or []


def _says_something(chunk: dict[str, Any]) -> bool:
    """Whether a chunk still carries anything once its held texts are taken out."""
    choices = chunk.get("choices")
    if not choices or chunk.get("usage") or any(chunk[name] for name in chunk.keys() - _CHUNK_SKIP):
        return True
    return any(
        part.get("delta") or part.get("finish_reason") or any(part[name] for name in part.keys() - _PART_SKIP)
        for part in choices
    )


def _scalars(value: Any) -> dict[str, Any]:
    """The members of an object that say which element of a list it is, and of what kind."""
    if not isinstance(value, dict):
        return {}
    names = ("type", "index", "id", "format")
    return {name: value[name] for name in names if isinstance(value.get(name), str | int)}


def _put(holder: dict[str, Any], path: Path, text: str, siblings: list[dict[str, Any]]) -> None:
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


def _record(choice: _Choice, call: Call, outer: dict[str, Any], body: dict[str, Any]) -> None:
    if call.kind == "function_call":
        choice.recorded["function_call"] = body
        return
    calls = choice.recorded.setdefault("tool_calls", [])
    calls.append({"type": "function", **call.head, **outer, call.kind: body})
