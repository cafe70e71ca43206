"""Providers that bear so many calls a second: runs slow down, and end whole."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from evals.errors import Retryable
from evals.run import TargetRef
from evals.types import Case, Output
from tests.evals.test_runner import played


@pytest.mark.parametrize(("a_second", "told"), [(3, True), (10, True), (10, False)])
@pytest.mark.parametrize("at_once", [8, 64])
def test_a_rate_limit_slows_a_run_and_ends_none_of_it(
    tmp_path: Path, a_second: int, told: bool, at_once: int
) -> None:
    """Whether the provider says how long to wait or not, and however many calls were open when it spoke."""
    limited = Limited(a_second, 1.0 if told else None)

    items = played(limited, tmp_path / "j", repeats=40, concurrency=at_once)

    assert [item.output.error for item in items if item.output.error] == []
    assert limited.tries <= 1.6 * len(items) + 2 * at_once


class Limited:
    """Answers so many calls a second, at once, and throttles the rest."""

    def __init__(self, a_second: int, wait_s: float | None) -> None:
        self.ref = TargetRef("http", "http://x/v1", "m", signature="s")
        self._a_second, self._wait_s = a_second, wait_s
        self._answered: Counter[int] = Counter()
        self.tries = 0

    async def probe(self) -> None:
        """There is nothing to reach."""

    async def ask(self, case: Case, repeat: int = 0) -> Output:
        """An answer, or that it is too much."""
        self.tries += 1
        await asyncio.sleep(0.005)
        now = int(asyncio.get_running_loop().time())
        self._answered[now] += 1
        if self._answered[now] > self._a_second:
            raise Retryable("HTTP 429", wait_s=self._wait_s, throttled=True)
        return Output(text="fine")

    async def aclose(self) -> None:
        """Nothing to do."""
