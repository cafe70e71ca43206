"""Which exchanges are steps of one agent run or conversation.

Known by the first of these that says so: a session that the caller names, the response it goes on from, its trace, a
tool call that it answers, the history that it repeats. Nothing is joined across keys: tenant and key are in every hash.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from guardrails.keyed import keyed_hash
from proxy import identity, turns
from proxy.exchange import Exchange, Principal
from proxy.identity import Named, Source, digest
from proxy.large import aside
from proxy.marks import Found, Mark, Marks, SharedMarks

DEPTH = 64
"""Steps at the end of a history before which a known one is looked for."""
MOST_CALLS = 8
"""Answered tool calls by which a run is looked for, the newest ones."""
TELLING_CHARS = 40
"""From so many characters on a reply tells its run where the beginning of the history is gone."""
RETRY_S = 120
"""For how long a request that failed is expected once more."""
PATIENCE_S = 0.05
"""How long what is remembered elsewhere may keep an exchange from being recorded."""

ASKED, FAILED, ANSWERED, USED = "q", "f", "a", "u"
"""States of a mark: the history was asked about, in vain; it ends with our reply; it was gone on from."""

_RESPONSES = "/v1/responses"


@dataclass(slots=True)
class Evidence:
    """What tells the run of one exchange, as hashes of its key's own."""

    named: Named | None = None
    session: str | None = None
    """Hash of the session by name."""
    known: tuple[Source, str] | None = None
    """What the run is surely known by, and its id where nothing is remembered of it."""
    before: str | None = None
    """The response that it goes on from."""
    calls: list[str] = field(default_factory=list)
    """Tool calls that it answers, the newest first: with what they asked for, then by their ids alone."""
    heads: list[str] = field(default_factory=list)
    """Its history up to each of the last steps, the shortest first; the last is all of it."""
    end: blake2b | None = None
    """All of it, to go on from."""
    said: str | None = None
    """The model's last long text in it."""

    def keys(self) -> list[str]:
        """Under what marks are looked for."""
        if self.known is not None:
            return [key for key in (self.before, self.known[1]) if key]
        return [*self.calls, *self.heads[::-1], *([self.said] if self.said else ())]


class Runs:
    """Groups exchanges.

    Args:
        key: secret of this installation.
        marks: what this process remembers.
        shared: what all proxies remember together.
        begun: told what a new run is known by.
    """

    def __init__(
        self, key: bytes, marks: Marks, shared: SharedMarks | None, begun: Callable[[str], None]
    ) -> None:
        self._key, self._marks, self._shared, self._begun = key, marks, shared, begun
        self._writing: set[asyncio.Task[None]] = set()

    def look(self, exchange: Exchange) -> None:
        """Begin to look up what other proxies know of an exchange, while its provider is asked."""
        if self._shared is not None and exchange.principal is not None and exchange.grouping is None:
            exchange.grouping = asyncio.create_task(self._look(exchange, self._shared))

    def ready(self, exchange: Exchange) -> bool:
        """Whether what other proxies know of an exchange is there, or nobody is asked: then `settle` does not wait."""
        return exchange.grouping is None or exchange.grouping.done()

    async def settle(self, exchange: Exchange) -> None:
        """Say which run an exchange is a step of, once its reply is known. A second call does nothing.

        Waits a moment at most for what is remembered elsewhere; what is known here then has to do.
        """
        if exchange.run_id is not None or exchange.principal is None:
            return
        looked = exchange.grouping
        if looked is not None:
            await asyncio.wait({looked}, timeout=PATIENCE_S)
        if looked is not None and looked.done() and not looked.cancelled() and looked.exception() is None:
            evidence, elsewhere = looked.result()
        else:
            evidence, elsewhere = await aside(exchange, self._evidence, exchange, exchange.principal), {}
        found = self._marks.found(evidence.keys(), elsewhere)
        left = self._decide(exchange, evidence, found)
        self._marks.add(left)
        if self._shared is not None:
            task = asyncio.create_task(self._shared.add(left))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def aclose(self) -> None:
        """Write what is still to be written, and let go of connections."""
        if self._shared is not None:
            await asyncio.gather(*self._writing, return_exceptions=True)
            await self._shared.aclose()

    async def _look(self, exchange: Exchange, shared: SharedMarks) -> tuple[Evidence, Found]:
        assert exchange.principal is not None
        evidence = await aside(exchange, self._evidence, exchange, exchange.principal)
        return evidence, await shared.found(evidence.keys())

    # --- what there is to go by

    def _evidence(self, exchange: Exchange, who: Principal) -> Evidence:
        request, path = exchange.request, exchange.path
        found = Evidence(named=exchange.named or identity.in_body(request))
        steps = turns.of_request(path, request)
        if (asked := turns.last_asked(path, request, steps)) is not None:
            exchange.asked = identity.asked(self._key, who.tenant, asked)
        if found.named is not None:
            found.session = identity.session_hash(self._key, who.tenant, found.named.name)
        self._explicit(found, exchange, who)
        if found.known is None and steps:
            self._implicit(found, steps, who)
        return found

    def _explicit(self, found: Evidence, exchange: Exchange, who: Principal) -> None:
        request = exchange.request
        by_header = found.named is not None and found.named.source is not Source.METADATA
        before = request.get("previous_response_id")
        if found.named is not None and found.session is not None and by_header:
            found.known = found.named.source, self._hash(who, "session", found.session)
        elif isinstance(before, str) and before:
            found.before = self._hash(who, "response", before)
            found.known = Source.RESPONSE_CHAIN, found.before
        elif told := identity.conversation(request):
            found.known = Source.RESPONSE_CHAIN, self._hash(who, "conversation", told)
        elif found.named is not None and found.session is not None:
            found.known = Source.METADATA, self._hash(who, "session", found.session)
        elif exchange.parent_span is not None:
            found.known = Source.TRACE, self._hash(who, "trace", exchange.trace_id)

    def _implicit(self, found: Evidence, steps: Sequence[turns.Step], who: Principal) -> None:
        answered = [step.id for step in reversed(steps) if step.kind == turns.RESULT and step.id]
        newest = list(dict.fromkeys(answered))[:MOST_CALLS]
        called = {step.id: step.data for step in steps if step.kind == turns.CALL}
        found.calls = [self._called(who, id, called[id]) for id in newest if id in called]
        found.calls += [self._called(who, id) for id in newest]
        states = turns.follow(self._seed(who), steps, DEPTH)
        found.heads = [state.hexdigest() for state in states]
        found.end = states[-1]
        said = next((step.data for step in reversed(steps) if step.kind == turns.MODEL), b"")
        if len(said) >= TELLING_CHARS:
            found.said = self._said(who, said)

    # --- what it comes to

    def _decide(self, exchange: Exchange, found: Evidence, marks: Found) -> list[tuple[str, Mark]]:
        """Sets the run of an exchange; gives what is to be remembered of it."""
        now, left = self._marks.now(), list[tuple[str, Mark]]()
        exchange.session_id = found.session
        if found.known is not None:
            source, run = found.known
            before = marks.get(found.before or "", ())
            run = before[-1].run if before else run
            new = run not in marks and not before
        else:
            joined = _joined(found, marks, now)
            new = joined is None
            source, run = joined or (Source.NONE, exchange.id)
            left += [(head, Mark(run, USED, now)) for head in _gone_on_from(found, marks, run)]
        exchange.run_id, exchange.run_source = run, source.value
        if new:
            self._begun(source)
        left += self._remembered(exchange, found, run, now)
        return left

    def _remembered(
        self, exchange: Exchange, found: Evidence, run: str, now: int
    ) -> Iterable[tuple[str, Mark]]:
        who = exchange.principal
        assert who is not None
        if found.known is not None:
            yield run, Mark(run, ASKED, now)
        if exchange.response_id is not None and exchange.path.startswith(_RESPONSES):
            yield self._hash(who, "response", exchange.response_id), Mark(run, ANSWERED, now)
        if found.end is None:
            return
        failed = exchange.failure is not None or exchange.cancelled
        yield found.heads[-1], Mark(run, FAILED if failed else ASKED, now)
        for steps in turns.of_reply(exchange.path, exchange.told or {})[:MOST_CALLS]:
            for state in turns.follow(found.end, steps, 1):
                yield state.hexdigest(), Mark(run, ANSWERED, now)
            for step in steps:
                if step.kind == turns.CALL and step.id:
                    yield self._called(who, step.id), Mark(run, ANSWERED, now)
                    yield self._called(who, step.id, step.data), Mark(run, ANSWERED, now)
                if step.kind == turns.MODEL and len(step.data) >= TELLING_CHARS:
                    yield self._said(who, step.data), Mark(run, ANSWERED, now)

    def _hash(self, who: Principal, kind: str, told: str) -> str:
        return digest(self._key, kind, who.tenant, who.key_id, told)

    def _called(self, who: Principal, id: str, told: bytes = b"") -> str:
        return digest(self._key, "call", who.tenant, who.key_id, id, told.decode("utf-8", "surrogatepass"))

    def _seed(self, who: Principal) -> blake2b:
        """The hash that a history of that key's begins with."""
        seed = f"history\0{len(who.tenant)}\0{who.tenant}\0{who.key_id}".encode("utf-8", "surrogatepass")
        return blake2b(key=keyed_hash(self._key, seed, 32), digest_size=16)

    def _said(self, who: Principal, text: bytes) -> str:
        state = self._seed(who)
        state.update(b"said:")
        state.update(text)
        return state.hexdigest()


def _joined(found: Evidence, marks: Found, now: int) -> tuple[Source, str] | None:
    """The run that an exchange goes on with, and what tells it; None when it begins one."""
    callers = [[mark.run for mark in marks.get(call, ())] for call in found.calls]
    sure = next((runs[0] for runs in callers if len(runs) == 1), None)
    if sure is not None:
        return Source.TOOL_CALL, sure
    # Some models number their calls from 1 in every run: their ids tell runs apart only with the history.
    if run := _continued(found.heads, marks, now):
        return Source.PREFIX, run
    if votes := Counter(run for runs in callers for run in reversed(runs)):
        return Source.TOOL_CALL, votes.most_common(1)[0][0]
    said = marks.get(found.said or "", ())
    return (Source.PREFIX, said[0].run) if len(said) == 1 else None


def _continued(heads: Sequence[str], marks: Found, now: int) -> str | None:
    """The run whose history is the longest beginning of this one's."""
    if not heads:
        return None
    # All of it was asked before: another run with the same question, unless that one got no answer.
    for mark in reversed(marks.get(heads[-1], ())):
        if mark.state == ANSWERED or (mark.state == FAILED and now - mark.at <= RETRY_S):
            return mark.run
    for head in reversed(heads[:-1]):
        if known := marks.get(head):
            # Runs that are word for word alike so far: one that nobody has gone on from yet, the newest of those.
            rank = {ANSWERED: 3, ASKED: 2, FAILED: 1, USED: 0}
            return max(enumerate(known), key=lambda each: (rank.get(each[1].state, 0), each[0]))[1].run
    return None


def _gone_on_from(found: Evidence, marks: Found, run: str) -> list[str]:
    """The longest known beginning of the history that the run has left, if any."""
    for head in reversed(found.heads[:-1]):
        if any(mark.run == run for mark in marks.get(head, ())):
            return [head]
    return []


def runs(key: bytes, redis_url: str | None, idle_s: int, begun: Callable[[str], None]) -> Runs:
    """The runs of this process: with others' where a URL of a Redis is given. Raises ConfigError."""
    shared = SharedMarks(redis_url, idle_s) if redis_url else None
    return Runs(key, Marks(idle_s), shared, begun)


def told(exchange: Exchange, reply: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A reply as its caller has it: each pseudonym of the request its value again."""
    if reply is None or not exchange.vault:
        return reply
    return exchange.dialect.restored(dict(reply), (), exchange.vault, exchange.request)
