"""A judge in the hands of somebody's scorer: what it was asked decides whether that scorer may gate."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from evals.custom_judge import UNKNOWN, Asked, Clock
from evals.judging import rubrics
from evals.judging.types import Rubric
from tests.evals.judging.told import Told, ruled

ANSWER = rubrics.load("answer")
OTHER = replace(ANSWER, name="other")


class Calibrated(Told):
    """May gate by the rubric `answer` alone."""

    def advisory(self, rubric: Rubric) -> str:
        """Of the others."""
        return "" if rubric.name == "answer" else f"{rubric.name} is only told"


def asked() -> Asked:
    """A judge that finds everything correct."""
    return Asked(Calibrated(lambda rubric, told: ruled("correct")))


async def test_it_is_unknown_what_was_asked_before_anything_was() -> None:
    """So it may not gate."""
    judge = asked()

    assert (judge.identity_of_all, judge.advisory_of_all) == ("", UNKNOWN)
    assert (await judge.rule(ANSWER, {})).verdict == "correct"
    assert (judge.identity_of_all, judge.advisory_of_all) == (judge.identity(ANSWER), "")


@pytest.mark.parametrize("order", [(ANSWER, OTHER), (OTHER, ANSWER)])
async def test_every_rubric_that_was_asked_counts(order: tuple[Rubric, Rubric]) -> None:
    """One that is not calibrated is enough; the order does not matter."""
    judge, both = asked(), asked()
    judge.identity(ANSWER)
    for rubric in order:
        await both.rule(rubric, {})

    assert both.advisory_of_all == "other is only told"
    assert both.identity_of_all not in ("", judge.identity_of_all, judge.identity(OTHER))
    assert len(both.identity_of_all) == 64


async def test_the_clock_stands_still_while_a_judge_rules() -> None:
    """It has limits of its own, and several may be asked at a time; what comes after counts again."""
    rule = asyncio.Event()

    class Slow(Told):
        async def rule(self, *arguments: object, **named: object):  # type: ignore[no-untyped-def]
            await rule.wait()
            return ruled("correct")

    judge = Asked(Slow(lambda rubric, told: ruled("correct")))
    limit = asyncio.timeout(30)
    async with limit:
        with Clock(limit, 30).running():
            rulings = [asyncio.ensure_future(judge.rule(ANSWER, {})) for _ in range(2)]
            before = limit.when()
            await asyncio.sleep(0)
            during = limit.when()
            rule.set()
            await asyncio.gather(*rulings)
            after = limit.when()

    assert (before is None, during, after is None) == (False, None, False)
    assert (await judge.rule(ANSWER, {})).verdict == "correct"


def test_what_a_judge_has_besides_is_reached() -> None:
    """`meet`, where it has one."""
    judge = asked()

    assert not hasattr(judge, "meet")
    judge._judge.meet = lambda model: model  # type: ignore[attr-defined]
    assert judge.meet("m") == "m"
