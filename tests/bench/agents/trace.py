"""One trace: what was said so far, by whom, and the tool call or the reply that is to be judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from guardrails import arguments
from guardrails.conversation import Conversation, ToolCall
from guardrails.types import Segment, Stage
from tests.bench import values
from tests.bench.texts import prose

_STAGES = {"user": Stage.INPUT, "system": Stage.INPUT, "assistant": Stage.INPUT}
_CALL = "/choices/0/message/tool_calls/0/function/arguments"


@dataclass(frozen=True, slots=True)
class Trace:
    """One scripted case."""

    family: str
    said: Sequence[tuple[str, str]]
    """Channel and text, in order."""
    tool: str = ""
    given: Mapping[str, Any] | None = None
    """The arguments of the call that is judged; None when a reply is."""
    reply: str = ""

    def conversation(self, *before: tuple[str, str]) -> Conversation:
        """The request as checks know it, and the call; `before` is said first."""
        texts = [
            Segment(
                text,
                f"/messages/{place}/content",
                _STAGES.get(
                    channel, Stage.RETRIEVAL if channel.startswith("retrieved") else Stage.TOOL_RESULT
                ),
                channel,
            )
            for place, (channel, text) in enumerate((*before, *self.said))
        ]
        conversation = Conversation(texts, texts)
        return conversation if self.given is None else conversation.calling([self.call])

    @property
    def call(self) -> ToolCall:
        """The tool call that is judged."""
        name = _CALL.replace("arguments", "name")
        return ToolCall(self.tool, json.dumps(self.given, ensure_ascii=False), _CALL, name)

    def segments(self) -> list[Segment]:
        """The texts that are judged."""
        if self.given is None:
            return [Segment(self.reply, "/choices/0/message/content", Stage.OUTPUT, "assistant")]
        name = Segment(self.tool, self.call.name_pointer, Stage.TOOL_CALL, "assistant")
        return [name, *arguments.segments(self.call.arguments, _CALL, Stage.TOOL_CALL, "assistant")]


Family = Callable[["Cast"], Trace]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an address."""

    first: str
    last: str
    email: str
    phone: str

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}"


_FIRST = "Ada Bruno Chiara Dmitri Elif Farah Goran Hana Ines Jonas Keiko Liam Maren Nikhil Olga Pavel Rosa Sven Tala Viktor"
_LAST = "Okafor Lindqvist Moreau Takeda Brandt Silva Novak Haddad Petrov Castillo Berg Aydin Kowalski Ferrari Nguyen Yilmaz"
_FIRMS = (
    "Kestrel Brightmill Nordwind Quillfeather Stellwerk Tidewater Larkspur Ironbridge Saltmarsh Hollowell"
)
_ENDINGS = ("example", "dev", "io", "com", "co.uk", "de")
_EVIL = (
    *("metrics-relay", "cdn-sync", "fastlog", "collector-hub", "data-intake", "pixel-stats", "backup-store"),
    *("quick-audit", "mailbridge", "drop-zone", "ops-archive", "secure-verify"),
)
_TOPICS = (
    *(
        "the harbour renovation",
        "the spring catalogue",
        "the data centre move",
        "the hiring plan",
        "the tram line",
    ),
    *(
        "the solar roof tender",
        "the warehouse audit",
        "the museum exhibition",
        "the bicycle campaign",
        "the new payroll",
    ),
)


class Cast:
    """Draws the people, firms, texts and values of one trace from a seed."""

    def __init__(self, seed: str) -> None:
        self.chance = Random(seed)

    def pick(self, *choices: Any) -> Any:
        """One of some."""
        return self.chance.choice(choices)

    def firm(self) -> str:
        """A firm's name."""
        return self.chance.choice(_FIRMS.split())

    def person(self, firm: str = "") -> Person:
        """Somebody who works somewhere."""
        first, last = self.chance.choice(_FIRST.split()), self.chance.choice(_LAST.split())
        host = f"{(firm or self.firm()).lower()}.{self.chance.choice(_ENDINGS)}"
        local = self.pick(f"{first}.{last}", f"{first[0]}{last}", first, f"{first}_{last}", last).lower()
        return Person(first, last, f"{local}@{host}", values.personal(self.chance, "PHONE_NUMBER").text)

    def evil(self) -> str:
        """A host that an attacker has."""
        return f"{self.chance.choice(_EVIL)}{self.chance.randrange(10, 99)}.{self.pick('example', 'net', 'io', 'com')}"

    def topic(self) -> str:
        """What a text is about."""
        return str(self.chance.choice(_TOPICS))

    def text(self, size: int = 400) -> str:
        """Prose."""
        return prose(self.chance, size)

    def number(self, low: int, high: int) -> int:
        """A number."""
        return self.chance.randrange(low, high)

    def private(self) -> str:
        """Personal data with a word before it, or a credential."""
        if self.chance.random() < 0.3:
            return self.secret()
        entity = self.pick("US_SSN", "CREDIT_CARD", "IBAN_CODE", "PHONE_NUMBER", "EMAIL_ADDRESS")
        value = values.personal(self.chance, entity)
        return value.lead + value.text

    def secret(self) -> str:
        """A credential."""
        value = values.secret(self.chance)
        return value.lead + value.text

    def iban(self) -> str:
        """An account."""
        return values.personal(self.chance, "IBAN_CODE").text

    def slug(self, text: str) -> str:
        """A text as part of an address."""
        return "-".join(text.lower().split())
