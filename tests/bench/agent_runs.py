"""Agent runs as clients really send them: the same prompts, loops, retries, edits and forgetful histories, in three dialects."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

QUESTIONS = tuple(
    f"{verb} the {thing} of order {number} and tell the customer at {name}@example.com."
    for number, (verb, thing, name) in enumerate(
        (verb, thing, name)
        for verb in ("Check", "Cancel")
        for thing in ("status", "invoice", "delivery", "refund", "discount")
        for name in ("ada", "grace")
    )
)
"""What every run begins with: few questions for many runs."""
FOLLOW_UPS = (
    "And the other one?",
    "Please go on.",
    "Why?",
    "Thank you. Do it again for the next order.",
    "ok",
)
TOOLS = ("look_up", "send_mail", "read_file")
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}

Json = dict[str, Any]


@dataclass(slots=True)
class Said:
    """What a model says: text, and the tools it calls as (id, name, arguments)."""

    text: str = ""
    calls: list[tuple[str, str, Json]] = field(default_factory=list)


@dataclass(slots=True)
class Ask:
    """One request, and what its provider is to answer; None: an error."""

    run: str
    path: str
    body: Json
    answer: Said | None
    stream: bool = False


@dataclass(slots=True)
class Habits:
    """How one run's client behaves."""

    dialect: str
    same: bool
    """The model says the same whenever it is asked the same."""
    numbered: bool
    """Its calls are numbered from 1 in each run."""
    reminders: bool
    trims: bool
    parts: bool
    retries: bool
    edits: bool
    regenerates: bool
    streams: bool
    talks: bool
    """No tools at all."""
    forgets_text: bool
    """Keeps a reply's calls, not the text beside them."""


def habits(dice: random.Random) -> Habits:
    """Those of a new run."""

    def now(share: float) -> bool:
        return dice.random() < share

    return Habits(
        dialect=dice.choices(("chat", "responses", "messages"), (5, 3, 3))[0],
        same=now(0.5), numbered=now(0.12), reminders=now(0.3), trims=now(0.1), parts=now(0.3), retries=now(0.1),
        edits=now(0.1), regenerates=now(0.1), streams=now(0.3), forgets_text=now(0.03), talks=now(0.3),
    )  # fmt: skip


@dataclass(slots=True)
class Turn:
    """One turn of a history as its client keeps it."""

    role: str
    """`user`, `model` or `tool`."""
    text: str = ""
    calls: list[tuple[str, str, Json]] = field(default_factory=list)
    id: str = ""


class Agent:
    """One run: give it each reply, take its next request."""

    def __init__(self, name: str, dice: random.Random, parent: Agent | None = None) -> None:
        self.name, self.dice, self.habits = name, dice, habits(dice)
        self.turns: list[Turn] = []
        self.parent = parent
        self._calls = self._children = 0

    def requests(self) -> Iterator[Ask | Agent]:
        """Each request, or a sub-agent that begins now; `send` what the client was answered."""
        dice, mine = self.dice, self.habits
        question = dice.choice(QUESTIONS)
        self.turns.append(Turn("user", question if self.parent is None else f"Sub-task: {question}"))
        for turn in range(dice.randint(1, 8 if mine.talks else 4)):
            for _ in range(0 if mine.talks else dice.choice((0, 1, 2, 4, 7))):
                said = yield from self._asked(self._said(tools=True))
                self._answered(said)
                self.turns += [Turn("tool", f"{call[1]} done", id=call[0]) for call in said.calls]
                if self.parent is None and dice.random() < 0.05:
                    self._children += 1
                    yield Agent(f"{self.name}.{self._children}", dice, self)
            said = yield from self._asked(self._said(tools=False))
            if mine.regenerates and dice.random() < 0.3:
                said = yield from self._asked(self._said(tools=False))
            self._answered(said)
            if mine.edits and turn and dice.random() < 0.5:
                while self.turns[-1].role != "user":
                    self.turns.pop()
                self.turns[-1] = Turn("user", f"{self.turns[-1].text} (now in French)")
                self._answered((yield from self._asked(self._said(tools=False))))
            self.turns.append(Turn("user", dice.choice(FOLLOW_UPS)))

    def _asked(self, answer: Said) -> Iterator[Any]:
        if self.habits.retries and self.dice.random() < 0.2:
            yield self._ask(None)
        said: Said = yield self._ask(answer)
        return said

    def _answered(self, said: Said) -> None:
        text = "" if said.calls and self.habits.forgets_text else said.text
        self.turns.append(Turn("model", text, said.calls))

    def _said(self, tools: bool) -> Said:
        dice = random.Random(repr(self.turns)) if self.habits.same else self.dice
        text = f"Let me see: {dice.choice(TOOLS)} {dice.randint(1, 3 if self.habits.same else 10**9)}."
        if not tools:
            return Said(f" {text} I wrote to TOKEN about it, as you asked me to do. ")
        calls = []
        for _ in range(dice.choice((1, 1, 2))):
            self._calls += 1
            id = f"call_{self._calls}" if self.habits.numbered else f"call_{self.dice.getrandbits(96):024x}"
            calls.append((id, dice.choice(TOOLS), {"order": dice.randint(1, 9), "to": "TOKEN", "é": None}))
        return Said(text if dice.random() < 0.5 else "", calls)

    def _ask(self, answer: Said | None) -> Ask:
        turns = self.turns
        if self.habits.trims and len(turns) > 8:
            # What is left may begin anywhere but with the answer of a call that is gone.
            turns = turns[-7:]
            while turns[0].role == "tool":
                turns = turns[1:]
        path = PATHS[self.habits.dialect]
        body = getattr(self, f"_{self.habits.dialect}")(turns)
        stream = self.habits.streams and self.habits.dialect == "chat"
        return Ask(
            self.name, path, {"model": "m", **body, **({"stream": True} if stream else {})}, answer, stream
        )

    # --- dialects

    def _system(self) -> str:
        return f"You are an agent. It is 10:{self.dice.randint(0, 59):02}:{self.dice.randint(0, 59):02}."

    def _text(self, text: str, kind: str = "text") -> Any:
        return [{"type": kind, "text": text}] if self.habits.parts else text

    def _reminded(self, messages: list[Json]) -> list[Json]:
        if self.habits.reminders:
            at = self.dice.randint(1, len(messages))
            while at < len(messages) and messages[at].get("role") == "tool":
                at += 1
            messages.insert(
                at, {"role": "system", "content": f"Reminder: {self.dice.randint(1, 99)} steps left."}
            )
        return messages

    def _chat(self, turns: list[Turn]) -> Json:
        messages: list[Json] = [{"role": "system", "content": self._system()}]
        for turn in turns:
            if turn.role == "user":
                messages.append({"role": "user", "content": self._text(turn.text)})
            elif turn.role == "tool":
                messages.append({"role": "tool", "tool_call_id": turn.id, "content": turn.text})
            else:
                message: Json = {"role": "assistant", "content": turn.text or None, "refusal": None}
                if turn.calls:
                    message["tool_calls"] = [
                        {"id": id, "type": "function", "function": {"name": name, "arguments": _spaced(told)}}
                        for id, name, told in turn.calls
                    ]
                messages.append(message)
        return {"messages": self._reminded(messages)}

    def _responses(self, turns: list[Turn]) -> Json:
        items: list[Json] = []
        for turn in turns:
            if turn.role == "user":
                items.append({"role": "user", "content": self._text(turn.text, "input_text")})
            elif turn.role == "tool":
                items.append({"type": "function_call_output", "call_id": turn.id, "output": turn.text})
            else:
                if turn.text:
                    content = [{"type": "output_text", "text": turn.text, "annotations": []}]
                    items.append({"type": "message", "role": "assistant", "content": content})
                for id, name, told in turn.calls:
                    call = {"call_id": id, "name": name, "arguments": _spaced(told)}
                    items.append({"type": "function_call", **call})
        return {"instructions": self._system(), "input": items, "store": False}

    def _messages(self, turns: list[Turn]) -> Json:
        messages: list[Json] = []
        for turn in turns:
            role = "assistant" if turn.role == "model" else "user"
            if turn.role == "tool":
                blocks = [{"type": "tool_result", "tool_use_id": turn.id, "content": turn.text}]
            else:
                blocks = [{"type": "text", "text": turn.text.rstrip()}] if turn.text.strip() else []
            blocks += [
                {"type": "tool_use", "id": id, "name": name, "input": told} for id, name, told in turn.calls
            ]
            if messages and messages[-1]["role"] == role:
                messages[-1]["content"] += blocks
            else:
                messages.append({"role": role, "content": blocks})
        if messages:
            messages[-1]["content"][-1]["cache_control"] = {"type": "ephemeral"}
        return {"system": self._system(), "messages": messages, "max_tokens": 100}


def _spaced(told: Json) -> str:
    """Arguments as a framework writes them anew."""
    import json

    return json.dumps(dict(reversed(told.items())), indent=1)
