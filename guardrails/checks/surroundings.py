"""What a conversation says, by whom: what may leave with anybody, and what came from a source that must not leak."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TypeVar

from guardrails.check import Scanner
from guardrails.checks.copies import Texts, Work, fold
from guardrails.checks.pii import STRUCTURED, pii
from guardrails.checks.secrets import secrets
from guardrails.conversation import Conversation
from guardrails.normalize import views
from guardrails.tokens import DIGITS
from guardrails.types import Segment, Span, Stage

SOURCES = ("tool:*", "retrieved:*")
"""Channels of texts that nobody vouches for."""
TRUSTED = ("user", "system")
"""Channels whose texts may name where something is sent."""

_NOT_PRIVATE = (
    "IP_ADDRESS",
    "MAC_ADDRESS",
    "EU_VAT_NUMBER",
    "SWIFT_CODE",
    "ABA_ROUTING_NUMBER",
    "US_NPI",
    "VIN",
    "IMEI",
)
_TOKEN = re.compile(rf"\b[A-Z][A-Z0-9_]{{1,40}}_[0-9a-f]{{{DIGITS}}}\b")
_PART = re.compile(r"[\w.-]")
_GOES_ON = re.compile(r"[\w-]|\.\w")


_INLINE = 65_536
"""Characters that are compared at once; more go to a thread, so that the event loop lives on."""

_Judged = TypeVar("_Judged")


async def aside(
    judge: Callable[[], _Judged], segments: Sequence[Segment], conversation: Conversation
) -> _Judged:
    """What `judge` returns, from a thread when the conversation and what is judged in it are long."""
    said = (*segments, *conversation.texts)
    if sum(len(each.text) + 64 for each in said) <= _INLINE:
        return judge()
    return await asyncio.to_thread(judge)


def in_channels(channel: str, patterns: Collection[str]) -> bool:
    """Whether a channel is one of some patterns, such as `tool:*`."""
    return channel in patterns or any(fnmatchcase(channel, each) for each in patterns)


class Surroundings:
    """The texts of a conversation by where they came from, folded and indexed when first asked for."""

    def __init__(
        self,
        conversation: Conversation,
        sources: Collection[str] = SOURCES,
        trusted: Collection[str] = TRUSTED,
    ) -> None:
        self._conversation, self._sources, self._trusted = conversation, sources, trusted
        self.work = Work()
        """What may be spent on comparing texts, all in all."""

    @cached_property
    def segments(self) -> Sequence[Segment]:
        """Everything said, as it came and as the model read it; no definitions of tools."""
        said = (*self._conversation.texts, *self._conversation.sent)
        return list(
            {
                (each.pointer, each.within, each.text): each
                for each in said
                if each.stage is not Stage.TOOL_DEFINITION
            }.values()
        )

    def of(self, channels: Collection[str]) -> list[Segment]:
        """What was said in some channels."""
        return [each for each in self.segments if in_channels(each.channel, channels)]

    @cached_property
    def every(self) -> Texts:
        """All of it."""
        return Texts((each.text for each in self.segments), self.work)

    @cached_property
    def private(self) -> Texts:
        """What came from sources, and the system's instructions."""
        return Texts((each.text for each in self.of((*self._sources, "system"))), self.work)

    @cached_property
    def trusted(self) -> Texts:
        """What was said by those who may name where something is sent."""
        return Texts((each.text for each in self.of(self._trusted)), self.work)

    @cached_property
    def _trusted_small(self) -> list[str]:
        return [each.text.lower() for each in self.of(self._trusted)]

    def names(self, host: str) -> bool:
        """Whether a trusted text names a host, or a domain of two labels or more that it is part of."""
        return any(self.mentions(each) for each in _above(host))

    def mentions(self, word: str) -> bool:
        """Whether a trusted text has a word, an address or a host (in lower case) standing by itself."""
        self.work.spend(sum(map(len, self._trusted_small)) + 256 * len(self._trusted_small))
        return any(stands_alone(word, text) for text in self._trusted_small)


def stands_alone(word: str, text: str) -> bool:
    """Whether a text has a word that is no part of a longer word, address or host."""
    at = text.find(word) if word else -1
    while at >= 0:
        last = at + len(word)
        after = text[last : last + 2]
        if not _PART.match(text[max(0, at - 1) : at]) and not _GOES_ON.match(after):
            return True
        at = text.find(word, last)
    return False


class Values:
    """Finds personal data and credentials that stand in a conversation."""

    def __init__(self) -> None:
        entities = [entity for entity in STRUCTURED if entity not in _NOT_PRIVATE]
        personal = pii(entities)
        assert isinstance(personal, Scanner)
        self._scanners: tuple[Scanner, ...] = (secrets(), personal)

    def find(self, text: str) -> list[Span]:
        """Personal data and credentials in a text, and the pseudonyms that stand for such."""
        found = self._scanned(text)
        for view in views(text):
            for span in self._scanned(view.text):
                found.append(replace(span, start=view.start(span.start), end=view.end(span.end)))
        return found + [Span(*token.span(), token[0][: -DIGITS - 1]) for token in _TOKEN.finditer(text)]

    def _scanned(self, text: str) -> list[Span]:
        return [span for scanner in self._scanners for span in scanner.scan(text) if span.score >= 0.5]

    def known(self, text: str, texts: Texts) -> list[Span]:
        """Those that stand in some texts, or share a long stretch with them, however they are written there."""
        found = []
        for span in self.find(text):
            value = text[span.start : span.end]
            if fold(value) in texts.folded or texts.copied(value):
                found.append(span)
        return found


def _above(host: str) -> Iterable[str]:
    labels = host.split(".")
    return (".".join(labels[at:]) for at in range(max(1, len(labels) - 1)))
