"""Guardrail outcome: the action, and the entities where they are known."""

from __future__ import annotations

import pytest

from evals.scorer import build
from evals.types import Case, Cause, Expected, ExpectedVerdict, Output


def case(action: str, *entities: str) -> Case:
    """A case that expects a verdict."""
    return Case("c", "h", question="q", expected=Expected(guardrail=ExpectedVerdict(action, entities)))


@pytest.mark.parametrize(
    ("expected", "verdict", "entities", "value", "says"),
    [
        (case("redact", "JWT"), "redact", None, 1.0, ""),
        (case("redact", "JWT"), "redact", ("JWT",), 1.0, ""),
        (case("redact", "JWT"), "redact", ("EMAIL",), 0.0, "missed JWT, unexpected EMAIL"),
        (case("redact", "JWT"), "block", ("JWT",), 0.0, "block instead of redact"),
        (case("allow"), "allow", (), 1.0, ""),
        (case("allow"), "flag", ("EMAIL",), 0.0, "flag instead of allow"),
    ],
)
async def test_action_and_entities_must_fit(
    expected: Case, verdict: str, entities: tuple[str, ...] | None, value: float, says: str
) -> None:
    """Too strict is as wrong as too lax."""
    score = await build("guardrail")(expected, Output(verdict=verdict, entities=entities))

    assert (score.value, score.reason) == (value, says)


async def test_a_target_that_reports_no_verdict_cannot_be_scored() -> None:
    """Silence is not `allow`."""
    score = await build("guardrail")(case("allow"), Output(verdict=None))

    assert (score.value, score.cause) == (None, Cause.TARGET)
