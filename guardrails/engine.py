"""The guard: runs a policy's rules over segments and says what is to be done. Failures are data."""

from __future__ import annotations

import asyncio
import sys
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from itertools import chain
from time import perf_counter

from guardrails import redact, tokens
from guardrails.arming import ArmedRule, acts, arm, in_order, sound
from guardrails.caught import Caught
from guardrails.check import ConversationCheck
from guardrails.conversation import ALONE, NOTHING_SAID, Conversation, Outside
from guardrails.errors import BadResult, Unavailable
from guardrails.judging import Around, judged
from guardrails.lanes import Group, groups
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

_THREADS = 2
"""Long texts that are scanned at a time."""

_INLINE = 65_536
"""Code points that are scanned at once, over all rules; more go to a thread, so that the event loop lives on."""

_TURN = 1_000
"""Texts that are looked up before others get their turn on the event loop."""

_Key = tuple[str, int | bytes, int]
"""Who looked at a text, the text's hash, and its length."""

_Found = Mapping[str, tuple[Span, ...]]
"""What stands in a text, by id of the rule that found it; rules that found nothing are not named."""


class _Spans:
    """What was found in texts seen lately: spans only, by who looked and a hash of the text. Bounded."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[_Key, _Found] = OrderedDict()

    def get(self, key: _Key) -> _Found | None:
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, key: _Key, found: _Found) -> None:
        self._entries[key] = found
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)


class Guard:
    """A policy at work. Safe to share between requests; keeps nothing of them but offsets.

    Args:
        policy: what to enforce. Raises PolicyError when a rule of it cannot be.
        key: secret under which findings' values are fingerprinted.
        outside: what checks may use of the world: counters, models.
    """

    def __init__(self, policy: Policy, key: bytes, outside: Outside = ALONE) -> None:
        rules = arm(policy)
        self.policy = policy
        self.key = key
        self._rules, self._outside = rules, outside
        self._groups = _by_stage(rules)
        self._asking = tuple(armed for armed in rules if armed.scanner is None)
        self.judging = frozenset(armed.rule.id for armed in rules if armed.knows)
        """Ids of the rules that look at values in their conversation, not at how a text is written."""
        self._deciding = tuple(armed for armed in self._asking if not armed.only_flags)
        self._flagging = tuple(armed for armed in self._asking if armed.only_flags)
        self._covered = frozenset(chain.from_iterable(armed.rule.stages for armed in rules))
        self._output = tuple(armed for armed in rules if Stage.OUTPUT in armed.rule.stages)
        # What only flags must not hold text back: it follows a stream at its own pace.
        self._following = tuple(
            group
            for acting in (True, False)
            for group in groups([armed for armed in self._output if armed.acts == acting], growing=True)
        )
        self.needs_whole = any(armed.needs_whole for armed in self._output)
        """Whether a streamed reply is kept back until all of it was checked."""
        self._seen = _Spans(_CACHED)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="guard")

    def covers(self, stage: Stage) -> bool:
        """Whether any rule looks at that stage."""
        return stage in self._covered

    async def aclose(self) -> None:
        """Ends the processes that checks run in, and its threads. Nothing can be inspected any more."""
        for armed in self._rules:
            await armed.aclose()
        self._threads.shutdown(wait=False)

    def stream(
        self,
        pointer: str,
        vault: Vault | None = None,
        channel: str = "assistant",
        conversation: Conversation = NOTHING_SAID,
    ) -> StreamGuard:
        """A guard for one field of a streamed reply; the text arrives in pushes."""
        failures: dict[str, CheckFailure] = {}
        rules, following = self._output, self._following
        if any(armed.streams for armed in rules):
            rules = tuple(self._following_in(armed, conversation, failures) for armed in rules)
            following += tuple(Group((armed,)) for armed in rules if armed.streams and armed.scanner)
        segment = Segment("", pointer, Stage.OUTPUT, channel)
        stream = StreamGuard(self, rules, following, segment, vault, conversation)
        stream.fail(failures)
        return stream

    def _following_in(
        self, armed: ArmedRule, conversation: Conversation, failures: dict[str, CheckFailure]
    ) -> ArmedRule:
        """A rule whose check needs the conversation, with the scanner for it; any other rule as it is."""
        if isinstance(armed.check, ConversationCheck) and armed.check.streams:
            with self.caught(armed, failures):
                return replace(armed, scanner=armed.check.scanner(conversation))
        return armed

    def judges(self, stage: Stage) -> bool:
        """Whether a rule at that stage looks at a text together with its conversation."""
        return any(stage in armed.rule.stages and armed.knows for armed in self._asking)

    def watches(self, stages: Iterable[Stage]) -> bool:
        """Whether `watch` has anything to do at any of these stages."""
        return any(not armed.rule.stages.isdisjoint(stages) for armed in self._flagging)

    async def watch(self, segments: Sequence[Segment], conversation: Conversation = NOTHING_SAID) -> Verdict:
        """The verdict of the rules that `inspect(later=True)` left out: they can flag and do nothing else."""
        failures: dict[str, CheckFailure] = {}
        timings: dict[str, float] = {}
        around = Around(conversation, self._outside)
        found = await self._consult(self._flagging, segments, around, failures, timings)
        return conclude(in_order(each for _, each in found), list(failures.values()), timings)

    async def inspect(
        self,
        segments: Sequence[Segment],
        vault: Vault | None = None,
        *,
        reply: bool = False,
        conversation: Conversation = NOTHING_SAID,
        later: bool = False,
    ) -> Verdict:
        """The verdict on some segments. A failing check is in the verdict; only cancellation is raised.

        Args:
            segments: texts to look at; edits and findings refer to them by pointer and within.
            vault: where pseudonyms are minted; without one such values are redacted.
            reply: the segments are the model's. Then the vault's tokens in them are ours, to be restored;
                in a request they are the caller's own text. Segments of stage output are always the model's.
            conversation: what stands around the segments.
            later: leave out what can only flag and needs time of its own; `watch` gives its verdict.
        """
        failures: dict[str, CheckFailure] = {}
        timings: dict[str, float] = {}
        found: dict[int, list[Finding]] = {}
        for index, armed, spans in await self._scanned(segments, failures, timings):
            found.setdefault(index, []).extend(armed.findings(segments[index], spans, self.key))
        if asking := self._deciding if later else self._asking:
            around = Around(conversation, self._outside, vault if reply else None)
            for index, finding in await self._consult(asking, segments, around, failures, timings):
                found.setdefault(index, []).append(finding)
        if vault:
            for index in found:
                if reply or segments[index].stage is Stage.OUTPUT:
                    own = [(each.start, each.end) for each in vault.restores(segments[index].text)]
                    found[index] = unshielded(found[index], own, self.judging)
        if not found and not failures and not vault:
            return Verdict(timings=timings) if timings else ALLOWED
        ordered = {index: in_order(found[index]) for index in sorted(found)}
        verdict = conclude(list(chain.from_iterable(ordered.values())), list(failures.values()), timings)
        if verdict.action is Action.BLOCK:
            return verdict
        edits = self._edits(segments, ordered, vault, reply)
        return replace(verdict, edits=edits) if edits else verdict

    async def ask(
        self,
        rules: Sequence[ArmedRule],
        segments: Sequence[Segment],
        failures: dict[str, CheckFailure],
        conversation: Conversation = NOTHING_SAID,
        vault: Vault | None = None,
    ) -> list[Finding]:
        """What rules whose checks see whole texts find in some segments of the model's."""
        around = Around(conversation, self._outside, vault)
        return [finding for _, finding in await self._consult(rules, segments, around, failures, {})]

    def caught(
        self, armed: ArmedRule, failures: dict[str, CheckFailure], timings: dict[str, float] | None = None
    ) -> Caught:
        """Turns what the rule's check raises inside the block into an entry of `failures`, and times it."""
        return Caught(armed, failures, timings)

    async def _scanned(
        self, segments: Sequence[Segment], failures: dict[str, CheckFailure], timings: dict[str, float]
    ) -> list[tuple[int, ArmedRule, tuple[Span, ...]]]:
        """What scanners find, by index of the segment; texts seen lately are not looked at again."""
        asked: list[tuple[int, Group, _Key]] = []
        known: dict[_Key, _Found] = {}
        missing: dict[_Key, tuple[Group, str]] = {}
        for index, segment in enumerate(segments):
            if index % _TURN == _TURN - 1:
                await asyncio.sleep(0)
            if grouped := self._groups[segment.stage]:
                text = segment.text
                digest, size = _digest(text), len(text)
                for group in grouped:
                    key = (group.name, digest, size)
                    seen = self._seen.get(key)
                    if seen is None:
                        missing[key] = (group, text)
                    elif seen:
                        known[key] = seen
                    else:
                        continue
                    asked.append((index, group, key))
        if missing:
            looked = await self._looked(missing, failures, timings)
            for turn, (key, (found, complete)) in enumerate(looked.items(), 1):
                if turn % _TURN == 0:
                    await asyncio.sleep(0)
                known[key] = found
                if complete:
                    self._seen.put(key, found)
        return [
            (index, armed, spans)
            for index, group, key in asked
            for armed in group.rules
            if (spans := known[key].get(armed.rule.id))
        ]

    async def _looked(
        self,
        missing: dict[_Key, tuple[Group, str]],
        failures: dict[str, CheckFailure],
        timings: dict[str, float],
    ) -> dict[_Key, tuple[_Found, bool]]:
        """As `_scan`, in a thread when there is much to look at. Without threads every rule has failed."""
        work = partial(self._scan, missing, failures, timings)
        if sum(len(text) for _, text in missing.values()) <= _INLINE:
            return work()
        try:
            looking = asyncio.get_running_loop().run_in_executor(self._threads, work)
        except RuntimeError as error:
            for group, _ in missing.values():
                for armed in group.rules:
                    failures[armed.rule.id] = armed.failed("unavailable", type(error).__name__)
            return {key: ({}, False) for key in missing}
        return await looking

    def _scan(
        self,
        missing: dict[_Key, tuple[Group, str]],
        failures: dict[str, CheckFailure],
        timings: dict[str, float],
    ) -> dict[_Key, tuple[_Found, bool]]:
        """The spans in some texts, and whether no check failed there. Touches nothing of the guard's."""
        found: dict[_Key, tuple[_Found, bool]] = {}
        began = perf_counter()
        deadline = began + self.policy.budget_ms / 1000
        for key, (group, text) in missing.items():
            caught = partial(self.caught, failures=failures, timings=timings)
            spans = group.scan(text, deadline, caught) if perf_counter() < deadline else {}
            if len(spans) < len(group.rules) and perf_counter() >= deadline:
                for armed in group.rules:
                    if armed.rule.id not in spans:
                        failures[armed.rule.id] = armed.over_budget(self.policy.on_budget)
            told = {rule: each for rule, each in spans.items() if each}
            found[key] = (told, len(spans) == len(group.rules))
        return found

    async def _consult(
        self,
        rules: Sequence[ArmedRule],
        segments: Sequence[Segment],
        around: Around,
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
                        results = await self._answers(armed, [segments[index] for index in chosen], around)
                except TimeoutError:
                    if not limit.expired():
                        raise
                    failures[armed.rule.id] = armed.failed("timeout", "TimeoutError")
                    return
                for index, spans in zip(chosen, results, strict=True):
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

    async def _answers(
        self, armed: ArmedRule, segments: Sequence[Segment], around: Around
    ) -> list[Sequence[Span]]:
        """What a rule's check finds in each segment; a pure check is asked only about new ones.

        Raises BadResult when the check's answer is none.
        """
        if isinstance(armed.check, ConversationCheck):
            shown = await self._masked(segments) if armed.check.shown_masked else None
            told = await judged(armed.check, segments, around, shown)
            return [sound(each, len(text.text)) for each, text in zip(told, segments, strict=True)]
        keys: list[_Key | None] = [None] * len(segments)
        known: list[Mapping[str, Sequence[Span]] | None] = [None] * len(segments)
        if getattr(armed.check, "pure", False):
            for place, segment in enumerate(segments):
                about = "\0".join((armed.rule.id, segment.stage, segment.channel))
                key = keys[place] = (about, _digest(segment.text), len(segment.text))
                known[place] = self._seen.get(key)
        asked = [place for place, seen in enumerate(known) if seen is None]
        results = await armed.check([segments[place] for place in asked]) if asked else []
        if not isinstance(results, Sequence) or len(results) != len(asked):
            raise BadResult
        for place, spans in zip(asked, results, strict=True):
            checked = tuple(sound(spans, len(segments[place].text)))
            known[place] = {armed.rule.id: checked}
            if (new := keys[place]) is not None:
                self._seen.put(new, {armed.rule.id: checked})
        return [(seen or {}).get(armed.rule.id, ()) for seen in known]

    async def _masked(self, segments: Sequence[Segment]) -> list[Segment]:
        """The segments with all that scanners find in them masked: as others may be shown them.

        Raises Unavailable when a scanner could not look.
        """
        failures: dict[str, CheckFailure] = {}
        found: dict[int, list[Finding]] = {}
        for index, armed, spans in await self._scanned(segments, failures, {}):
            found.setdefault(index, []).extend(armed.findings(segments[index], spans, self.key))
        if failures:
            raise Unavailable
        return [
            replace(segment, text=redact.apply(segment.text, redact.mask(found[index])))
            if index in found
            else segment
            for index, segment in enumerate(segments)
        ]

    def _token_like(self, text: str) -> bool:
        """Whether a text may hold a token of anybody's; remembered, as each turn of a chat brings it again."""
        key = ("", _digest(text), len(text))
        seen = self._seen.get(key)
        if seen is None:
            seen = {"": ()} if tokens.shaped(text) else {}
            self._seen.put(key, seen)
        return bool(seen)

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
                index: [Mark(each.start, each.end, LOOKALIKE, Action.PSEUDONYMIZE) for each in found_here]
                for index, segment in enumerate(segments)
                if not reply
                and segment.stage is not Stage.OUTPUT
                and (vault.has_surrogates or self._token_like(segment.text))
                and (found_here := vault.restores(segment.text))
            }
            if not lookalikes:
                return tuple(edits)


def load_guard(policy: Policy, key: bytes, outside: Outside = ALONE) -> Guard:
    """A guard for the policy, its checks built. Raises PolicyError with file, line, reason and fix."""
    return Guard(policy, key, outside)


def _digest(text: str) -> int | bytes:
    """What a text is remembered by: Python's hash, whose key nobody knows, as it costs a fifth of a cryptographic one.

    A cryptographic hash where that key was switched off, as texts that collide could be made then.
    """
    if sys.flags.hash_randomization:
        return hash(text)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _by_stage(rules: Sequence[ArmedRule]) -> dict[Stage, tuple[Group, ...]]:
    """The groups that read at each stage; stages with the same rules share theirs."""
    formed: dict[tuple[str, ...], tuple[Group, ...]] = {}
    staged: dict[Stage, tuple[Group, ...]] = {}
    for stage in Stage:
        chosen = [armed for armed in rules if armed.scanner and stage in armed.rule.stages]
        names = tuple(armed.rule.id for armed in chosen)
        if names not in formed:
            formed[names] = groups(chosen)
        staged[stage] = formed[names]
    return staged


def _rewritten(segment: Segment, marks: Sequence[Mark], vault: Vault | None) -> Iterator[Edit]:
    """The edits that marks in one segment's text amount to."""
    for mark in redact.clusters(marks):
        if mark.action is Action.PSEUDONYMIZE and vault is not None:
            value = segment.text[mark.start : mark.end]
            replacement = vault.mint(mark.entity, value, segment.channel != SYSTEM, mark.style)
        else:
            replacement = redact.redaction(mark.entity)
        yield Edit(segment.pointer, mark.start, mark.end, replacement, segment.within)
