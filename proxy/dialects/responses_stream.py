"""A streamed response: events of the provider in, frames for the caller out, nothing forbidden between.

Each text that comes in deltas is a lane with its own StreamGuard; what a tool is called with is kept until it is
complete. Every other event is inspected as a whole, each of its texts once: where an event repeats what came
before (`*.done`, `response.completed`), it is told as that was told. An event in which nothing had to change
leaves as the provider wrote it; the others are numbered on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from guardrails import arguments
from guardrails.conversation import NOTHING_SAID, Conversation, ToolCall
from guardrails.pseudonyms import Vault, restoring
from guardrails.types import Edit, Segment, Stage, Verdict, merge
from proxy import sse
from proxy.dialects import responses_calls, responses_lanes
from proxy.dialects.chat_calls import MAX_TOOL_CALL
from proxy.dialects.chat_words import counts, plain
from proxy.dialects.openai_errors import in_band
from proxy.dialects.reply_body import reply_object
from proxy.dialects.responses import tool_names
from proxy.dialects.responses_edits import apply_edits
from proxy.dialects.responses_event_texts import Piece, event_texts
from proxy.dialects.responses_events import Event, named, spells
from proxy.dialects.responses_lanes import Item, Lane, bare, base, is_kept, item_base, kind_of, lane_pointer
from proxy.dialects.responses_reply import FILTERED, finish_reasons
from proxy.dialects.responses_texts import is_call, kind
from proxy.dialects.responses_words import MEMBERS
from proxy.dialects.texts import MEMBER
from proxy.dialects.verbatim import Verbatim
from proxy.errors import UpstreamError

if TYPE_CHECKING:
    from guardrails.engine import Guard

_TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})
_Key = tuple[str, str, str]
_Edits = tuple[list[Edit], list[Edit]]
"""Edits of one text: as it is stored, and as the caller reads it."""


class ResponsesStream:
    """The guard of one streamed response. `feed` each payload in order, then `end`; stop when `blocked`."""

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
        """The provider said `[DONE]`, which this API has no need of."""
        self.usage: dict[str, Any] | None = None
        self._guard, self._vault, self._conversation = guard, vault, conversation
        self._structured = structured
        self._sent = frozenset(conversation.sent)
        """What a reply may repeat of the request: that was inspected there."""
        self._known: dict[_Key, _Edits] = {}
        """What was decided on each text, by (pointer, within, text)."""
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._items: dict[int, Item] = {}
        self._names: dict[str, str] = {}
        self._called: set[str] = set()
        """Pointers of the calls that were looked at."""
        self._verdicts: list[Verdict] = []
        self._response: Item | None = None
        """The response as it was told last."""
        self._ended = False
        self._waiting: list[tuple[bytes, Event]] = []
        """Events since a call opened whose name has to wait for the whole call."""
        self._open: set[str] = set()
        self._size = 0
        self._number: int | None = None
        """The number of the event that left last, if they are numbered."""
        self._verbatim = Verbatim()

    # --- in and out

    async def feed(self, payload: bytes) -> bytes:
        """The frames that may leave after this payload. Raises UpstreamError when it is no event."""
        if payload == sse.DONE:
            self.done = True
            return sse.event(payload) if self._ended else b""
        event = _parse(payload)
        self.started = True
        if self._waits(payload, event):
            return b""
        ready, self._waiting, self._size = [*self._waiting, (payload, event)], [], 0
        frames: list[bytes] = []
        if len(ready) > 1:
            await self._judge(each for _, each in ready)
        for written, each in ready:
            frames += await self._told(written, each)
        return b"" if self.blocked else b"".join(frames)

    async def end(self) -> bytes:
        """The frames still held when the provider has ended. Look at `blocked`, then at `broken`."""
        own = await self._close(list(self._lanes.values()), complete=False)
        if self.blocked:
            return b""
        if self._exact:
            self._verbatim.settle()
            return self._anew()
        return b"".join([self._anew(), *map(self._own, own)])

    @property
    def broken(self) -> str | None:
        """Why the ended stream is no whole answer, or None when it is one."""
        if self._ended:
            return None
        if not self.started:
            return "The provider's stream ended without an answer."
        return "The provider's stream ended before the answer was complete."

    def block(self) -> bytes:
        """The frames that end a blocked stream: the response as far as it was told, incomplete and filtered."""
        frames, told = [self._anew()], self._whole(safe=False)
        if self._response is None:
            begun = {**told, "status": "in_progress", "incomplete_details": None, "output": []}
            frames.append(self._own({"type": "response.created", "response": begun}))
        return b"".join([*frames, self._own({"type": "response.incomplete", "response": told})])

    # --- what is recorded

    def verdict(self) -> Verdict:
        """What was found in all that came so far."""
        lanes = (lane.guard for lane in self._lanes.values())
        return merge([*self._verdicts, *(guard.verdict for guard in lanes if guard is not None)])

    @property
    def model(self) -> str | None:
        """The model that the provider says answered."""
        return plain(self._response.safe.get("model")) if self._response else None

    def finish_reasons(self) -> tuple[str, ...]:
        """Why the response is incomplete, else its status; nothing before it ended."""
        if self.blocked:
            return ("content_filter",)
        return finish_reasons(self._response.safe) if self._ended and self._response else ()

    def response(self) -> dict[str, Any] | None:
        """What left so far, as one whole response with pseudonyms in place; None before the first event."""
        return self._whole(safe=True) if self.started else None

    def _whole(self, safe: bool) -> dict[str, Any]:
        known: dict[str, Any] = {"object": "response"}
        if self._response is not None:
            known = self._response.safe if safe else self._response.told
        if self._ended and isinstance(known.get("output"), list) and not self.blocked:
            return known
        output = responses_lanes.output(self._items, self._lanes.values(), safe)
        return {**known, "output": output, **(FILTERED if self.blocked else {})}

    # --- calls that are judged as a whole

    def _waits(self, payload: bytes, event: Event) -> bool:
        """Whether an event has to wait for a call to be complete; if so it is kept."""
        type_, item, at = event.get("type"), event.get("item"), item_base(event)
        if type_ == "response.output_item.added" and isinstance(item, dict) and is_call(kind(item)):
            if self._guard.judges(Stage.TOOL_CALL):
                self._open.add(at)
        elif type_ == "response.output_item.done":
            self._open.discard(at)
        elif type_ in _TERMINAL:
            self._open.clear()
        if not self._open:
            return False
        self._size += len(payload)
        if self._size > 2 * MAX_TOOL_CALL:
            raise UpstreamError("The provider sent a tool call without end.")
        self._waiting.append((payload, event))
        return True

    async def _judge(self, events: Iterable[Event]) -> None:
        """Decides on calls that are complete, before what came of them earlier is told."""
        for event in events:
            item = event.get("item")
            if (
                event.get("type") == "response.output_item.done"
                and isinstance(item, dict)
                and is_call(kind(item))
            ):
                await self._learn(event_texts(event, self._names), self._new_calls(event))

    # --- one event

    async def _told(self, payload: bytes, event: Event) -> list[bytes]:
        """The frames that tell of an event: none for a held piece, more than one where held text goes first."""
        if self.blocked:
            return []
        kind_, last = kind_of(event)
        if self._ended and last == "delta":
            raise UpstreamError("The provider sent text for a response it had already finished.")
        if last == "delta" and kind_ != "audio":
            return await self._delta(payload, event, kind_)
        before: list[Event] = []
        if last == "done" or event.get("type") in _TERMINAL:
            before = await self._close(self._closing(event, kind_))
        pieces = event_texts(event, self._names)
        await self._learn(pieces, self._new_calls(event))
        if self.blocked:
            return []
        told = self._edited(event, pieces, safe=False)
        self._note(event, pieces, told)
        if told == event and self._exact:
            return [self._ready(payload, event)]
        return [self._anew(), *map(self._own, before), self._frame(event, told, payload)]

    async def _delta(self, payload: bytes, event: Event, kind_: str) -> list[bytes]:
        """A piece of a text: guarded in its lane. Whatever else the event says is inspected with it."""
        laned = [
            name
            for name, value in event.items()
            if isinstance(value, str) and value and (name == "delta" or name not in MEMBERS)
        ]
        beside = {name: None if name in laned else value for name, value in event.items()}
        pieces = event_texts({**beside, "delta": beside.get("delta")}, self._names, said=event.get("delta"))
        await self._learn(pieces, [])
        told = self._edited(beside, pieces, safe=False)
        held, clean, honest = True, True, spells(event)
        same, cut = told == beside and honest, dict(event)
        for name, now in zip(event, list(told), strict=True):
            if name in laned:
                lane = self._lane(told, kind_, now)
                told[now] = self._push(lane, event[name])
                self._verbatim.mark(lane, event[name] if lane.guard else None, cut, name)
                clean &= lane.clean
                held &= not told[now]
        if self.blocked:
            return []
        if same and self._exact:
            return [self._ready(payload, cut)]
        anew = self._anew()
        if told == event and honest and (clean or not event.get("logprobs")):
            return [anew, self._frame(event, told, payload)]
        if laned and held and not self._says_more(told, laned):
            return [anew]
        if told.get("logprobs"):
            told["logprobs"] = []  # they spell the text that was replaced
        told.pop("obfuscation", None)  # its length tells the length of that text
        return [anew, self._frame(event, told, None)]

    def _says_more(self, event: Event, laned: Iterable[str]) -> bool:
        """Whether an event whose texts are held says anything beside them."""
        return any(event.get(name) for name in event.keys() - MEMBERS - {*laned})

    def _lane(self, event: Event, kind_: str, member: str) -> Lane:
        pointer = lane_pointer(event, kind_, member)
        lane = self._lanes.get((kind_, pointer))
        if lane is None:
            guard = None
            if not is_kept(kind_):
                quoting = self._structured and kind_ == "output_text"
                vault = self._vault.in_json() if quoting and self._vault is not None else self._vault
                guard = self._guard.stream(pointer, vault, "assistant", self._conversation)
            lane = Lane(pointer, kind_, member, bare(event), guard)
            self._lanes[kind_, pointer] = lane
        return lane

    def _push(self, lane: Lane, text: str) -> str:
        if lane.ended:
            raise UpstreamError("The provider sent text for a part it had already finished.")
        lane.take(text)
        out = ""
        if lane.guard is not None:
            out = lane.guard.push(text)
            self.blocked |= lane.guard.blocked
            lane.leaves(text, out)
        elif lane.came > MAX_TOOL_CALL:
            raise UpstreamError("The provider sent a tool call without end.")
        lane.clean &= out == text
        if out:
            lane.told.append(out)
        return out

    # --- ends of texts

    def _closing(self, event: Event, kind_: str) -> list[Lane]:
        """The lanes that an event ends: those of its item or part; all of them at the end of the response."""
        if event.get("type") in _TERMINAL:
            return list(self._lanes.values())
        at = base(event)
        return [
            lane
            for lane in self._lanes.values()
            if (lane.pointer.startswith(at + "/") if at else lane.kind == kind_)
        ]

    async def _close(self, lanes: list[Lane], complete: bool = True) -> list[Event]:
        """Ends lanes; events with what they still held. A call that is not complete never leaves."""
        own = []
        for lane in lanes:
            if lane.ended or (lane.guard is None and not complete):
                continue
            lane.ended = True
            rest = await self._rest(lane)
            lane.leaves("" if lane.guard else "".join(lane.raw), rest, last=True)
            if rest and not self.blocked:
                lane.told.append(rest)
                text = {} if lane.member == "delta" else {"delta": ""}
                own.append({**lane.event, **text, lane.member: rest})
        return own

    async def _rest(self, lane: Lane) -> str:
        raw = "".join(lane.raw)
        if lane.guard is None:
            return await self._called_with(lane, raw)
        rest = await lane.guard.finish()
        self.blocked |= lane.guard.blocked
        told = "".join(lane.told) + rest
        found = self._known.setdefault((lane.pointer, "", raw), ([], []))
        found[0][:] = [Edit(lane.pointer, 0, len(raw), lane.recorded)] if lane.recorded != raw else []
        found[1][:] = [Edit(lane.pointer, 0, len(raw), told)] if told != raw else []
        return rest

    async def _called_with(self, lane: Lane, raw: str) -> str:
        """What a tool is called with, as it may leave: inspected when it is complete."""
        owner, _, member = lane.pointer.rpartition("/")
        if member == "arguments":
            found = arguments.segments(raw, lane.pointer, Stage.TOOL_CALL, "assistant")
        else:
            found = [Segment(raw, lane.pointer, Stage.TOOL_CALL, "assistant")]
        index = owner.rpartition("/")[2]
        item = self._items.get(int(index)) if index.isdigit() else None
        asked = {**(item.safe if item else {"type": "function_call"}), member: raw}
        call = responses_calls.call(asked, owner)
        piece = Piece(member, owner, tuple(found))
        await self._learn([piece], self._not_called([call] if call else []))
        if self.blocked:
            return ""  # nothing was edited in it, so nothing of it may be kept
        lane.kept = str(self._edited({member: raw}, [piece], safe=True)[member])
        return str(self._edited({member: raw}, [piece], safe=False)[member])

    # --- decisions

    def _new_calls(self, event: Event) -> list[ToolCall]:
        """The complete calls that an event tells of and that were not looked at before."""
        type_, item, response = event.get("type"), event.get("item"), event.get("response")
        if type_ == "response.output_item.done":
            call = responses_calls.call(item, item_base(event))
            return self._not_called([call] if call else [])
        if type_ in _TERMINAL and isinstance(response, dict) and isinstance(response.get("output"), list):
            return self._not_called(responses_calls.calls(response["output"], "/output"))
        return []

    def _not_called(self, calls: list[ToolCall]) -> list[ToolCall]:
        new = [call for call in calls if call.pointer not in self._called]
        self._called |= {call.pointer for call in new}
        return new

    async def _learn(self, pieces: Sequence[Piece], calls: list[ToolCall]) -> None:
        """Decides on every text that was not decided on before."""
        new = {
            _key(found): found for piece in pieces for found in piece.found if _key(found) not in self._known
        }
        if calls:
            self._conversation = self._conversation.calling(calls)
        while new:
            # One text a place at a time: an odd event can hold two for the same one.
            places = {(found.pointer, found.within): key for key, found in reversed(new.items())}
            await self._decide([new.pop(key) for key in reversed(places.values())])

    async def _decide(self, found: list[Segment]) -> None:
        """Decides on texts of different places."""
        asked = [each for each in found if each not in self._sent]
        verdict = await self._guard.inspect(asked, self._vault, reply=True, conversation=self._conversation)
        if verdict.findings or verdict.failures:
            self._verdicts.append(verdict)
        self.blocked |= bool(verdict.blocked_by)
        places = {(each.pointer, each.within): self._known.setdefault(_key(each), ([], [])) for each in found}
        for edit in verdict.edits:
            places[edit.pointer, edit.within][0].append(edit)
        for edit in self._restored(found, verdict.edits):
            places[edit.pointer, edit.within][1].append(edit)

    def _restored(self, found: list[Segment], edits: Sequence[Edit]) -> Sequence[Edit]:
        """The edits of some texts as the caller is to read them, with pseudonyms restored."""
        if self._vault is None:
            return edits
        given = [each for each in found if each.within != MEMBER]
        quoted = [
            e.pointer
            for e in given
            if self._structured and e.pointer.endswith("/text") and "/content/" in e.pointer
        ]
        return restoring(given, edits, self._vault, quoted)

    def _edited(self, event: Event, pieces: Iterable[Piece], safe: bool) -> Event:
        """An event with what was decided on its texts; logprobs go where a text of theirs changes."""
        told = dict(event)
        for piece in pieces:
            edits = [edit for found in piece.found for edit in self._known[_key(found)][0 if safe else 1]]
            if not edits:
                continue
            if told.get("logprobs"):
                told["logprobs"] = []
            if piece.whole:
                told[piece.member] = apply_edits(told[piece.member], edits, piece.root)
            elif piece.member != "logprobs":
                made = apply_edits({piece.member: told[piece.member]}, edits, piece.root)
                told = _replaced(told, piece.member, made)
        return told

    # --- what is known, and frames

    def _note(self, event: Event, pieces: Sequence[Piece], told: Event) -> None:
        """Keeps what an event says of the response or of an item."""
        type_, item, response = event.get("type"), event.get("item"), event.get("response")
        index = event.get("output_index")
        if isinstance(item, dict) and isinstance(told.get("item"), dict) and isinstance(index, int):
            self._names |= tool_names([item])
            safe = self._edited(event, pieces, safe=True)["item"]
            self._items[index] = Item(safe, told["item"], type_ == "response.output_item.done")
        self._ended |= type_ in _TERMINAL
        if isinstance(response, dict) and isinstance(told.get("response"), dict):
            safe = self._edited(event, pieces, safe=True)["response"]
            self._response = Item(safe, told["response"], self._ended)
            self.usage = counts(response.get("usage"), MEMBERS) or self.usage

    def _frame(self, event: Event, told: Event, payload: bytes | None) -> bytes:
        """An event on its way out: the provider's own bytes when nothing had to change."""
        number = event.get("sequence_number")
        if isinstance(number, int):
            after = number if self._number is None else max(number, self._number + 1)
            self._number = after
            if after != number:
                told = {**told, "sequence_number": after}
        same = payload is not None and told == event
        return named(told.get("type"), payload if same and payload is not None else orjson.dumps(told))

    @property
    def _exact(self) -> bool:
        """Whether the stream is told as it was written, and nothing of it had to change."""
        return self._verbatim.on and all(lane.exact for lane in self._lanes.values())

    def _ready(self, payload: bytes, event: Event) -> bytes:
        """The events that may leave as they were written, once nothing had to change in this one."""
        if isinstance(number := event.get("sequence_number"), int):
            self._number = number
        self._verbatim.add(self._new(named(event.get("type"), payload), number), event)
        out = b"".join(self._verbatim.ready())
        return out + self._anew() if self._verbatim.full else out

    def _anew(self) -> bytes:
        """What waited as it was written, as far as it may leave; from here on events are told anew."""
        if not self._verbatim.on:
            return b""
        frames = []
        for one in self._verbatim.give_up():
            if not isinstance(one, dict):
                frames.append(one)
            elif one.get("delta") or self._says_more(one, ()):
                one.pop("obfuscation", None)
                if one.get("logprobs"):
                    one["logprobs"] = []
                frames.append(self._new(named(one["type"], orjson.dumps(one)), one.get("sequence_number")))
        return b"".join(frames)

    def _new(self, frame: bytes, number: int | None) -> bytes:
        """A frame of that number, if the caller is to have it."""
        return frame

    def _own(self, event: Event) -> bytes:
        """An event of our own, numbered on where the provider numbers."""
        if self._number is not None:
            self._number += 1
            event = {**event, "sequence_number": self._number}
        return named(event["type"], orjson.dumps(event))


def _key(found: Segment) -> _Key:
    return found.pointer, found.within, found.text


def _replaced(event: Event, member: str, made: Event) -> Event:
    """The event with another member in place of one."""
    place = [*event].index(member)
    members = [*event.items()]
    return dict([*members[:place], *made.items(), *members[place + 1 :]])


def _parse(payload: bytes) -> Event:
    """The event that a payload holds. Raises UpstreamError when it is none, or tells of an error."""
    event = reply_object(payload, "An event of the provider's stream")
    if not isinstance(event.get("type", ""), str):
        raise UpstreamError("The provider sent a stream event that is none.")
    if event.get("type") == "error" or ("response" not in event and event.get("error")):
        raise in_band(event.get("error") or event)
    return event
