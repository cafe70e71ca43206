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


@pytest.mark.parametrize(
    ("expected", "found", "precision", "recall"),
    [
        (("JWT", "EMAIL"), ("JWT", "EMAIL"), 1.0, 1.0),
        (("JWT", "EMAIL"), ("JWT",), 1.0, 0.5),
        (("JWT",), ("EMAIL", "JWT", "IBAN"), 1 / 3, 1.0),
        (("JWT",), ("EMAIL",), 0.0, 0.0),
        (("JWT",), (), None, 0.0),
        ((), ("EMAIL",), 0.0, None),
        ((), (), None, None),
    ],
)
async def test_kinds_found_are_held_against_kinds_expected(
    expected: tuple[str, ...], found: tuple[str, ...], precision: float | None, recall: float | None
) -> None:
    """A share of nothing is not defined: unscored as empty, or not counted where the case says so."""
    asked, output = case("redact", *expected), Output(verdict="redact", entities=found)
    score, complete = await build("guardrail_precision")(asked, output), build("guardrail_recall")

    assert score.value == (None if precision is None else pytest.approx(precision, abs=1e-6))
    assert score.cause is (Cause.EMPTY if precision is None else Cause.NONE)
    assert complete.applies(asked) is bool(expected)
    if recall is not None:
        assert (await complete(asked, output)).value == pytest.approx(recall, abs=1e-6)


@pytest.mark.parametrize("name", ["guardrail_precision", "guardrail_recall", "guardrail_latency"])
async def test_what_the_target_does_not_tell_is_not_scored(name: str) -> None:
    """Neither kinds nor time are guessed."""
    score = await build(name)(case("redact", "JWT"), Output(verdict="redact"))

    assert (score.value, score.cause) == (None, Cause.TARGET)


async def test_time_in_guardrails_is_in_milliseconds_and_lower_is_better() -> None:
    """Of every case, also of those that expect no verdict."""
    scorer, asked = build("guardrail_latency"), Case("c", "h", question="q")

    assert scorer.applies(asked)
    assert not scorer.higher_is_better
    assert (await scorer(asked, Output(guardrail_ms=2.25))).value == 2.25
