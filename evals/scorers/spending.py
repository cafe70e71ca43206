"""What an answer took: tokens as its provider counted them, and their price."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from evals.scorer import Measure, Scorer
from evals.types import Case, Cause, Output, Score, Usage

if TYPE_CHECKING:
    from evals.ledger import Prices

DIGITS = 12
"""Digits after the point of a price: one token may cost a ten-millionth of a dollar."""


def prompt_tokens() -> Scorer:
    """Tokens that were sent, of a scenario in all its calls.

    Needs nothing.
    """
    return _counted("prompt_tokens", lambda usage: usage.prompt_tokens)


def completion_tokens() -> Scorer:
    """Tokens that came back, of a scenario in all its calls.

    Needs nothing.
    """
    return _counted("completion_tokens", lambda usage: usage.completion_tokens)


def cost(prices: Prices | None = None) -> Scorer:
    """US dollars of the tokens that the answer took at the prices given, whether it came from the cache or not.

    Needs nothing.
    """

    def score(case: Case, output: Output) -> Score:
        if prices is None:
            return Score.unscored("no price was given", Cause.EMPTY)
        if output.usage is None:
            return _UNTOLD
        sent, came = output.usage.prompt_tokens, output.usage.completion_tokens
        return Score.of(prices.usd(sent, came), looked_at=f"{sent} + {came} tokens", digits=DIGITS)

    version = f"1+{prices.input:g}:{prices.output:g}" if prices else "1"
    return Measure("cost", version, lambda case: True, score, higher_is_better=False)


def _counted(name: str, count: Callable[[Usage], int]) -> Scorer:
    def score(case: Case, output: Output) -> Score:
        return _UNTOLD if output.usage is None else Score.of(count(output.usage))

    return Measure(name, "1", lambda case: True, score, higher_is_better=False)


_UNTOLD = Score.unscored("the target does not tell tokens", Cause.TARGET)
