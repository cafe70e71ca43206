"""What judging costs while it goes on, and when it has cost enough."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field

from evals.ledger import Prices
from evals.run import Grading
from evals.types import Usage

CHARS_A_TOKEN = 4
"""Characters that one token is taken for before a provider has counted."""
REPLY_TOKENS = 150
"""Tokens that a ruling is taken for before a provider has counted."""


def tokens(chars: int) -> int:
    """About how many tokens so many characters are."""
    return math.ceil(chars / CHARS_A_TOKEN)


@dataclass(slots=True)
class Tally:
    """What was asked on one side of a comparison."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    uncounted: int = 0
    """Requests that may have cost something for which no tokens were told."""
    cached: set[str] = field(default_factory=set)
    """Rulings that somebody else had paid for."""
    unreadable: set[str] = field(default_factory=set)
    """Those asked for now that have no verdict."""
    expected: Usage = field(default_factory=lambda: Usage(0, 0))
    """What the uncounted requests were taken for; it counts against limits, and is told nowhere."""

    def grading(self, prices: Prices | None) -> Grading:
        """As runs tell it."""
        usd = None
        if prices is not None and not self.uncounted:
            usd = round(prices.usd(self.prompt_tokens, self.completion_tokens), 6)
        return Grading(
            self.calls,
            len(self.cached),
            len(self.unreadable),
            self.prompt_tokens,
            self.completion_tokens,
            self.uncounted,
            usd,
        )


class Purse:
    """Money and requests that may still be spent. What is under way counts as it is expected to cost.

    Args:
        calls: requests at most; None for any number.
        usd: dollars at most; None for any sum.
        prices: of the judge; without them no sum is reckoned.
    """

    def __init__(self, calls: int | None, usd: float | None, prices: Prices | None) -> None:
        self._most_calls, self._most_usd, self._prices = calls, usd, prices
        self._calls, self._usd = 0, 0.0
        self._open, self._set_aside = 0, 0.0
        self._settled = asyncio.Event()

    def spent(self, calls: int, usage: Usage) -> None:
        """Counts what was spent before this process began."""
        self._calls += calls
        self._usd += self._cost(usage)

    async def take(self, chars: int) -> Usage | None:
        """Sets aside what one request with so many characters may take; None when what is spent leaves no room.

        Where only what others set aside leaves none, waits for what those requests really take.
        """
        expected = Usage(tokens(chars), REPLY_TOKENS)
        cost = self._cost(expected)
        while True:
            if self._most_calls is not None and self._calls >= self._most_calls:
                return None
            if self._most_usd is None or self._usd + self._set_aside + cost <= self._most_usd:
                break
            if not self._open or self._usd + cost > self._most_usd:
                return None
            await self._settled.wait()
        self._calls += 1
        self._open += 1
        self._set_aside += cost
        return expected

    def settle(self, expected: Usage, told: Usage | None, answered: bool) -> None:
        """Replaces what was set aside by what it took. An answer without a count took what was expected."""
        self._usd += self._cost(told or (expected if answered else Usage(0, 0)))
        self._open -= 1
        # Sums of fractions are not exact: with nothing under way, nothing is set aside.
        self._set_aside = self._set_aside - self._cost(expected) if self._open else 0.0
        self._settled.set()
        self._settled = asyncio.Event()

    @property
    def why_spent(self) -> str:
        """What a ruling says for which nothing was left."""
        if self._most_calls is not None and self._calls >= self._most_calls:
            return f"the judge's limit of {self._most_calls} calls is spent"
        return f"the judge's limit of {self._most_usd:g} USD is spent"

    def _cost(self, usage: Usage) -> float:
        return 0.0 if self._prices is None else self._prices.usd(usage.prompt_tokens, usage.completion_tokens)
