"""A limit holds whatever is under way, and costs are told only where they are known."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from evals.judging.purse import REPLY_TOKENS, Purse, Tally, tokens
from evals.ledger import Prices
from evals.run import Grading
from evals.types import Usage

PRICES = Prices(1.0, 2.0)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 40))
def test_no_more_calls_are_made_than_allowed(most: int, before: int, wanted: int) -> None:
    """Those of an earlier try included."""
    purse = Purse(most, None, None)
    purse.spent(before, Usage(0, 0))

    async def takes() -> int:
        return sum([await purse.take(10) is not None for _ in range(wanted)])

    taken = asyncio.run(takes())

    assert taken == min(wanted, max(0, most - before))


@given(st.lists(st.tuples(st.integers(0, 40_000), st.booleans()), max_size=40))
def test_a_sum_is_not_exceeded_by_more_than_was_not_foreseen(asked: list[tuple[int, bool]]) -> None:
    """What is under way counts as it is expected to cost; what failed gives its part back."""

    async def spending() -> float:
        purse, spent = Purse(None, 0.01, PRICES), 0.0
        for chars, answered in asked:
            expected = await purse.take(chars)
            if expected is not None:
                purse.settle(expected, None, answered)
                spent += PRICES.usd(expected.prompt_tokens, expected.completion_tokens) if answered else 0.0
        return spent

    spent = asyncio.run(spending())

    assert spent <= 0.01 + 1e-9


async def test_told_tokens_replace_what_was_expected() -> None:
    """A reply that was dearer leaves less for the next."""
    purse = Purse(None, 0.001, PRICES)
    first = await purse.take(400)
    assert first == Usage(100, REPLY_TOKENS)

    purse.settle(first, Usage(900, 0), True)

    assert await purse.take(400) is None
    assert purse.why_spent == "the judge's limit of 0.001 USD is spent"


async def test_what_is_only_set_aside_is_waited_for() -> None:
    """It is not spent; once it is, the next is refused and the one after that too."""
    purse = Purse(None, 0.0005, PRICES)
    first = await purse.take(400)
    assert first is not None
    waiting = [asyncio.ensure_future(purse.take(400)) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(each.done() for each in waiting)

    purse.settle(first, Usage(10, 0), True)
    await asyncio.sleep(0)
    assert sorted(each.done() for each in waiting) == [False, True]
    purse.settle(first, None, True)

    assert sorted([await each is None for each in waiting]) == [False, True]


def test_a_tally_has_no_price_where_a_part_was_not_told() -> None:
    """Or without prices."""
    tally = Tally(3, 1_000_000, 500_000, 0, {"a"}, {"b", "c"})

    assert tally.grading(PRICES) == Grading(3, 1, 2, 1_000_000, 500_000, 0, 2.0)
    assert tally.grading(None).usd is None
    tally.uncounted = 1
    assert tally.grading(PRICES).usd is None


def test_tokens_are_rounded_up() -> None:
    """Nothing is free but nothing."""
    assert (tokens(0), tokens(1), tokens(4), tokens(5)) == (0, 1, 1, 2)
