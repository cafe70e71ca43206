"""The figures of the contests about limits: a limiter that lets too many in, or loses counts, must be told."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from proxy.key_terms import Terms
from proxy.limiter_memory import MemoryLimiter
from proxy.limits import parse_limits
from proxy.permits import known_keys
from proxy.store.keys import create_key
from tests.bench.bench_limits import BATCH, cpu
from tests.bench.limit_contest import (
    MINUTE_US,
    PATIENCE_SECONDS,
    Kind,
    Outcome,
    at_a_time,
    kinds,
    within_a_minute,
)
from tests.bench.limit_proxies import COST, MODEL, TEAM, TOKENS, Span
from tests.proxy.policies import policy
from tests.servers import make_app

RPM, TPM, PARALLEL, BUDGET = kinds(quick=True)


def spans(count: int, apart_us: int = 1_000, lasting_us: int = 500) -> list[Span]:
    """So many, one after the other."""
    return [Span(place * apart_us, 100, lasting_us, TOKENS, COST) for place in range(count)]


def outcome(kind: Kind, found: list[Span], **over: object) -> Outcome:
    """What is told when the limiter counted what the traces say."""
    said = Outcome(kind, found, len(found), 0, kind.kept(found), 1.0)
    return replace(said, **over)  # type: ignore[arg-type]


def missed(told: Outcome) -> list[str]:
    """The figures that fail the command."""
    return [row.name.partition(": ")[2] for row in told.rows("x") if row.must and row.met is False]


def test_a_minute_is_any_and_its_end_is_another() -> None:
    """What is sixty seconds apart does not count together; a moment less does."""
    found = [Span(at, 0, 1, TOKENS, COST) for at in (5, 5 + MINUTE_US - 1, 5 + MINUTE_US)]

    assert within_a_minute(found, lambda _: 1) == 2
    assert within_a_minute(found[:1], lambda span: span.tokens) == TOKENS
    assert within_a_minute([], lambda _: 1) == 0


def test_at_a_time_counts_from_the_first_text_to_the_end() -> None:
    """Who waits before is not admitted yet, and who ends as another begins makes room for it."""
    assert at_a_time(spans(5)) == 1
    assert at_a_time(spans(5, apart_us=100, lasting_us=1_000)) == 5
    assert at_a_time([Span(0, 10, 20, 0, 0), Span(0, 20, 30, 0, 0)]) == 1


def test_limits_that_hold_miss_nothing() -> None:
    """Exactly as many as fit, and one more where the last was let in alone."""
    assert missed(outcome(RPM, spans(200))) == []
    assert missed(outcome(TPM, spans(201))) == []
    assert missed(outcome(BUDGET, spans(201))) == []
    assert missed(outcome(PARALLEL, spans(8, apart_us=1, lasting_us=1_000))) == []


def test_more_than_one_over_a_limit_is_told() -> None:
    """By each kind of limit."""
    for kind in (RPM, TPM, BUDGET):
        assert missed(outcome(kind, spans(202))) == ["over the limit"]
    assert missed(outcome(PARALLEL, spans(10, apart_us=1, lasting_us=1_000))) == ["over the limit"]


def test_a_limit_that_shuts_too_early_is_told() -> None:
    """Who lets nobody in exceeds nothing."""
    for kind in (RPM, TPM, BUDGET):
        assert missed(outcome(kind, spans(199))) == ["let in"]


def test_what_is_lost_is_told() -> None:
    """A count, a trace, a lease that is left behind, and a contest that took too long to say."""
    for kind in (RPM, TPM, BUDGET):
        found = spans(200 if kind is RPM else 201)
        assert missed(outcome(kind, found, counted=kind.kept(found) - 1)) == ["counts lost"]
        assert missed(outcome(kind, found, answered=len(found) + 1)) == ["counts lost"]
        assert missed(outcome(kind, found, seconds=PATIENCE_SECONDS)) == ["counts lost"]
    crowd = spans(8, apart_us=1, lasting_us=1_000)
    assert missed(outcome(PARALLEL, crowd, counted=1)) == ["counts lost"]


async def test_what_is_timed_is_limited(tmp_path: Path) -> None:
    """Each request that is timed is counted for key and team, and settled with what it used."""
    app = make_app(tmp_path, "http://127.0.0.1:1/v1", policy(), [MODEL], teams={"contest": TEAM})
    context = app.context
    made = create_key(context.store, "a", terms=Terms(team="contest", limits=parse_limits(TEAM)))
    context.keyring.refresh(partial(known_keys, context))

    assert await cpu(context, f"Bearer {made.secret}", 4, 1) > 0
    limiter = context.limiter
    assert isinstance(limiter, MemoryLimiter)
    assert limiter.leases == 0
    for scope in (f"key:{made.stored.key_id}", "team:default/contest"):
        account = limiter.account(scope)
        assert sum(amount for _, amount in account.requests._slots) == BATCH
        assert sum(amount for _, amount in account.tokens._slots) == BATCH * (4 * 70 + 12)
