"""Finds links, images and encoded arguments that carry the conversation to somebody who was not part of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from guardrails.check import Check, ConversationCheck, TextScanner, in_process
from guardrails.checks import links
from guardrails.checks.carried import Carried, unsaid
from guardrails.checks.copies import SHORTEST
from guardrails.checks.links import Link
from guardrails.checks.surroundings import Surroundings, Values, aside
from guardrails.conversation import Conversation, Outside
from guardrails.errors import CheckError
from guardrails.hosts import host_of, matches, pattern
from guardrails.types import Segment, Span, Stage

IMAGE = "EXFILTRATION_IMAGE"
LINK = "EXFILTRATION_LINK"
ENCODED = "ENCODED_ARGUMENT"

_REMEMBERED = 256
"""Addresses of which it is remembered whether they carry something."""
_PART = 4
"""Characters of the shortest part that encoded data is split into."""


@in_process()
def exfiltration(domains: Sequence[str] = (), min_length: int = SHORTEST, images_only: bool = False) -> Check:
    """A check for data of the conversation in the addresses of links and images, and encoded in arguments.

    Args:
        domains: hosts that may be told anything: `example.com`, `*.example.com` for those below it.
        min_length: letters and digits in a row that count as a copy; from 16.
        images_only: look only at what is loaded without a click.

    Raises CheckError naming the option that cannot be used.
    """
    if not SHORTEST <= min_length <= 256:
        raise CheckError(f"exfiltration: `min_length` is from {SHORTEST} to 256.")
    return Exfiltration(host_patterns("exfiltration", domains), min_length, images_only)


def host_patterns(check: str, domains: Sequence[str]) -> frozenset[str]:
    """Patterns of hosts as `hosts.matches` takes them. Raises CheckError naming the one that is none."""
    found = set()
    for place, domain in enumerate(domains):
        try:
            found.add(pattern(domain))
        except ValueError:
            raise CheckError(
                f"{check}: number {place + 1} of `domains` is no host. Write it like example.com or *.example.com."
            ) from None
    return frozenset(found)


class Exfiltration(ConversationCheck):
    """Judges replies as they stream, and the arguments of tool calls."""

    streams = True

    def __init__(self, domains: Collection[str], least: int, images_only: bool) -> None:
        self._domains, self._least, self._images_only = domains, least, images_only
        self._values = Values()

    async def judge(
        self, segments: Sequence[Segment], conversation: Conversation, outside: Outside
    ) -> list[list[Span]]:
        """Spans found in each segment. Raises Exhausted when comparing the texts would take too long."""
        return await aside(lambda: self._spans(segments, conversation), segments, conversation)

    def _spans(self, segments: Sequence[Segment], conversation: Conversation) -> list[list[Span]]:
        scanner = self.scanner(conversation)
        found = [self._judged(scanner, segment) for segment in segments]
        calls: dict[str, list[int]] = {}
        for place, segment in enumerate(segments):
            if segment.stage is Stage.TOOL_CALL and segment.within and not segment.within.endswith("#"):
                calls.setdefault(segment.pointer, []).append(place)
        for places in calls.values():
            if not any(found[place] for place in places):
                parts = [place for place in places if scanner.may_be_part(segments[place].text)]
                if scanner.spread([segments[place].text for place in parts]):
                    for place in parts:
                        found[place] = [Span(0, len(segments[place].text), ENCODED)]
        return found

    def _judged(self, scanner: Leading, segment: Segment) -> list[Span]:
        found = scanner.scan(segment.text)
        return found if found or segment.stage is not Stage.TOOL_CALL else scanner.encoded(segment.text)

    def scanner(self, conversation: Conversation) -> Leading:
        """The scanner for texts in that conversation."""
        known = Surroundings(conversation)
        return Leading(Carried(known, self._values, self._least), self._domains, self._images_only)


class Leading(TextScanner):
    """Finds links in a text, whole or growing, that carry something to a host that is not allowed to know."""

    def __init__(self, carried: Carried, domains: Collection[str], images_only: bool) -> None:
        self._carried, self._domains, self._images_only = carried, domains, images_only
        self._known: dict[tuple[str, bool, bool], bool] = {}
        self.context = links.REACH + 1

    def scan(self, text: str, start: int = 0) -> list[Span]:
        """Spans in text[start:], ordered by start: the addresses."""
        return [
            Span(link.start, link.end, IMAGE if link.loads else LINK)
            for link in links.links(text, start)
            if (link.loads or not self._images_only) and self._tells(link)
        ]

    def hold(self, text: str, start: int = 0) -> int:
        """Where the link begins that the end of the text cuts."""
        return links.begun(text, start)

    def encoded(self, text: str) -> list[Span]:
        """What of an argument says something of a source once it is decoded."""
        places = list(self._carried.encodes(text)) if len(text) >= 8 else []
        if any(start == 0 and end == len(text) for start, end in places):
            return [Span(0, len(text), ENCODED)]
        return [Span(start, end, ENCODED) for start, end in dict.fromkeys(places)]

    def may_be_part(self, text: str) -> bool:
        """Whether an argument may be a part of something encoded: a word without spaces that nobody wrote."""
        return len(text) >= _PART and " " not in text and not self._carried.known.every.hold(text)

    def spread(self, parts: Sequence[str]) -> bool:
        """Whether some arguments together say something of a source once they are decoded."""
        return self._carried.spread(parts)

    def _tells(self, link: Link) -> bool:
        """As `_leaks`; remembered, as a text may hold an address many times."""
        key = (link.url, link.loads, link.cut)
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = self._leaks(link)
        return self._known[key]

    def _leaks(self, link: Link) -> bool:
        known = self._carried.known
        if not link.cut and known.every.hold(link.url):
            return False
        host = host_of(f"//{link.url}" if link.url[:4].lower() == "www." else link.url)
        if host and matches(host, self._domains):
            return False
        if link.cut:
            return True
        parts = unsaid(link.url, known)
        if link.loads:
            return self._carried.loaded(parts)
        if host and known.names(host):
            return False
        return self._carried.clicked(parts)
