"""Limits in memory, with a clock that is set; what all limiters promise stands in test_limiter.py."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.limiter_memory import MemoryLimiter, fits
from proxy.limits import Limits
from tests.proxy.limiters import demand

KEY = "key:k"


class Clock:
    """A clock that is set."""

    now = 5_000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


async def test_places_come_back_after_a_minute() -> None:
    """When as long has passed as was told, and not a second before."""
    clock, limits = Clock(), Limits(rpm=1)
    limiter = MemoryLimiter(clock)
    await limiter.admit(demand((KEY, limits)))
    refusal = (await limiter.admit(demand((KEY, limits)))).refusal
    assert refusal is not None
    assert refusal.wait_s is not None
    clock.now += refusal.wait_s - 1

    early = await limiter.admit(demand((KEY, limits)))
    clock.now += 1
    due = await limiter.admit(demand((KEY, limits)))

    assert early.refusal is not None
    assert due.refusal is None


@given(
    st.lists(st.tuples(st.floats(0, 30), st.integers(0, 60), st.integers(0, 60), st.booleans()), max_size=40)
)
def test_no_minute_has_more_tokens_than_the_limit_and_one_request(
    moves: list[tuple[float, int, int, bool]],
) -> None:
    """Whatever was reserved and used: before the last request that was admitted, less than the limit was used."""
    clock, limits = Clock(), Limits(tpm=100)
    limiter, used, under_way = MemoryLimiter(clock), [], []
    for step, bound, actual, ends in moves:
        clock.now += step
        asked = demand((KEY, limits), tokens=bound)
        if limiter.admitted(asked).refusal is None:
            within = sum(tokens for at, tokens in used if at > clock.now - 60)
            reserved = sum(each.tokens for each, _ in under_way)
            assert not bound or within < 100
            assert not bound or within + reserved + bound <= 100 or not reserved
            under_way.append((asked, min(actual, bound)))
        if ends and under_way:
            ended, tokens = under_way.pop(0)
            limiter.settle(ended, tokens, 0)
            used.append((clock.now, tokens))

    assert limiter.leases == len(under_way)


async def test_old_periods_are_forgotten() -> None:
    """A scope remembers a bounded number of periods, its total for ever."""
    limiter, limits = MemoryLimiter(), Limits(budgets={"day": 10**9, "total": 10**9})
    for day in range(100):
        asked = demand((KEY, limits), cost=1, at_s=day * 86_400)
        await limiter.admit(asked)
        limiter.settle(asked, 0, 1)

    spent = limiter.account(KEY).spent
    assert len(spent) <= 16
    assert spent["total", 0] == 100


def test_what_fits() -> None:
    """All of it beside what others hold, or alone as long as something is left."""
    assert fits(50, 20, 30, 100)
    assert not fits(50, 21, 30, 100)
    assert fits(99, 0, 10_000, 100)
    assert not fits(100, 0, 1, 100)
