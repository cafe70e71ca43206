"""What every limiter promises, in memory and in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from proxy.exchange import new_id
from proxy.limiter import Counter, Limiter, Refusal, Seeding
from proxy.limiter_memory import MemoryLimiter
from proxy.limiter_redis import RedisLimiter
from proxy.limits import Limits
from tests.cost import metered
from tests.proxy.limiters import demand, entered, known
from tests.proxy.test_vaults import redis_url

KEY, TEAM = "key:k", "team:default/eng"
NOON = 1_700_000_000


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.services)])
async def limiter(request: pytest.FixtureRequest) -> AsyncIterator[Limiter]:
    """Each limiter, empty."""
    made: Limiter
    made = (
        MemoryLimiter() if request.param == "memory" else RedisLimiter(redis_url(), prefix=f"test:{new_id()}")
    )
    await made.start()
    yield made
    assert made.trouble() is None
    await made.aclose()


async def refusal(limiter: Limiter, limits: Limits, tokens: int = 0, cost: int = 0) -> Refusal | None:
    """What keeps a further request of the key out; it is not settled when nothing does."""
    return (await entered(limiter, demand((KEY, limits), tokens=tokens, cost=cost))).refusal


async def test_requests_are_admitted_up_to_the_limit(limiter: Limiter) -> None:
    """The one over it is refused, says how many there were, and when a place is free again."""
    limits = Limits(rpm=3)
    for left in (2, 1, 0):
        answer = await limiter.admit(demand((KEY, limits)))
        assert answer.refusal is None
        assert limits.rpm is not None
        assert limits.rpm - answer.standings[0].requests == left

    found = await refusal(limiter, limits)

    assert found is not None
    assert (found.kind, found.most, found.used, found.crowded) == ("rpm", 3, 3, False)
    assert found.wait_s is not None
    assert 0 < found.wait_s <= 61


async def test_a_refused_request_counts_nowhere(limiter: Limiter) -> None:
    """Refused by its team, it uses nothing of its key; refused by its key, nothing of its team."""
    both = ((KEY, Limits(rpm=5)), (TEAM, Limits(rpm=1)))
    first = await limiter.admit(demand(*both))
    second = await limiter.admit(demand(*both))

    assert first.refusal is None
    assert second.refusal is not None
    assert second.refusal.scope == TEAM
    assert [each.requests for each in second.standings] == [1, 1]
    assert limiter.leases == 1


async def test_tokens_are_reserved_and_then_counted_as_used(limiter: Limiter) -> None:
    """A reservation takes part in the limit until the real number takes its place."""
    limits = Limits(tpm=100)
    first = demand((KEY, limits), tokens=60)
    assert (await limiter.admit(first)).refusal is None
    crowded = await refusal(limiter, limits, tokens=60)
    limiter.settle(first, 10, 0)
    admitted = await refusal(limiter, limits, tokens=60)

    assert crowded is not None
    assert (crowded.kind, crowded.used, crowded.wait_s, crowded.crowded) == ("tpm", 0, 1.0, True)
    assert admitted is None


async def test_one_request_alone_may_go_over(limiter: Limiter) -> None:
    """What is larger than the limit is admitted when nothing else is under way and something is left; then no more."""
    limits = Limits(tpm=100)
    large = demand((KEY, limits), tokens=5_000)
    assert (await limiter.admit(large)).refusal is None
    limiter.settle(large, 4_000, 0)

    found = await refusal(limiter, limits, tokens=1)

    assert found is not None
    assert (found.kind, found.used, found.crowded) == ("tpm", 4_000, False)
    assert await refusal(limiter, limits, tokens=0) is None


async def test_requests_at_a_time_are_bounded(limiter: Limiter) -> None:
    """One more than may be under way is refused for a second; when one ends, the next may come."""
    limits = Limits(max_parallel_requests=2)
    under_way = [demand((KEY, limits)) for _ in range(2)]
    for each in under_way:
        assert (await limiter.admit(each)).refusal is None
    found = await refusal(limiter, limits)
    limiter.settle(under_way[0], 0, 0)

    assert found is not None
    assert (found.kind, found.most, found.used, found.wait_s) == ("parallel", 2, 2, 1.0)
    assert await refusal(limiter, limits) is None


@pytest.mark.parametrize(("period", "later"), [("day", 86_400), ("week", 7 * 86_400), ("month", 31 * 86_400)])
async def test_budgets_begin_anew_with_their_period(limiter: Limiter, period: str, later: int) -> None:
    """What was spent counts until the period ends; a clock that steps back finds it again."""
    limits = Limits(budgets={period: 1_000})
    first = demand((KEY, limits), cost=900, at_s=NOON)
    assert (await limiter.admit(first)).refusal is None
    limiter.settle(first, 0, 1_000)
    spent = await entered(limiter, demand((KEY, limits), cost=1, at_s=NOON))
    following = demand((KEY, limits), cost=1, at_s=NOON + later)
    anew = await entered(limiter, following)
    limiter.settle(following, 0, 1)
    back = await entered(limiter, demand((KEY, limits), cost=1, at_s=NOON))

    assert spent.refusal is not None
    assert (spent.refusal.kind, spent.refusal.period, spent.refusal.used) == ("budget", period, 1_000)
    assert spent.refusal.wait_s is not None
    assert anew.refusal is None
    assert back.refusal is not None
    assert back.refusal.used == 1_000


async def test_a_total_budget_never_begins_anew(limiter: Limiter) -> None:
    """No time to wait is named, and of nine million dollars every billionth is kept."""
    most = 9 * 10**15
    limits = Limits(budgets={"total": most})
    first = demand((KEY, limits), cost=1)
    assert (await limiter.admit(first)).refusal is None
    limiter.settle(first, 0, most - 1)
    odd = demand((KEY, limits), cost=1, at_s=NOON)
    await entered(limiter, odd)
    limiter.settle(odd, 0, 2)

    found = await refusal(limiter, limits, cost=1)

    assert found is not None
    assert (found.used, found.wait_s) == (most + 1, None)
    assert await refusal(limiter, limits, cost=0) is None


async def test_settling_twice_counts_once(limiter: Limiter) -> None:
    """Only the first settlement of a request is counted, and only of one that was admitted."""
    limits = Limits(tpm=100, max_parallel_requests=1)
    first = demand((KEY, limits), tokens=10)
    await limiter.admit(first)
    limiter.settle(first, 30, 0)
    limiter.settle(first, 30, 0)
    limiter.settle(demand((KEY, limits), tokens=10), 30, 0)

    answer = await entered(limiter, demand((KEY, limits), tokens=10))

    assert answer.refusal is None
    assert answer.standings[0].tokens == 30 + 10
    assert limiter.leases == 1


async def test_64_callers_at_once_stay_within_every_limit(limiter: Limiter) -> None:
    """Requests, requests at a time and money: no limit is ever exceeded by more than one request alone may."""
    limits = Limits(rpm=150, max_parallel_requests=7, budgets={"day": 100_000})
    admitted = under_way = most = spent = reserved = 0

    async def caller() -> None:
        nonlocal admitted, under_way, most, spent, reserved
        for _ in range(10):
            asked = demand((KEY, limits), cost=1_000, at_s=NOON)
            if (await limiter.admit(asked)).refusal is None:
                admitted, under_way, reserved = admitted + 1, under_way + 1, reserved + 1_000
                most = max(most, under_way)
                assert spent + reserved <= 100_000 or reserved == 1_000
                await asyncio.sleep(0.001)
                under_way, reserved, spent = under_way - 1, reserved - 1_000, spent + 700
                limiter.settle(asked, 0, 700)
            await asyncio.sleep(0.001)

    await asyncio.gather(*(caller() for _ in range(64)))
    await known(limiter)

    assert 0 < admitted <= 150
    assert most <= 7
    assert limiter.leases == 0
    last = await limiter.admit(demand((KEY, Limits(budgets={"day": 1})), cost=1, at_s=NOON))
    assert last.refusal is not None
    assert last.refusal.used == spent == 700 * admitted


async def test_budgets_are_filled_from_the_database(limiter: Limiter) -> None:
    """What was spent before is known after a start; what is counted already is never made less."""
    limits = Limits(budgets={"day": 1_000, "total": 10_000})
    asked: list[tuple[str, int]] = []

    def spent(scope: str, begins: int, ends: int | None, ended_before: int | None) -> int:
        asked.append((scope, begins))
        return 950 if ends is not None else 9_999

    await limiter.seed([(KEY, limits)], spent, NOON)
    await limiter.seed([(KEY, limits)], spent, NOON)
    first = demand((KEY, limits), cost=1, at_s=NOON)
    assert (await limiter.admit(first)).refusal is None
    limiter.settle(first, 0, 60)
    await known(limiter)
    await limiter.seed([(KEY, limits)], lambda *_: 3, NOON + 40)
    found = (await limiter.admit(demand((KEY, limits), cost=1, at_s=NOON))).refusal

    assert asked == [(KEY, NOON - NOON % 86_400), (KEY, 0)]
    assert found is not None
    assert (found.period, found.used) == ("day", 1_010)


def test_counters_are_filled_when_they_are_new_or_lost_and_once_more_later() -> None:
    """The second look finds what had not reached the database at the first."""
    seeding, limits = Seeding(), Limits(budgets={"total": 5})
    [counter] = seeding.of([(KEY, limits)], NOON)

    looks = [
        len(seeding.wanted([counter], lost, NOON + later))
        for later, lost in (
            (0, ()),
            (3, ()),
            (30, ()),
            (60, ()),
            (63, {counter}),
            (66, ()),
            (93, ()),
            (96, ()),
        )
    ]

    assert counter == Counter(KEY, "total", 0, None)
    assert looks == [1, 0, 1, 0, 1, 0, 1, 0]


async def test_admitting_and_settling_cost_little() -> None:
    """In memory both together take less than a tenth of a millisecond of CPU, over ten thousand requests."""
    limiter = MemoryLimiter()
    scopes = (
        (
            KEY,
            Limits(rpm=10**9, tpm=10**9, max_parallel_requests=64, budgets={"day": 10**15, "month": 10**16}),
        ),
        (TEAM, Limits(rpm=10**9, tpm=10**9, budgets={"month": 10**16})),
    )
    asked = [demand(*scopes, tokens=500, cost=1_000) for _ in range(10_000)]
    with metered() as spent:
        for each in asked:
            assert (await limiter.admit(each)).refusal is None
            limiter.settle(each, 300, 600)

    assert spent.seconds / len(asked) < 0.0001
