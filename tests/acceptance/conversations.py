"""Made-up conversations through the guardrails: every value is known, so every mistake is seen.

A model that echoes and reformats pseudonyms answers a client that sends its whole history back, turn by turn,
as applications do. What a detector misses is not measured here: the planted values are always found.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import orjson

from guardrails.check import BUILT_IN, Check, TextScanner, in_process
from guardrails.engine import Guard
from guardrails.policy import parse
from guardrails.pseudonyms import LOOKALIKE, Vault
from guardrails.types import Span, Style
from proxy.dialects import chat, chat_reply
from proxy.dialects.chat_stream import ChatStream
from proxy.dialects.instruction import first_token

KEY = b"conversations"

VALUES = {
    "EMAIL_ADDRESS": [
        "ada@example.com",
        "ada@example.co",
        "ADA@example.com",
        "ada.b@example.com",
        "ada@example.com.au",
    ],
    "PHONE_NUMBER": [
        "+1 415 867 5309",
        "(415) 867-5309",
        "415-867-5309",
        "+44 20 7123 4567",
        "+49 30 901820",
    ],
    "CREDIT_CARD": ["4111 1111 1111 1111", "4111111111111111", "3782 822463 10005"],
    "US_SSN": ["123-45-6789", "123-45-6780"],
    "IBAN_CODE": ["DE89 3704 0044 0532 0130 00", "DE89370400440532013000", "GB82 WEST 1234 5698 7654 32"],
    "IP_ADDRESS": ["10.0.0.1", "10.0.0.11", "fe80::1"],
    "PERSON": [
        "Ada Byron",
        "Ada Byron Lovelace",
        "Byron",
        "Zoë Müller-Lüdenscheidt",
        "王小明",
        'Ann "Bo" O\'Neil\\x',
    ],
    "DATE_OF_BIRTH": ["1990-01-02", "02.01.1990", "January 2, 1990"],
    "CRYPTO": ["bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"],
    "CASE": ["case 7", "case 77"],
}
"""Values of one kind resemble, contain or equal each other in another spelling."""

WAYS: tuple[Callable[[str], str], ...] = (
    str,
    str,
    str.lower,
    str.title,
    str.upper,
    lambda token: token.replace("_", "\\_"),
    lambda token: token.replace("_", " "),
    lambda token: token.replace("_", "-"),
    lambda token: token[:-4] + "\n" + token[-4:],
)
"""How a model may write a token."""

AROUND = (
    "{}",
    "`{}`",
    "**{}**",
    '"{}"',
    "({})",
    "<{}>",
    "- {}\n",
    "| {} |",
    "{}'s",
    "，{}。",
    "[{}](x)",
    "{}, ",
)
PROSE = (
    "Dear all,",
    "please write to",
    "Ünïcode 😀 and 漢字",
    "```python\nprint('e')\n```",
    "see email, e-mail address 7",
    "EMAIL_ADDRESS_",
    "*PERSON*",
    "4111 is",
    "card no.",
    "\n\n## Title\n",
    "Grace",
    "example.com",
)

POLICY = {
    "name": "conversations",
    "rules": [
        {
            "id": "planted",
            "check": "planted",
            "stages": ["input", "tool_call", "tool_result", "retrieval"],
            "action": "pseudonymize",
        },
        {
            "id": "numbers",
            "check": "pii",
            "with": {"entities": ["CREDIT_CARD", "US_SSN", "IBAN_CODE"]},
            "stages": ["output"],
            "action": "redact",
        },
    ],
}


class Planted(TextScanner):
    """Finds the values of VALUES, the longest first, where no word goes on with them."""

    context = 1

    def __init__(self) -> None:
        self._kinds = {value: entity for entity, values in VALUES.items() for value in values}
        ordered = sorted(self._kinds, key=len, reverse=True)
        self._pattern = re.compile(
            r"(?<![\w@.+-])(?:{})(?!\w|[.@-]\w)".format("|".join(map(re.escape, ordered)))
        )

    def scan(self, text: str, start: int = 0) -> list[Span]:
        """Spans in text[start:]."""
        return [Span(*found.span(), self._kinds[found[0]]) for found in self._pattern.finditer(text, start)]

    def hold(self, text: str, start: int = 0) -> int:
        """The start: it is never asked about streams."""
        return start


@in_process()
def planted() -> Check:
    """Factory of Planted."""
    return Planted()


def guard(style: Style) -> Guard:
    """A guard whose rule for requests finds exactly the planted values."""
    known = dict(BUILT_IN)
    BUILT_IN["planted"] = f"{__name__}:planted"
    try:
        rules = [{**POLICY["rules"][0], "style": style}, POLICY["rules"][1]]  # type: ignore[dict-item]
        return Guard(parse(json.dumps({**POLICY, "rules": rules})), KEY)
    finally:
        BUILT_IN.clear()
        BUILT_IN.update(known)


@dataclass
class Tally:
    """What was counted over some conversations. Everything below `values` is a fault."""

    conversations: int = 0
    turns: int = 0
    values: int = 0
    """Pseudonyms that the model wrote and that stood for a value of the caller's."""
    texts_wrong: int = 0
    """Texts that did not come back exactly as they had to."""
    placeholders_visible: int = 0
    swapped: int = 0
    """Values in a text that nobody wrote into it."""
    raw_at_provider: int = 0
    system_values_at_client: int = 0
    prefixes_broken: int = 0
    json_broken: int = 0

    def faults(self) -> dict[str, int]:
        """Every fault that was seen, with its count."""
        found = {each.name: getattr(self, each.name) for each in fields(self)[3:]}
        return {name: count for name, count in found.items() if count}


@dataclass
class Conversation:
    """One client, one model, several turns."""

    chance: random.Random
    guard: Guard
    style: Style
    tally: Tally
    tenant: str = "acme"
    messages: list[dict[str, Any]] = field(default_factory=list)
    """What the client knows."""
    sent: list[Any] = field(default_factory=list)
    """What the provider was sent last."""
    own: dict[str, str] = field(default_factory=dict)
    """The caller's values and their kinds, as far as they were written."""
    hidden: dict[str, str] = field(default_factory=dict)
    """Values that stand in the system prompt alone."""
    told: list[str] = field(default_factory=list)
    """Texts that look like pseudonyms: of this tenant's values, and of another's."""
    typed: list[str] = field(default_factory=list)
    """Those of them that the caller wrote."""
    pattern: re.Pattern[str] = field(default_factory=lambda: Planted()._pattern)

    async def run(self, turns: int) -> None:
        """The whole conversation."""
        kinds = {value: kind for kind, values in VALUES.items() for value in values}
        drawn = self.chance.sample(sorted(kinds), self.chance.randint(2, 9))
        cut = self.chance.randint(0, min(2, len(drawn) - 1))
        self.hidden = {value: kinds[value] for value in drawn[:cut]}
        shared = drawn[cut:]
        if self.chance.random() < 0.7:
            system = self._written([*self.hidden, *self.chance.sample(shared, min(1, len(shared)))])
            self.messages.append({"role": "system", "content": system or "Be kind."})
        else:
            self.hidden = {}
        for turn in range(turns):
            fresh = shared[: 1 + turn * 2] if self.chance.random() < 0.8 or turn else []
            self._user({value: kinds[value] for value in fresh})
            await self._turn()
        self.tally.conversations += 1

    # --- the client

    def _user(self, values: dict[str, str]) -> None:
        told = [self.chance.choice(self.told)] if self.told and self.chance.random() < 0.2 else []
        text = self._written([*values], told)
        if self.messages and self.messages[-1].get("tool_calls"):
            call = self.messages[-1]["tool_calls"][0]
            if self.chance.random() < 0.5:
                values = {value: kind for value, kind in values.items() if _is_plain(value)}
                text, told = json.dumps({"found": [*values], "ok": True}), []
            self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": text})
        elif self.chance.random() < 0.7:
            self.messages.append({"role": "user", "content": text})
        else:
            parts = [{"type": "text", "text": text}, {"type": "text", "text": "ok"}]
            self.messages.append({"role": "user", "content": parts})
        self.own |= values
        self.typed += told

    def _written(self, values: Sequence[str], more: Sequence[str] = ()) -> str:
        slots = [*values, *self.chance.choices(values, k=len(values) // 2), *more]
        self.chance.shuffle(slots)
        pieces = [
            f"{self.chance.choice(PROSE)} {self.chance.choice(AROUND).replace('{}', slot)}" for slot in slots
        ]
        return " ".join([*pieces, self.chance.choice(PROSE)])

    # --- one request

    async def _turn(self) -> None:
        structured, streamed = self.chance.random() < 0.15, self.chance.random() < 0.5
        request: dict[str, Any] = {"model": "m", "messages": self.messages}
        if structured:
            request["response_format"] = {"type": "json_object"}
        vault = Vault(KEY, self.tenant, "chat")
        verdict = await self.guard.inspect(chat.segments(request), vault)
        edited = chat.apply_edits(request, verdict.edits) if verdict.edits else request
        sent = chat.outgoing(edited, first_token(verdict.edits, vault))["messages"]
        self._check_sent(sent)
        message, expected = self._reply(vault, structured)
        answer = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        got = await (self._streamed if streamed else self._whole)(answer, vault, structured)
        self._check_reply(got, expected)
        self.messages = [*self.messages, got]
        self.tally.turns += 1

    async def _whole(self, answer: dict[str, Any], vault: Vault, structured: bool) -> dict[str, Any]:
        verdict = await self.guard.inspect(chat_reply.reply_segments(answer), vault, reply=True)
        told = chat_reply.restored(answer, verdict.edits, vault, structured)
        message: dict[str, Any] = told["choices"][0]["message"]
        return message

    async def _streamed(self, answer: dict[str, Any], vault: Vault, structured: bool) -> dict[str, Any]:
        message = answer["choices"][0]["message"]
        stream = ChatStream(self.guard, vault, structured)
        frames = [await stream.feed(orjson.dumps(chunk)) for chunk in self._chunks(message)]
        frames.append(await stream.end())
        got: dict[str, Any] = {"role": "assistant", "content": None}
        for line in b"".join(frames).split(b"\n\n"):
            if not line:
                continue
            for choice in orjson.loads(line.removeprefix(b"data: "))["choices"]:
                delta = choice["delta"]
                if delta.get("content"):
                    got["content"] = (got["content"] or "") + delta["content"]
                for call in delta.get("tool_calls") or ():
                    calls = got.setdefault(
                        "tool_calls",
                        [{"id": "c1", "type": "function", "function": {"name": "", "arguments": ""}}],
                    )
                    for name, piece in (call.get("function") or {}).items():
                        calls[0]["function"][name] += piece
        return got

    def _chunks(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
            return {
                "id": "c",
                "object": "chat.completion.chunk",
                "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
            }

        made = [chunk({"content": piece}) for piece in self._pieces(message["content"] or "")]
        for call in message.get("tool_calls") or ():
            body = call["function"]
            made.append(
                chunk(
                    {
                        "tool_calls": [
                            {
                                "index": 0,
                                "id": call["id"],
                                "type": "function",
                                "function": {"name": body["name"], "arguments": ""},
                            }
                        ]
                    }
                )
            )
            made += [
                chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
                for piece in self._pieces(body["arguments"])
            ]
        return [*made, chunk({}, "stop")]

    def _pieces(self, text: str) -> list[str]:
        pieces, most = [], self.chance.choice((1, 3, 8, 40))
        while text:
            size = self.chance.randint(1, most)
            pieces.append(text[:size])
            text = text[size:]
        return pieces

    # --- the model

    def _reply(self, vault: Vault, structured: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the model says, and what the client has to read."""
        if structured:
            said, heard = self._document(vault, plain=True)
            return {"role": "assistant", "content": said}, {"json": heard}
        said, heard = self._prose(vault)
        message: dict[str, Any] = {"role": "assistant", "content": said}
        expected: dict[str, Any] = {"content": heard}
        if self.chance.random() < 0.35:
            arguments, read = self._document(vault, plain=False)
            message["tool_calls"] = [
                {"id": "c1", "type": "function", "function": {"name": "send", "arguments": arguments}}
            ]
            expected["arguments"] = read
        return message, expected

    def _prose(self, vault: Vault) -> tuple[str, str]:
        said, heard = "", ""
        for _ in range(self.chance.randint(1, 6)):
            prose, around = self.chance.choice(PROSE), self.chance.choice(AROUND)
            written, value = self._pseudonym(vault)
            for text in (prose, " "):
                said, heard = said + text, heard + text
            said, heard = said + around.replace("{}", written), heard + around.replace("{}", value)
            said, heard = said + " ", heard + " "
        return said, heard

    def _document(self, vault: Vault, plain: bool) -> tuple[str, Any]:
        """A JSON text of the model's, and what the client must read in it.

        `plain` is for JSON that comes back as text: detectors do not look behind its escapes, so there are none.
        """
        pairs = [self._pseudonym(vault) for _ in range(self.chance.randint(1, 4))]
        if plain:
            pairs = [(said, heard) for said, heard in pairs if all(map(_is_plain, (said, heard)))] or [
                ("x", "x")
            ]
        ascii_only = self.chance.random() < 0.5
        said = {"to": [pair[0] for pair in pairs], "note": f"for {pairs[0][0]}!", "n": 1}
        heard = {"to": [pair[1] for pair in pairs], "note": f"for {pairs[0][1]}!", "n": 1}
        return json.dumps(said, ensure_ascii=ascii_only), heard

    def _pseudonym(self, vault: Vault) -> tuple[str, str]:
        """A pseudonym that the model has seen, as it writes it, and what the client must read for it."""
        if self.typed and self.chance.random() < 0.2:
            text = self.chance.choice(self.typed)
            return (vault.mint(LOOKALIKE, text, False) if vault.restores(text) else text), text
        known = [*self.own.items(), *self.hidden.items()]
        if not known:
            return "plain", "plain"
        value, kind = self.chance.choice(known)
        pseudonym = vault.mint(kind, value, False, self.style)
        token = vault.mint(kind, value, False)
        written = self.chance.choice(WAYS)(pseudonym) if pseudonym == token else pseudonym
        others = Vault(KEY, "another tenant", "chat").mint(kind, value)
        self.told += [pseudonym, token, others] if len(self.told) < 9 else []
        if value in self.own:
            self.tally.values += 1
            return written, value
        # A system prompt's value: its token stays as the model wrote it, its surrogate is shown as a token.
        return written, written if pseudonym == token else token

    # --- what is checked

    def _check_sent(self, sent: list[dict[str, Any]]) -> None:
        if sent[: len(self.sent)] != self.sent:
            self.tally.prefixes_broken += 1
        self.sent = sent
        texts = json.dumps(sent, ensure_ascii=False)
        self.tally.raw_at_provider += sum(
            1
            for text in _strings(sent)
            for found in self.pattern.findall(text)
            if found in self.own or found in self.hidden
        )
        assert texts

    def _check_reply(self, got: dict[str, Any], expected: dict[str, Any]) -> None:
        if "json" in expected:
            self._check_json(got["content"], expected["json"])
        elif got["content"] != expected["content"]:
            self._wrong(got["content"] or "", expected["content"])
        if "arguments" in expected:
            self._check_json(got["tool_calls"][0]["function"]["arguments"], expected["arguments"])
        whole = json.dumps(got, ensure_ascii=False)
        self.tally.system_values_at_client += sum(
            found in self.hidden and found not in self.own for found in self.pattern.findall(whole)
        )

    def _check_json(self, text: str, expected: Any) -> None:
        try:
            got = json.loads(text)
        except ValueError:
            self.tally.json_broken += 1
            return
        if got != expected:
            self._wrong(text, json.dumps(expected))

    def _wrong(self, got: str, expected: str) -> None:
        self.tally.texts_wrong += 1
        self.tally.placeholders_visible += got != expected and len(re.findall(r"_[0-9a-f]{10}", got)) > len(
            re.findall(r"_[0-9a-f]{10}", expected)
        )
        self.tally.swapped += bool(set(self.pattern.findall(got)) - set(self.pattern.findall(expected)))


def _is_plain(text: str) -> bool:
    """Whether a text is the same inside a JSON string."""
    return json.dumps(text) == f'"{text}"'


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        try:
            inner = json.loads(value)
        except ValueError:
            return [value]
        return [value, *_strings(inner)] if isinstance(inner, dict | list) else [value]
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _strings(inner)]
    return [text for inner in value for text in _strings(inner)] if isinstance(value, list) else []


async def converse(seed: int, judge: Guard, style: Style, tally: Tally, turns: int = 4) -> None:
    """One conversation; the same seed makes the same one."""
    await Conversation(random.Random(seed), judge, style, tally).run(turns)
