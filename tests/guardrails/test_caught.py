"""Whatever a check raises is data; cancelling passes."""

from __future__ import annotations

import asyncio

import pytest

from guardrails.arming import arm
from guardrails.caught import Caught
from guardrails.errors import CheckRaised, Exhausted, ModelError, OverBudget, Unavailable, WorkerDied
from guardrails.policy import parse
from guardrails.types import CheckFailure

(RULE,) = arm(
    parse("name: p\nrules: [{id: r, check: words, with: {deny: [x]}, stages: [input], action: flag}]")
)


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (ValueError("secret"), "error", "ValueError"),
        (CheckRaised("KeyError"), "error", "KeyError"),
        (ModelError("m"), "unavailable", "ModelError"),
        (WorkerDied(), "unavailable", "WorkerDied"),
        (Unavailable(), "unavailable", "Unavailable"),
        (Exhausted(), "over_budget", "Exhausted"),
        (RecursionError(), "error", "RecursionError"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_an_exception_becomes_the_failure_of_its_rule(error: Exception, kind: str, reason: str) -> None:
    """Its class is told, never its words; the first one counts."""
    failures: dict[str, CheckFailure] = {}
    timings: dict[str, float] = {}
    for raised in (error, RuntimeError()):
        with Caught(RULE, failures, timings):
            raise raised
    assert (failures["r"].kind, failures["r"].reason) == (kind, reason)
    assert "secret" not in repr(failures)
    assert timings["r"] > 0


def test_what_is_no_fault_of_the_check_passes() -> None:
    """Cancellation goes on; a spent budget is seen by whoever set it."""
    failures: dict[str, CheckFailure] = {}
    with pytest.raises(asyncio.CancelledError), Caught(RULE, failures, None):
        raise asyncio.CancelledError
    with Caught(RULE, failures, None):
        raise OverBudget
    assert failures == {}
