"""What a run cost: its requests and tokens added up, and priced where prices are given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from evals.run import Ledger, RunItem


@dataclass(frozen=True, slots=True)
class Prices:
    """What a model's tokens cost, in USD per million."""

    input: float
    output: float

    def usd(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The price of some tokens."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1_000_000


def ledger(items: Iterable[RunItem], prices: Prices | None = None, seconds: float = 0.0) -> Ledger:
    """The sums over a run's items. An answer that took no request (`attempts` 0) is from the cache and costs nothing.
    What failed costs what a model answered for it, e.g. in the first turns of a scenario.

    Args:
        items: what the run holds.
        prices: of the model that was asked; without them nothing is said in USD, nor where a provider
            told no tokens: a part would pass for the whole.
        seconds: wall time of asking.
    """
    answers = failures = attempts = cached = prompt = completion = uncounted = 0
    for item in items:
        output = item.output
        attempts += output.attempts
        failures += bool(output.error)
        answers += not output.error
        cached += not output.error and output.attempts == 0
        if output.attempts == 0:
            continue
        if output.usage is not None:
            prompt += output.usage.prompt_tokens
            completion += output.usage.completion_tokens
        elif not output.error or output.answered_model:
            uncounted += 1
    usd = None if prices is None or uncounted else round(prices.usd(prompt, completion), 6)
    return Ledger(
        answers,
        failures,
        attempts,
        cached,
        prompt,
        completion,
        uncounted,
        usd,
        seconds=round(seconds, 3),
        prices=None if prices is None else (prices.input, prices.output),
    )
