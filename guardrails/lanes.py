"""Rules that read a text in one go, and how they follow one that is still growing.

A group of rules is either all rules whose checks are pattern sets, read by one Sweep, or one other scanner.
A lane is a group on its way through a stream: it says up to where it is *settled*, that is, up to where its
findings stay as they are whatever comes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property

from guardrails.arming import ArmedRule, sound
from guardrails.check import Scanner
from guardrails.literals import CONTEXT
from guardrails.patterns import PatternSet
from guardrails.prefixes import RegexError
from guardrails.pseudonyms import Restoration, Vault
from guardrails.sweep import Sweep
from guardrails.types import Edit, Segment, Span

Caught = Callable[[ArmedRule], AbstractContextManager[None]]
"""Opens a block in which whatever a rule's check raises is noted as its failure."""

Seen = Sequence[tuple[ArmedRule, Span, str]]
"""A rule, a span its check found (offsets in the whole text), and what stands there."""

NOTHING = ()

Looked = tuple[int, int, Sequence[tuple[ArmedRule, Span]]]
"""How far a text is settled, from where on it is needed later, and what stands in the settled part."""

_EAGER = 256
"""Held text up to this length is looked at again with every piece; longer text when it grew by a sixteenth:
so a long hold costs time in proportion to its length."""


@dataclass(frozen=True)
class Group:
    """Rules that read a text in one go."""

    rules: tuple[ArmedRule, ...]
    sweep: Sweep | None = None
    """Reads for all of them, or None when the group is one rule with a scanner of another kind."""

    @cached_property
    def name(self) -> str:
        """Tells groups of one policy apart."""
        return "\0".join(armed.rule.id for armed in self.rules)

    def scan(self, text: str, deadline: float | None, caught: Caught) -> dict[str, tuple[Span, ...]]:
        """What each rule's check finds in a whole text, by rule id; nothing for a rule whose check failed."""
        found: dict[str, tuple[Span, ...]] = {}
        if self.sweep is None:
            for armed in self.rules:
                with caught(armed):
                    assert armed.scanner is not None
                    found[armed.rule.id] = tuple(sound(armed.scanner.scan(text), len(text)))
            return found
        reading = self.sweep.read(text, deadline=deadline)
        for place, armed in enumerate(self.rules):
            with caught(armed):
                found[armed.rule.id] = () if reading.quiet else tuple(reading.spans(place))
        return found

    def lane(self) -> Lane:
        """A lane for one text that is going to grow."""
        if self.sweep is not None:
            return _SweepLane(self.rules, self.sweep)
        scanner = self.rules[0].scanner
        assert scanner is not None
        return _ScannerLane(self.rules[0], scanner)


def groups(rules: Sequence[ArmedRule], growing: bool = False) -> tuple[Group, ...]:
    """The groups that rules with scanners form, pattern sets first; `growing` for texts that come in pieces."""
    swept = [armed for armed in rules if isinstance(armed.scanner, PatternSet)]
    others = [armed for armed in rules if armed.scanner and not isinstance(armed.scanner, PatternSet)]
    return (*_swept(swept, growing), *(Group((armed,)) for armed in others))


def _swept(rules: Sequence[ArmedRule], growing: bool) -> list[Group]:
    """One group for all rules with pattern sets; one for each if RE2 cannot hold them together."""
    sets = [armed.scanner for armed in rules if isinstance(armed.scanner, PatternSet)]
    if not sets:
        return []
    sweep = Sweep(sets)
    if growing:
        try:
            sweep.prepare()
        except RegexError:
            return [Group((armed,), Sweep([each])) for armed, each in zip(rules, sets, strict=True)]
    return [Group(tuple(rules), sweep)]


class Lane(ABC):
    """A group of rules following one text: reads each piece once, and again only what it could not settle."""

    __slots__ = ("_base", "_due", "_fresh", "_length", "_text", "rules", "settled")

    def __init__(self, rules: tuple[ArmedRule, ...]) -> None:
        self.rules = rules
        """The rules it reads for; none for the lane of a vault's tokens."""
        self.settled = 0
        """Up to here, in the whole text, nothing that comes changes what was found."""
        self._text = ""
        """What is not settled, and to its left what deciding on it may need."""
        self._base = 0
        """Where _text begins in the whole text."""
        self._fresh: list[str] = []
        """What came since, not yet looked at."""
        self._length = self._due = 0

    @property
    def acts(self) -> bool:
        """Whether text has to wait for it."""
        return any(armed.acts for armed in self.rules)

    @property
    def held(self) -> int:
        """Code points that are not settled."""
        return self._length - self.settled

    def feed(self, piece: str, final: bool, caught: Caught) -> Seen:
        """Takes the next piece; returns what is newly settled."""
        self._length += len(piece)
        if self._length < self._due and not final:
            self._fresh.append(piece)
            return NOTHING
        if self._fresh:
            piece = "".join((*self._fresh, piece))
            self._fresh.clear()
        text = self._text + piece
        cut, keep, found = self._look(text, self.settled - self._base, final, caught)
        seen = [self._placed(armed, span, text) for armed, span in found] if found else NOTHING
        self._took(text, cut, keep)
        return seen

    def _took(self, text: str, cut: int, keep: int) -> None:
        """Notes that text is settled up to the cut, and keeps what is needed of it."""
        self.settled = self._base + cut
        if keep > 0:
            text = text[keep:]
            self._base += keep
        self._text = text
        self._due = self._length
        if self._length - self.settled > _EAGER:
            self._due += (self._length - self.settled - _EAGER) // 16

    def drop(self, failed: Container[str]) -> None:
        """Rules by id whose checks failed: the lane reads for them no more."""
        self.rules = tuple(armed for armed in self.rules if armed.rule.id not in failed)

    @abstractmethod
    def _look(self, text: str, start: int, final: bool, caught: Caught) -> Looked:
        """Looks at text[start:], of which nothing is settled yet; text[:start] is context."""

    def _placed(self, armed: ArmedRule, span: Span, text: str) -> tuple[ArmedRule, Span, str]:
        whole = Span(self._base + span.start, self._base + span.end, span.entity, span.score)
        return armed, whole, text[span.start : span.end]


class _SweepLane(Lane):
    """The lane of all rules whose checks are pattern sets."""

    __slots__ = ("_careful", "_places", "_sweep")

    def __init__(self, rules: tuple[ArmedRule, ...], sweep: Sweep) -> None:
        super().__init__(rules)
        self._places = {armed.rule.id: place for place, armed in enumerate(rules)}
        self._sweep = sweep
        self._careful = False

    def feed(self, piece: str, final: bool, caught: Caught) -> Seen:
        """Takes the next piece; returns what is newly settled."""
        if not (final or self._careful or self._fresh):
            text = self._text + piece
            cut = self._sweep.glance(text, self.settled - self._base)
            if cut >= 0:
                self._length += len(piece)
                self._took(text, cut, cut - self._sweep.context)
                return NOTHING
        return super().feed(piece, final, caught)

    def _look(self, text: str, start: int, final: bool, caught: Caught) -> Looked:
        sweep = self._sweep
        begins = not self._base
        reading = sweep.read(text, start, begins) if final else sweep.follow(text, start, begins)
        if reading.quiet:
            self._careful = False
            return reading.cut, reading.cut - sweep.context, NOTHING
        found: list[tuple[ArmedRule, Span]] = []
        for armed in self.rules:
            with caught(armed):
                found += [(armed, span) for span in reading.spans(self._places[armed.rule.id])]
        if not final:
            reading.settle([span for _, span in found])
        self._careful = reading.careful
        return reading.cut, reading.keep(), [each for each in found if each[1].end <= reading.cut]


class _ScannerLane(Lane):
    """The lane of one rule whose check is a scanner of another kind."""

    __slots__ = ("_scanner",)

    def __init__(self, armed: ArmedRule, scanner: Scanner) -> None:
        super().__init__((armed,))
        self._scanner = scanner

    def _look(self, text: str, start: int, final: bool, caught: Caught) -> Looked:
        cut, spans = start, list[Span]()
        for armed in self.rules:
            with caught(armed):
                cut, spans = self._settled(text, start, final)
            return cut, cut - self._scanner.context, [(armed, span) for span in spans]
        return len(text), len(text), NOTHING

    def _settled(self, text: str, start: int, final: bool) -> tuple[int, list[Span]]:
        """How far the scanner has made up its mind about a text, and its spans up to there."""
        scanner = self._scanner
        hold = len(text) if final else max(start, min(scanner.hold(text, start), len(text)))
        if hold == start and not final:
            return start, []
        spans = sound(scanner.scan(text, start), len(text), start)
        for span in reversed(spans):
            if span.start < hold < span.end:
                hold = span.start
        return hold, [span for span in spans if span.end <= hold]


class TokenLane(Lane):
    """A vault's pseudonyms on their way through a stream."""

    __slots__ = ("_found", "_vault", "shields")

    def __init__(self, vault: Vault) -> None:
        super().__init__(())
        self._vault = vault
        self.shields: list[tuple[int, int]] = []
        """Where settled pseudonyms stand in the whole text."""
        self._found: list[Restoration] = []

    def answers(self, segment: Segment) -> list[Edit]:
        """What is to stand in place of those settled since this was last asked, as edits of the whole text."""
        found, self._found = self._found, []
        return [Edit(segment.pointer, one.start, one.end, one.value, segment.within) for one in found]

    def _look(self, text: str, start: int, final: bool, caught: Caught) -> Looked:
        cut = len(text) if final else self._vault.hold(text, start)
        for one in self._vault.restores(text, start):
            if one.end > cut:
                cut = min(cut, one.start)
                break
            begin, end = self._base + one.start, self._base + one.end
            self.shields.append((begin, end))
            self._found.append(Restoration(begin, end, one.value))
        return cut, cut - CONTEXT, NOTHING
