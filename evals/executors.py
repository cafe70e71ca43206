"""Where a run's calls are made: in this process, or (evals.ray_executor) by the workers of a Ray cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Unpack

from evals import runner

if TYPE_CHECKING:
    from evals.journal import Journal
    from evals.run import RunItem
    from evals.scorer import Scorer
    from evals.target import Target


class Executor(Protocol):
    """Carries a plan out."""

    async def run(
        self, plan: runner.Plan, journal: Journal, **options: Unpack[runner.Options]
    ) -> list[RunItem]:
        """As `runner.run`: the same items in the same order wherever they were made, but for their latencies."""


@dataclass(frozen=True, slots=True)
class Local:
    """Makes the calls in this process."""

    target: Target
    scorers: Sequence[Scorer]

    async def run(
        self, plan: runner.Plan, journal: Journal, **options: Unpack[runner.Options]
    ) -> list[RunItem]:
        """As in Executor."""
        return await runner.run(plan, self.target, self.scorers, journal, **options)
