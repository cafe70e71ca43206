"""What of a streamed reply may leave, and when: only text that no rule can still have something to say about.

Every scanner follows the text at its own pace and says up to where it is *settled*: whatever comes, its
findings before that point stay as they are. Text leaves up to where all acting scanners are settled, lowered
so that nothing found is cut in two. So what has left, joined, is what the whole text would have become.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

from guardrails import redact
from guardrails.arming import ArmedRule, acts, in_order
from guardrails.conversation import NOTHING_SAID, Conversation
from guardrails.errors import GuardrailsError
from guardrails.lanes import Group, TokenLane
from guardrails.pseudonyms import Vault, restoring
from guardrails.types import Action, CheckFailure, Edit, Finding, Segment, Verdict, conclude

MAX_HELD = 65_536
"""Code points that may wait for one scanner to decide; beyond them the rule has failed."""

MAX_WHOLE = 1_048_576
"""Code points of one reply that are kept for rules that look at the whole of it."""


class Inspector(Protocol):
    """What a stream needs of the guard it belongs to."""

    key: bytes
    judging: frozenset[str]
    """Ids of the rules that look at values in their conversation, not at how a text is written."""

    def caught(self, armed: ArmedRule, failures: dict[str, CheckFailure]) -> AbstractContextManager[None]:
        """Turns what the rule's check raises inside the block into an entry of `failures`."""

    async def inspect(
        self,
        segments: Sequence[Segment],
        vault: Vault | None = None,
        *,
        reply: bool = False,
        conversation: Conversation = NOTHING_SAID,
    ) -> Verdict:
        """The verdict on whole texts."""

    async def ask(
        self,
        rules: Sequence[ArmedRule],
        segments: Sequence[Segment],
        failures: dict[str, CheckFailure],
        conversation: Conversation = NOTHING_SAID,
        vault: Vault | None = None,
    ) -> list[Finding]:
        """What rules whose checks see whole texts find in them."""


class StreamGuard:
    """Guards one field of one choice of a streamed reply.

    Promise: for every way to cut a text into pushes, the pushes and the flush joined are what the whole text
    would have become, and at no moment has a part of a forbidden value left. After a block nothing leaves.
    """

    def __init__(
        self,
        inspector: Inspector,
        rules: Sequence[ArmedRule],
        grouped: Sequence[Group],
        segment: Segment,
        vault: Vault | None,
        conversation: Conversation = NOTHING_SAID,
    ) -> None:
        self.blocked = False
        """Whether a rule stopped the reply. Once true, nothing leaves any more."""
        self._inspector, self._segment, self._vault = inspector, segment, vault or None
        self._conversation = conversation
        self._keeper = next((armed for armed in rules if armed.needs_whole), None)
        self._lanes = [] if self._keeper else [group.lane() for group in grouped]
        self._acting = [lane for lane in self._lanes if lane.acts]
        self._tokens = TokenLane(vault) if vault and self._keeper is None else None
        self._beside = tuple(armed for armed in rules if armed.scanner is None and self._keeper is None)
        self._whole: list[str] | None = [] if self._keeper or self._beside else None
        self._length = self._left = 0
        self._held: list[str] = []
        self._pending: list[Finding] = []
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
    def released(self) -> int:
        """How many pieces have been released so far, for `take_back`."""
        return len(self._recorded)

    def take_back(self, released: int) -> None:
        """Forget what was released beyond so many pieces: it did not leave after all."""
        del self._recorded[released:]

    @property
    def verdict(self) -> Verdict:
        """The verdict on what has left so far; after the end, on all. Offsets count in the whole text."""
        if self._final is not None:
            return self._final
        verdict = conclude(in_order(self._findings), list(self._failures.values()), {})
        return replace(verdict, edits=tuple(self._edits))

    def fail(self, failures: Mapping[str, CheckFailure]) -> None:
        """Notes rules that cannot follow the stream, by id; if one of them has to, nothing leaves."""
        self._failures.update(failures)
        self._stop_on_failure()

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
        self._final = await self._inspector.inspect(
            [segment], self._vault, reply=True, conversation=self._conversation
        )
        if self._final.action is Action.BLOCK:
            self._stop()
            return ""
        self._held = [segment.text]
        if self._vault:
            self._answers = restoring([segment], (), self._vault)
        return self._release(self._final.edits, len(segment.text))

    async def _ask_beside(self, whole: str) -> None:
        segment = replace(self._segment, text=whole)
        found = await self._inspector.ask(
            self._beside, [segment], self._failures, self._conversation, self._vault
        )
        shields = [(each.start, each.end) for each in self._vault.restores(whole)] if self._vault else []
        self._findings += unshielded(found, shields, self._inspector.judging)
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
        shields = self._tokens.shields if self._tokens else ()
        return self._decide(unshielded(passed, shields, self._inspector.judging), cut)

    def _feed(self, piece: str, final: bool) -> None:
        """Lets every lane look at the next piece. A lane whose check fails stands down."""
        known = len(self._failures)
        for lane in self._lanes:
            for armed, span, value in lane.feed(piece, final, self._caught):
                if span.score >= armed.rule.threshold:
                    found = armed.finding(self._segment, span, value, self._inspector.key)
                    self._pending.append(found)
            if lane.held > MAX_HELD:
                for armed in lane.rules:
                    self._failures.setdefault(armed.rule.id, armed.overflowed())
        if self._tokens:
            self._tokens.feed(piece, final, self._caught)
            self._answers += self._tokens.answers(self._segment)
        if len(self._failures) > known:
            for lane in self._lanes:
                lane.drop(self._failures)
            self._lanes = [lane for lane in self._lanes if lane.rules]
            self._acting = [lane for lane in self._lanes if lane.acts]

    def _caught(self, armed: ArmedRule) -> AbstractContextManager[None]:
        return self._inspector.caught(armed, self._failures)

    def _cut(self) -> int:
        """How far text may leave: all acting lanes are settled there, and nothing found reaches across."""
        cut = self._length
        for lane in self._acting:
            if lane.settled < cut:
                cut = lane.settled
        if self._tokens and self._tokens.settled < cut:
            cut = self._tokens.settled
        shields = self._tokens.shields if self._tokens else ()
        if not self._pending and not shields:
            return cut
        whole = [(found.start, found.end) for found in self._pending if acts(found.mode, found.action)]
        # From the last to the first, one pass is enough: a lower cut can only be crossed by an earlier span.
        for start, end in sorted((*whole, *shields), reverse=True):
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
        if cut <= self._left:
            return ""
        held = "".join(self._held) if len(self._held) > 1 else self._held[0]
        size = cut - self._left
        edited = redact.apply(held[:size], edits, self._left) if edits else held[:size]
        self._held = [held[size:]] if size < len(held) else []
        self._left = cut
        if self._tokens and self._tokens.shields:
            settled = min((lane.settled for lane in self._lanes), default=cut)
            self._tokens.shields = [each for each in self._tokens.shields if each[1] > min(settled, cut)]
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
        self._held, self._pending, self._answers = [], [], []


def unshielded(
    findings: Sequence[Finding], shields: Sequence[tuple[int, int]], judging: Collection[str]
) -> list[Finding]:
    """Findings that do not lie inside one of our own tokens: what a token looks like means nothing.

    Those of the rules in `judging` stay: they are about the value that the token stands for.
    """
    if not shields:
        return list(findings)
    return [
        found
        for found in findings
        if found.rule in judging
        or not any(start <= found.start and found.end <= end for start, end in shields)
    ]
