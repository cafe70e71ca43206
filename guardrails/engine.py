"""The guard: runs a policy's rules over segments and says what is to be done. Failures are data."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import chain
from time import perf_counter
from types import TracebackType

from guardrails import redact
from guardrails.arming import ArmedRule, acts, arm, in_order, sound
from guardrails.errors import BadResult, ModelError
from guardrails.policy import Policy
from guardrails.pseudonyms import LOOKALIKE, Vault
from guardrails.redact import Mark
from guardrails.stream import StreamGuard, unshielded
from guardrails.types import (
    ALLOWED,
    Action,
    CheckFailure,
    Edit,
    Finding,
    Segment,
    Span,
    Stage,
    Verdict,
    conclude,
)

SYSTEM = "system"
"""Channel whose values are never given back in a reply."""

_CACHED = 8192

_INLINE = 65_536
"""Code points that are scanned at once, over all rules; more go to a thread, so that the event loop lives on."""

_Key = tuple[str, bytes]
"""Rule and hash of a text."""


class _Spans:
    """What scanners found in texts seen lately: spans only, by rule and hash of the text. Bounded."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[_Key, tuple[Span, ...]] = OrderedDict()

    def get(self, key: _Key) -> tuple[Span, ...] | None:
        spans = self._entries.get(key)
        if spans is not None:
            self._entries.move_to_end(key)
        return spans

    def put(self, key: _Key, spans: tuple[Span, ...]) -> None:
        self._entries[key] = spans
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)


class _Caught:
    """The one place where whatever a check raises is caught. Cancellation is no Exception and passes."""

    __slots__ = ("_armed", "_failures")

    def __init__(self, armed: ArmedRule, failures: dict[str, CheckFailure]) -> None:
        self._armed, self._failures = armed, failures

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        name = "unavailable" if isinstance(error, ModelError) else "error"
        self._failures.setdefault(self._armed.rule.id, self._armed.failed(name, type(error).__name__))
        return True


class Guard:
    """A policy at work. Safe to share between requests; keeps nothing of them but offsets.

    Args:
        policy: what to enforce. Raises PolicyError when a rule of it cannot be.
        key: secret under which findings' values are fingerprinted.
    """

    def __init__(self, policy: Policy, key: bytes) -> None:
        rules = arm(policy)
        self.policy = policy
        self.key = key
        self._scanning = {
            stage: tuple(armed for armed in rules if armed.scanner and stage in armed.rule.stages)
            for stage in Stage
        }
        self._asking = tuple(armed for armed in rules if armed.scanner is None)
        self._covered = frozenset(chain.from_iterable(armed.rule.stages for armed in rules))
        self._output = tuple(armed for armed in rules if Stage.OUTPUT in armed.rule.stages)
        self.needs_whole = any(armed.needs_whole for armed in self._output)
        """Whether a streamed reply is kept back until all of it was checked."""
        self._seen = _Spans(_CACHED)

    def covers(self, stage: Stage) -> bool:
        """Whether any rule looks at that stage."""
        return stage in self._covered

    def stream(self, pointer: str, vault: Vault | None = None, channel: str = "assistant") -> StreamGuard:
        """A guard for one field of a streamed reply; the text arrives in pushes."""
        return StreamGuard(self, self._output, Segment("", pointer, Stage.OUTPUT, channel), vault)

    async def inspect(
        self, segments: Sequence[Segment], vault: Vault | None = None, *, reply: bool = False
    ) -> Verdict:
        """The verdict on some segments. A failing check is in the verdict; only cancellation is raised.

        Args:
            segments: texts to look at; edits and findings refer to them by pointer and within.
            vault: where pseudonyms are minted; without one such values are redacted.
            reply: the segments are the model's. Then the vault's tokens in them are ours, to be restored;
                in a request they are the caller's own text. Segments of stage output are always the model's.
        """
        failures: dict[str, CheckFailure] = {}
        timings: dict[str, float] = {}
        found: dict[int, list[Finding]] = {}
        for index, armed, spans in await self._scanned(segments, failures, timings):
            found.setdefault(index, []).extend(armed.findings(segments[index], spans, self.key))
        if self._asking:
            for index, finding in await self._consult(self._asking, segments, failures, timings):
                found.setdefault(index, []).append(finding)
        if vault:
            for index in found:
                if reply or segments[index].stage is Stage.OUTPUT:
                    tokens = [(each.start, each.end) for each in vault.restores(segments[index].text)]
                    found[index] = unshielded(found[index], tokens)
        if not found and not failures and not vault:
            return Verdict(timings=timings) if timings else ALLOWED
        ordered = {index: in_order(found[index]) for index in sorted(found)}
        verdict = conclude(list(chain.from_iterable(ordered.values())), list(failures.values()), timings)
        if verdict.action is Action.BLOCK:
            return verdict
        edits = self._edits(segments, ordered, vault, reply)
        return replace(verdict, edits=edits) if edits else verdict

    async def ask(
        self, rules: Sequence[ArmedRule], segments: Sequence[Segment], failures: dict[str, CheckFailure]
    ) -> list[Finding]:
        """What rules whose checks see whole texts find in some segments."""
        return [finding for _, finding in await self._consult(rules, segments, failures, {})]

    def caught(self, armed: ArmedRule, failures: dict[str, CheckFailure]) -> _Caught:
        """Turns what the rule's check raises inside the block into an entry of `failures`."""
        return _Caught(armed, failures)

    async def _scanned(
        self, segments: Sequence[Segment], failures: dict[str, CheckFailure], timings: dict[str, float]
    ) -> list[tuple[int, ArmedRule, tuple[Span, ...]]]:
        """What scanners find, by index of the segment; texts seen lately are not looked at again."""
        found: list[tuple[int, ArmedRule, tuple[Span, ...]]] = []
        asked: list[tuple[int, ArmedRule, _Key]] = []
        missing: dict[_Key, tuple[ArmedRule, str]] = {}
        for index, segment in enumerate(segments):
            if scanning := self._scanning[segment.stage]:
                digest = blake2b(segment.text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
                for armed in scanning:
                    key = (armed.rule.id, digest)
                    spans = self._seen.get(key)
                    if spans is None:
                        asked.append((index, armed, key))
                        missing[key] = (armed, segment.text)
                    elif spans:
                        found.append((index, armed, spans))
        if not missing:
            return found
        if sum(len(text) for _, text in missing.values()) > _INLINE:
            new = await asyncio.to_thread(self._scan, missing, failures, timings)
        else:
            new = self._scan(missing, failures, timings)
        for key, spans in new.items():
            self._seen.put(key, spans)
        return found + [(index, armed, new[key]) for index, armed, key in asked if new.get(key)]

    def _scan(
        self,
        missing: dict[_Key, tuple[ArmedRule, str]],
        failures: dict[str, CheckFailure],
        timings: dict[str, float],
    ) -> dict[_Key, tuple[Span, ...]]:
        """The spans in some texts; none for those whose check failed. Touches nothing of the guard's."""
        found: dict[_Key, tuple[Span, ...]] = {}
        for key, (armed, text) in missing.items():
            began = perf_counter()
            with self.caught(armed, failures):
                assert armed.scanner is not None
                found[key] = tuple(sound(armed.scanner.scan(text), len(text)))
            rule = armed.rule.id
            timings[rule] = timings.get(rule, 0.0) + (perf_counter() - began) * 1000
        return found

    async def _consult(
        self,
        rules: Sequence[ArmedRule],
        segments: Sequence[Segment],
        failures: dict[str, CheckFailure],
        timings: dict[str, float],
    ) -> list[tuple[int, Finding]]:
        """Runs checks that see whole texts, all at once; findings come with the index of their segment."""

        async def run(armed: ArmedRule) -> None:
            chosen = [index for index, segment in enumerate(segments) if segment.stage in armed.rule.stages]
            if not chosen:
                return
            began = perf_counter()
            limit = asyncio.timeout(armed.rule.timeout_ms / 1000)
            with self.caught(armed, failures):
                try:
                    async with limit:
                        results = await armed.check([segments[index] for index in chosen])
                except TimeoutError:
                    if not limit.expired():
                        raise
                    failures[armed.rule.id] = armed.failed("timeout", "TimeoutError")
                    return
                if len(results) != len(chosen):
                    raise BadResult
                checked = [
                    sound(spans, len(segments[index].text))
                    for index, spans in zip(chosen, results, strict=True)
                ]
                for index, spans in zip(chosen, checked, strict=True):
                    found.extend((index, each) for each in armed.findings(segments[index], spans, self.key))
            timings[armed.rule.id] = (perf_counter() - began) * 1000

        found: list[tuple[int, Finding]] = []
        if len(rules) == 1:
            await run(rules[0])
        else:
            async with asyncio.TaskGroup() as group:
                for armed in rules:
                    group.create_task(run(armed))
        return found

    def _edits(
        self,
        segments: Sequence[Segment],
        found: dict[int, list[Finding]],
        vault: Vault | None,
        reply: bool,
    ) -> tuple[Edit, ...]:
        """Edits for all findings that act, and for what the caller wrote that looks like one of our tokens.

        Minting can make a text of the caller's into a look-alike, so it is repeated until no more are minted.
        """
        marks = {
            index: redact.marks(each for each in findings if acts(each.mode, each.action))
            for index, findings in found.items()
        }
        if vault is not None:
            vault.reserve(segments[i].text[mark.start : mark.end] for i in marks for mark in marks[i])
        lookalikes: dict[int, list[Mark]] = {}
        while True:
            minted = len(vault) if vault is not None else 0
            edits = [
                edit
                for index, segment in enumerate(segments)
                if index in marks or index in lookalikes
                for edit in _rewritten(segment, (*marks.get(index, ()), *lookalikes.get(index, ())), vault)
            ]
            if not vault or (lookalikes and len(vault) == minted):
                return tuple(edits)
            lookalikes = {
                index: [Mark(each.start, each.end, LOOKALIKE, Action.PSEUDONYMIZE) for each in tokens]
                for index, segment in enumerate(segments)
                if not reply
                and segment.stage is not Stage.OUTPUT
                and (tokens := vault.restores(segment.text))
            }
            if not lookalikes:
                return tuple(edits)


def load_guard(policy: Policy, key: bytes) -> Guard:
    """A guard for the policy, its checks built. Raises PolicyError with file, line, reason and fix."""
    return Guard(policy, key)


def _rewritten(segment: Segment, marks: Sequence[Mark], vault: Vault | None) -> Iterator[Edit]:
    """The edits that marks in one segment's text amount to."""
    for mark in redact.clusters(marks):
        if mark.action is Action.PSEUDONYMIZE and vault is not None:
            value = segment.text[mark.start : mark.end]
            replacement = vault.mint(mark.entity, value, segment.channel != SYSTEM, mark.style)
        else:
            replacement = redact.redaction(mark.entity)
        yield Edit(segment.pointer, mark.start, mark.end, replacement, segment.within)
