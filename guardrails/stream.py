"""What of a streamed reply may leave, and when: only text that no rule can still have something to say about.

Every scanner follows the text at its own pace and says up to where it is *settled*: whatever comes, its
findings before that point stay as they are. Text leaves up to where all acting scanners are settled, lowered
so that nothing found is cut in two. So what has left, joined, is what the whole text would have become.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

from guardrails import redact
from guardrails.arming import ArmedRule, acts, in_order, sound
from guardrails.check import Scanner
from guardrails.errors import GuardrailsError
from guardrails.patterns import PatternSet
from guardrails.pseudonyms import Vault, restoring
from guardrails.types import Action, CheckFailure, Edit, Finding, Segment, Span, Verdict, conclude

MAX_HELD = 65_536
"""Code points that may wait for one scanner to decide; beyond them the rule has failed."""

MAX_WHOLE = 1_048_576
"""Code points of one reply that are kept for rules that look at the whole of it."""

_EAGER = 256
"""Held text up to this length is looked at again with every push; longer text when it grew by a sixteenth:
so a long hold costs time in proportion to its length."""


class Inspector(Protocol):
    """What a stream needs of the guard it belongs to."""

    key: bytes

    def caught(self, armed: ArmedRule, failures: dict[str, CheckFailure]) -> AbstractContextManager[None]:
        """Turns what the rule's check raises inside the block into an entry of `failures`."""

    async def inspect(
        self, segments: Sequence[Segment], vault: Vault | None = None, *, reply: bool = False
    ) -> Verdict:
        """The verdict on whole texts."""

    async def ask(
        self, rules: Sequence[ArmedRule], segments: Sequence[Segment], failures: dict[str, CheckFailure]
    ) -> list[Finding]:
        """What rules whose checks see whole texts find in them."""


class _Tokens:
    """A vault's pseudonyms, looked at as a scanner would."""

    context = 1

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def __call__(self, segments: Sequence[Segment], /) -> list[list[Span]]:
        return [self.scan(segment.text) for segment in segments]

    def scan(self, text: str, start: int = 0) -> list[Span]:
        return [Span(found.start, found.end, "TOKEN") for found in self._vault.restores(text, start)]

    def hold(self, text: str, start: int = 0) -> int:
        return self._vault.hold(text, start)


class _Lane:
    """One scanner following the text: reads each piece once, and again only what it could not settle yet."""

    __slots__ = ("_base", "_due", "_fresh", "_length", "_scanner", "_text", "settled")

    def __init__(self, scanner: Scanner) -> None:
        self.settled = 0
        """Up to here, in the whole text, nothing that comes changes what was found."""
        self._scanner = scanner
        self._text = ""
        """The scanner's left context and all that is not settled."""
        self._base = 0
        """Where _text begins in the whole text."""
        self._fresh: list[str] = []
        """What came since, not yet looked at."""
        self._length = self._due = 0

    @property
    def held(self) -> int:
        """Code points that are not settled."""
        return self._length - self.settled

    def feed(self, piece: str, final: bool) -> list[tuple[Span, str]]:
        """Takes the next piece; returns the spans newly settled (offsets in the whole) and their texts."""
        self._length += len(piece)
        if self._length < self._due and not final:
            self._fresh.append(piece)
            return []
        if self._fresh:
            piece = "".join((*self._fresh, piece))
            self._fresh.clear()
        text = self._text + piece
        start = self.settled - self._base
        if final:
            hold, spans = len(text), sound(self._scanner.scan(text, start), len(text), start)
        else:
            hold, spans = _settled(self._scanner, text, start)
        found = [self._placed(span, text) for span in spans] if spans else []
        self.settled = self._base + hold
        if (kept := hold - self._scanner.context) > 0:
            text = text[kept:]
            self._base += kept
        self._text = text
        self._due = self._length
        if self.held > _EAGER:
            self._due += (self.held - _EAGER) // 16
        return found

    def _placed(self, span: Span, text: str) -> tuple[Span, str]:
        """A span found in `text`, with its place in the whole and what stands there."""
        whole = Span(self._base + span.start, self._base + span.end, span.entity, span.score)
        return whole, text[span.start : span.end]


def _settled(scanner: Scanner, text: str, start: int) -> tuple[int, list[Span]]:
    """How far a scanner has made up its mind about a text, and its spans up to there."""
    if isinstance(scanner, PatternSet):
        return scanner.settle(text, start)
    hold = max(start, min(scanner.hold(text, start), len(text)))
    if hold == start:
        return start, []
    spans = sound(scanner.scan(text, start), len(text), start)
    for span in reversed(spans):
        if span.start < hold < span.end:
            hold = span.start
    return hold, [span for span in spans if span.end <= hold]


class StreamGuard:
    """Guards one field of one choice of a streamed reply.

    Promise: for every way to cut a text into pushes, the pushes and the flush joined are what the whole text
    would have become, and at no moment has a part of a forbidden value left. After a block nothing leaves.
    """

    def __init__(
        self, inspector: Inspector, rules: Sequence[ArmedRule], segment: Segment, vault: Vault | None
    ) -> None:
        self.blocked = False
        """Whether a rule stopped the reply. Once true, nothing leaves any more."""
        self._inspector, self._segment, self._vault = inspector, segment, vault or None
        self._keeper = next((armed for armed in rules if armed.needs_whole), None)
        self._lanes = [
            (armed, _Lane(armed.scanner)) for armed in rules if armed.scanner and self._keeper is None
        ]
        self._acting = [lane for armed, lane in self._lanes if armed.acts]
        self._tokens = _Lane(_Tokens(vault)) if vault and self._keeper is None else None
        self._beside = tuple(armed for armed in rules if armed.scanner is None and self._keeper is None)
        self._whole: list[str] | None = [] if self._keeper or self._beside else None
        self._length = self._left = 0
        self._held: list[str] = []
        self._pending: list[Finding] = []
        self._shields: list[tuple[int, int]] = []
        self._answers: list[Edit] = []
        """What is to stand in place of pseudonyms that have not left yet."""
        self._findings: list[Finding] = []
        self._failures: dict[str, CheckFailure] = {}
        self._edits: list[Edit] = []
        self._recorded: list[str] = []
        self._final: Verdict | None = None
        self._ended = False

    @property
    def recorded(self) -> str:
        """What has left, as it may be kept: edited, and with pseudonyms not turned back."""
        return "".join(self._recorded)

    @property
    def verdict(self) -> Verdict:
        """The verdict on what has left so far; after the end, on all. Offsets count in the whole text."""
        if self._final is not None:
            return self._final
        verdict = conclude(in_order(self._findings), list(self._failures.values()), {})
        return replace(verdict, edits=tuple(self._edits))

    def push(self, text: str) -> str:
        """Takes the next piece of the reply; returns what may leave now, which is often a little less."""
        if self.blocked or self._ended or not text:
            return ""
        self._length += len(text)
        if self._whole is not None:
            self._keep(text)
        return "" if self._keeper else self._advance(text, final=False)

    def flush(self) -> str:
        """Ends the text and returns the rest. Rules that need the whole text have their say in `finish` only.

        Raises GuardrailsError when a rule keeps the whole text back: then only `finish` can end it.
        """
        if self._keeper and not self.blocked:
            raise GuardrailsError(
                "a rule of this guard needs the whole reply: await finish() instead of flush()"
            )
        if self.blocked or self._ended:
            return ""
        self._ended = True
        return self._advance("", final=True)

    async def finish(self) -> str:
        """Ends the text, lets the rules that look at all of it have their say, and returns the rest."""
        if self.blocked or self._ended:
            return ""
        if self._keeper:
            return await self._judge_whole()
        if self._beside and self._whole is not None:
            await self._ask_beside("".join(self._whole))
        return self.flush()

    def _keep(self, text: str) -> None:
        assert self._whole is not None
        self._whole.append(text)
        if self._length <= MAX_WHOLE:
            return
        self._whole = None
        for armed in (self._keeper,) if self._keeper else self._beside:
            self._failures[armed.rule.id] = armed.overflowed()
        if self._keeper:
            self._stop()

    async def _judge_whole(self) -> str:
        self._ended = True
        segment = replace(self._segment, text="".join(self._whole or ()))
        self._whole = None
        self._final = await self._inspector.inspect([segment], self._vault, reply=True)
        if self._final.action is Action.BLOCK:
            self._stop()
            return ""
        self._held = [segment.text]
        if self._vault:
            self._answers = restoring([segment], (), self._vault)
        return self._release(self._final.edits, len(segment.text))

    async def _ask_beside(self, whole: str) -> None:
        segment = replace(self._segment, text=whole)
        found = await self._inspector.ask(self._beside, [segment], self._failures)
        shields = [(each.start, each.end) for each in self._vault.restores(whole)] if self._vault else []
        self._findings += unshielded(found, shields)
        self._stop_on_failure()

    def _advance(self, piece: str, final: bool) -> str:
        self._held.append(piece)
        self._feed(piece, final)
        if self._stop_on_failure():
            return ""
        cut = self._cut()
        if not self._pending:
            return self._release((), cut)
        passed = [found for found in self._pending if found.end <= cut]
        self._pending = [found for found in self._pending if found.end > cut]
        return self._decide(unshielded(passed, self._shields), cut)

    def _feed(self, piece: str, final: bool) -> None:
        """Lets every lane look at the next piece. A lane whose check fails stands down."""
        for armed, lane in tuple(self._lanes):
            with self._inspector.caught(armed, self._failures):
                for span, value in lane.feed(piece, final):
                    if span.score >= armed.rule.threshold:
                        found = armed.finding(self._segment, span, value, self._inspector.key)
                        self._pending.append(found)
            if lane.held > MAX_HELD:
                self._failures.setdefault(armed.rule.id, armed.overflowed())
            if self._failures and armed.rule.id in self._failures:
                self._lanes.remove((armed, lane))
                self._acting = [lane for armed, lane in self._lanes if armed.acts]
        if self._tokens:
            assert self._vault is not None
            at, within = self._segment.pointer, self._segment.within
            for span, written in self._tokens.feed(piece, final):
                self._shields.append((span.start, span.end))
                self._answers.append(Edit(at, span.start, span.end, self._vault.restore(written), within))

    def _cut(self) -> int:
        """How far text may leave: all acting lanes are settled there, and nothing found reaches across."""
        cut = self._length
        for lane in self._acting:
            if lane.settled < cut:
                cut = lane.settled
        if self._tokens and self._tokens.settled < cut:
            cut = self._tokens.settled
        if not self._pending and not self._shields:
            return cut
        whole = [(found.start, found.end) for found in self._pending if acts(found.mode, found.action)]
        # From the last to the first, one pass is enough: a lower cut can only be crossed by an earlier span.
        for start, end in sorted((*whole, *self._shields), reverse=True):
            if start < cut < end:
                cut = start
        return cut

    def _decide(self, passed: Sequence[Finding], cut: int) -> str:
        """Edits and releases the text before the cut, or as much of it as stands before a block."""
        edits: list[Edit] = []
        for mark in redact.clusters(
            redact.marks(found for found in passed if acts(found.mode, found.action))
        ):
            if mark.action is Action.BLOCK:
                passed = [found for found in passed if found.start < mark.end]
                cut = mark.start
                self.blocked = True
                break
            replacement = redact.redaction(mark.entity)
            edits.append(Edit(self._segment.pointer, mark.start, mark.end, replacement, self._segment.within))
        self._findings += passed
        self._edits += edits
        released = self._release(edits, cut)
        if self.blocked:
            self._stop()
        return released

    def _release(self, edits: Sequence[Edit], cut: int) -> str:
        """Lets the text before the cut go, edited; returns it as the client reads it."""
        if cut == self._left:
            return ""
        held = "".join(self._held) if len(self._held) > 1 else self._held[0]
        size = cut - self._left
        edited = redact.apply(held[:size], edits, self._left) if edits else held[:size]
        self._held = [held[size:]] if size < len(held) else []
        self._left = cut
        if self._shields:
            settled = min((lane.settled for _, lane in self._lanes), default=cut)
            self._shields = [shield for shield in self._shields if shield[1] > min(settled, cut)]
        self._recorded.append(edited)
        if not self._answers:
            return edited
        leaving = [answer for answer in self._answers if answer.end <= cut]
        self._answers = self._answers[len(leaving) :]
        return redact.apply(held[:size], redact.beside(edits, leaving), self._left - size)

    def _stop_on_failure(self) -> bool:
        if self._failures and any(failure.action is Action.BLOCK for failure in self._failures.values()):
            self._stop()
        return self.blocked

    def _stop(self) -> None:
        self.blocked = True
        self._lanes, self._acting, self._tokens, self._whole = [], [], None, None
        self._held, self._pending, self._shields, self._answers = [], [], [], []


def unshielded(findings: Sequence[Finding], shields: Sequence[tuple[int, int]]) -> list[Finding]:
    """Findings that do not lie inside one of our own tokens: what a token looks like means nothing."""
    if not shields:
        return list(findings)
    return [
        found
        for found in findings
        if not any(start <= found.start and found.end <= end for start, end in shields)
    ]
