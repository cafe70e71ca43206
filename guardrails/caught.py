"""Whatever a check raises becomes data here: the failure of its rule, in the verdict."""

from __future__ import annotations

from time import perf_counter
from types import TracebackType

from guardrails.arming import ArmedRule
from guardrails.errors import CheckRaised, Exhausted, ModelError, OverBudget, Unavailable, WorkerDied
from guardrails.types import CheckFailure


class Caught:
    """The one place where whatever a check raises is caught. Cancellation is no Exception and passes."""

    __slots__ = ("_armed", "_began", "_failures", "_timings")

    def __init__(
        self, armed: ArmedRule, failures: dict[str, CheckFailure], timings: dict[str, float] | None
    ) -> None:
        self._armed, self._failures, self._timings = armed, failures, timings

    def __enter__(self) -> None:
        self._began = perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._timings is not None:
            rule = self._armed.rule.id
            self._timings[rule] = self._timings.get(rule, 0.0) + (perf_counter() - self._began) * 1000
        if isinstance(error, OverBudget):
            return True  # whoever set the deadline sees that it is past
        if not isinstance(error, Exception):
            return False
        reason = error.reason if isinstance(error, CheckRaised) else type(error).__name__
        self._failures.setdefault(self._armed.rule.id, self._armed.failed(_kind(error), reason))
        return True


def _kind(error: Exception) -> str:
    """What sort of failure an exception of a check is."""
    if isinstance(error, ModelError | Unavailable | WorkerDied):
        return "unavailable"
    return "over_budget" if isinstance(error, Exhausted) else "error"
