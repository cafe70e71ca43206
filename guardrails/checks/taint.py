"""Stops flows: what came from a tool or a document goes to a destination that nobody who is trusted named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property

from guardrails.check import Check, ConversationCheck, in_process
from guardrails.checks.carried import Carried, unsaid
from guardrails.checks.copies import SHORTEST, Texts, fold
from guardrails.checks.destinations import Destination, argument, destinations, gives, is_public, is_sink
from guardrails.checks.exfiltration import host_patterns
from guardrails.checks.surroundings import SOURCES, TRUSTED, Surroundings, Values, aside
from guardrails.checks.vouching import Vouched, Vouching
from guardrails.conversation import Conversation, Outside, ToolCall
from guardrails.errors import CheckError
from guardrails.hosts import matches
from guardrails.types import Segment, Span, Stage

UNTRUSTED = "UNTRUSTED_DESTINATION"
TAINTED = "TAINTED_ARGUMENT"
UNSEEN = "UNSEEN_VALUE"

_COPY = 40
"""Letters and digits in a row of a source's text that are a copy of it."""
_SHORT = 6
_PROVIDERS = frozenset(
    """
gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com icloud.com me.com aol.com gmx.com
gmx.net gmx.de web.de mail.com proton.me protonmail.com zoho.com yandex.com yandex.ru mail.ru qq.com 163.com
fastmail.com tutanota.com hey.com
""".split()  # noqa: SIM905
)
"""Domains at which anybody has an address."""


@in_process()
def taint(
    sources: Sequence[str] = SOURCES,
    trusted: Sequence[str] = TRUSTED,
    sinks: Sequence[str] | None = None,
    domains: Sequence[str] = (),
    destinations: Sequence[str] = (),
    unseen: Mapping[str, Sequence[str]] | None = None,
) -> Check:
    """A check of tool calls for data of untrusted sources on its way to untrusted destinations.

    Args:
        sources: channels whose texts nobody vouches for.
        trusted: channels whose texts may name a destination.
        sinks: patterns of names of tools that send; by default known by the words of the name, and by arguments
            such as `to` and `url`.
        domains: hosts of URLs and of e-mail addresses that may be told anything.
        destinations: addresses, accounts and numbers that may be.
        unseen: by pattern of a tool's name, arguments whose values must stand in a trusted text.

    Raises CheckError naming the option that cannot be used.
    """
    if not sources or not trusted:
        raise CheckError("taint: `sources` and `trusted` name at least one channel each.")
    if any(not paths for paths in (unseen or {}).values()):
        raise CheckError("taint: each tool of `unseen` has a list of argument names, such as [iban].")
    return Taint(
        Flows(sources, trusted, sinks, host_patterns("taint", domains), frozenset(map(fold, destinations))),
        unseen or {},
    )


class Flows:
    """What is a source, who is trusted, what sends, and what may be sent to."""

    def __init__(
        self,
        sources: Sequence[str],
        trusted: Sequence[str],
        sinks: Sequence[str] | None,
        domains: frozenset[str],
        allowed: frozenset[bytes],
    ) -> None:
        self.sources, self.trusted, self.sinks = sources, trusted, sinks
        self.domains, self.allowed = domains, allowed


class Taint(ConversationCheck):
    """Judges the tool calls of a conversation, each by its arguments."""

    def __init__(self, flows: Flows, unseen: Mapping[str, Sequence[str]]) -> None:
        self._flows, self._unseen = flows, unseen
        self._values = Values()

    async def judge(
        self, segments: Sequence[Segment], conversation: Conversation, outside: Outside
    ) -> list[list[Span]]:
        """Spans found in each segment. Raises Exhausted when comparing the texts would take too long."""
        return await aside(lambda: self._spans(segments, conversation), segments, conversation)

    def _spans(self, segments: Sequence[Segment], conversation: Conversation) -> list[list[Span]]:
        found: list[list[Span]] = [[] for _ in segments]
        places: dict[str, list[int]] = {}
        for place, segment in enumerate(segments):
            if segment.stage is Stage.TOOL_CALL:
                places.setdefault(segment.pointer, []).append(place)
        known = Surroundings(conversation, self._flows.sources, self._flows.trusted)
        for call in conversation.called:
            chosen = places.get(call.pointer, [])
            judged = _Call(call, [segments[place] for place in chosen], known, self._flows, self._values)
            for place, spans in zip(chosen, judged.spans(self._unseen), strict=True):
                found[place] = spans
        return found


class _Call:
    """One tool call beside the conversation it stands in."""

    def __init__(
        self, call: ToolCall, segments: Sequence[Segment], known: Surroundings, flows: Flows, values: Values
    ) -> None:
        self._call, self._segments, self._known, self._flows = call, segments, known, flows
        self._carried = Carried(known, values, SHORTEST)
        self._values = values
        self._found: list[dict[Span, None]] = [{} for _ in segments]
        self._held: dict[str, list[Span]] = {}
        self._foreign: Sequence[Destination] = ()
        self._beside: dict[int, bool] = {}

    def spans(self, unseen: Mapping[str, Sequence[str]]) -> list[list[Span]]:
        """What was found in each argument."""
        self._look(unseen)
        return [list(spans) for spans in self._found]

    def _look(self, unseen: Mapping[str, Sequence[str]]) -> None:
        for pattern, names in unseen.items():
            if fnmatchcase(self._call.name, pattern):
                self._look_unseen(names)
        sink = is_sink(self._call.name, self._flows.sinks)
        if not sink and self._flows.sinks is not None:
            return
        named = list(destinations(self._segments, sink))
        foreign = [each for each in named if not self._trusts(each)]
        if foreign:
            self._judge(foreign, {each.place for each in named})
        elif sink and not named and is_public(self._call.name):
            self._judge_public()

    def _look_unseen(self, names: Sequence[str]) -> None:
        wanted = {name.strip("/").replace(".", "/").lower() for name in names}
        for place, segment in enumerate(self._segments):
            path = segment.within.strip("/").lower()
            if path.endswith("#"):
                continue
            if path not in wanted and argument(segment.within) not in wanted:
                continue
            if segment.text.strip() and not self._said(segment.text):
                self._add(place, 0, len(segment.text), UNSEEN)

    def _said(self, value: str) -> bool:
        folded = fold(value)
        if folded in self._flows.allowed or self._known.mentions(value.strip().lower()):
            return True
        return len(folded) >= _SHORT and folded in self._known.trusted.folded

    def _trusts(self, each: Destination) -> bool:
        """Whether somebody who is trusted named the destination, or the policy does."""
        if fold(each.text) in self._flows.allowed or matches(each.host, self._flows.domains):
            return True
        if each.host is None:
            return self._said(each.text)
        if not each.url and each.host in _PROVIDERS:
            return self._known.mentions(each.text.lower())
        return self._known.mentions(each.text.lower()) or self._known.names(each.host)

    def _judge(self, foreign: Sequence[Destination], named: set[int]) -> None:
        """Looks at what goes to destinations that nobody trusted named."""
        vouching = Vouching(self._known, self._flows.sources, self._flows.trusted)
        content = [place for place in range(len(self._segments)) if place not in named]
        judged: dict[str, bool] = {}
        self._foreign = foreign
        for each in foreign:
            if each.text not in judged:
                judged[each.text] = self._reaches(each, content, vouching)
            if judged[each.text]:
                self._add(each.place, each.start, each.end, UNTRUSTED)

    def _reaches(self, each: Destination, content: Sequence[int], vouching: Vouching) -> bool:
        """Whether a foreign destination is told something that is not meant for it; marks what it is told."""
        naming = vouching.naming(each.text)
        vouched = Vouched.NOT if each.url else vouching.of(each.text, naming)
        if vouched is Vouched.NAMED:
            return False
        records = Texts(() if each.url else vouching.records(each.text, naming))
        if self._url_carries(each) or self._sends(content, naming, records, vouched):
            return True
        return vouched is Vouched.NOT and not each.url and gives(self._call.name)

    def _url_carries(self, each: Destination) -> bool:
        """Whether an address that is asked for, or the command that it stands in, tells its host something."""
        if not each.url and not each.inside:
            return False
        if self._tells_beside(each.place):
            return True
        if not each.url or self._known.every.hold(each.text):
            return False
        url = each.text if "//" in each.text else f"//{each.text}"
        return self._carried.clicked(unsaid(url, self._known))

    def _tells_beside(self, place: int) -> bool:
        """Whether an argument says something private beside the foreign destinations in it."""
        if place not in self._beside:
            rest, last = self._segments[place].text, 0
            parts: list[str] = []
            here = [each for each in self._foreign if each.place == place]
            for each in here:
                if each.end - each.start == len(each.text) and each.start >= last:
                    parts += (rest[last : each.start], " ")
                    last = each.end
            rest = "".join((*parts, rest[last:]))
            for text in {each.text for each in here if each.end - each.start != len(each.text)}:
                self._known.work.spend(64 * len(rest))
                rest = rest.replace(text, " ")
            self._beside[place] = bool(rest.strip()) and self._private(rest) is not None
        return self._beside[place]

    def _sends(
        self, content: Sequence[int], naming: Sequence[Segment], records: Texts, vouched: Vouched
    ) -> bool:
        """Marks the arguments with data of a source that are not meant for the destination."""
        others: Texts | None = None
        sent = False
        for place in content:
            text = self._segments[place].text
            spans = self._private(text, records)
            if spans is None and vouched is Vouched.NOT and len(text) >= _COPY:
                if others is None:
                    others = self._others(naming)
                spans = [Span(0, len(text), TAINTED)] if others.copied(text, _COPY) else None
            for span in spans or ():
                sent = True
                self._add(place, span.start, span.end, span.entity)
        return sent or self._carried.spread([self._segments[place].text for place in content])

    def _others(self, naming: Sequence[Segment]) -> Texts:
        """What came from sources other than those that name the destination, and the system's instructions."""
        own = {(each.pointer, each.within) for each in naming}
        segments = self._known.of((*self._flows.sources, "system"))
        texts = (each.text for each in segments if (each.pointer, each.within) not in own)
        return Texts(texts, self._known.work)

    def _private(self, text: str, records: Texts | None = None) -> list[Span] | None:
        """Personal data, credentials and encoded text of a source in an argument; None when there is none."""
        if len(text) < _SHORT:
            return None
        spans = [
            Span(span.start, span.end, TAINTED)
            for span in self._values_in(text)
            if not self._public(text[span.start : span.end], records)
        ]
        if not spans:
            spans = [Span(start, end, TAINTED) for start, end in self._carried.encodes(text)]
        return spans or None

    def _values_in(self, text: str) -> list[Span]:
        """Personal data and credentials of a source in an argument; looked for once."""
        found = self._held.get(text)
        if found is None:
            found = self._held[text] = self._values.known(text, self._known.private)
        return found

    def _public(self, value: str, records: Texts | None) -> bool:
        """Whether the user said a value, or it stands in the destination's own record."""
        folded = fold(value)
        return folded in self._user.folded or bool(records and folded in records.folded)

    @cached_property
    def _user(self) -> Texts:
        texts = (each.text for each in self._known.of(self._flows.trusted) if each.channel != "system")
        return Texts(texts, self._known.work)

    def _judge_public(self) -> None:
        for place, segment in enumerate(self._segments):
            if spans := self._private(segment.text):
                self._found[place].update(dict.fromkeys(spans))

    def _add(self, place: int, start: int, end: int, entity: str) -> None:
        self._found[place][Span(start, end, entity)] = None
