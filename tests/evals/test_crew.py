"""Workers that die lose no answer: their calls are made again by others, and nothing that was answered is."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.crew import LIVES, Crew, CrewTarget, Lost, Worker, scorers
from evals.errors import TargetError
from evals.run import TargetRef
from evals.scorer import Measure
from evals.types import Case, Output, Score


@dataclass(eq=False)
class Hand:
    """A worker in this process. It dies at its nth call, if n is told."""

    lasts: int | None = None
    asked: list[str] = field(default_factory=list)
    scored: list[str] = field(default_factory=list)
    most: int = 0
    dismissed: bool = False
    busy: int = 0

    async def ask(self, case: Case, repeat: int) -> Output:
        """Says the case's id."""
        self.busy += 1
        self.most = max(self.most, self.busy)
        await asyncio.sleep(0)
        self.busy -= 1
        if self.lasts is not None and len(self.asked) >= self.lasts:
            raise Lost
        self.asked.append(case.id)
        return Output(text=f"{case.id}/{repeat}")

    async def score(self, case: Case, output: Output) -> Mapping[str, Score]:
        """Two scores."""
        await asyncio.sleep(0)
        if self.lasts is not None:
            raise Lost
        self.scored.append(case.id)
        return {"length": Score.of(len(output.text)), "one": Score.of(1)}

    def dismiss(self) -> None:
        """Remembers it."""
        self.dismissed = True


class Fixed:
    """What the crew stands for."""

    ref = TargetRef("http", "http://x/v1", "m", signature="s")

    async def probe(self) -> None:
        """Nothing to find out."""

    async def ask(self, case: Case, repeat: int = 0) -> Output:
        """Never called: workers ask."""
        raise AssertionError

    async def aclose(self) -> None:
        """Nothing to let go of."""


def crew_of(hands: list[Hand], size: int) -> Crew:
    """A crew that hires these, one after the other, and then nobody who lives."""
    waiting = iter(hands)

    async def hire() -> Worker:
        for hand in waiting:
            return hand
        raise Lost

    return Crew(hire, size, patience_s=5)


async def asked(hands: list[Hand], size: int, cases: int) -> list[Output]:
    """What as many cases get, asked all at once."""
    async with crew_of(hands, size) as crew:
        target = CrewTarget(Fixed(), crew)
        return await asyncio.gather(*(target.ask(Case(f"c{n}", ""), n) for n in range(cases)))


async def test_calls_go_to_whoever_has_the_fewest() -> None:
    """Forty calls over four workers: ten at a time each."""
    hands = [Hand() for _ in range(4)]

    outputs = await asked(hands, 4, 40)

    assert [output.text for output in outputs] == [f"c{n}/{n}" for n in range(40)]
    assert [hand.most for hand in hands] == [10] * 4
    assert all(hand.dismissed for hand in hands)


@given(st.lists(st.integers(0, 12), max_size=2), st.integers(1, 30))
def test_nothing_answered_is_asked_again_and_nothing_is_lost(lasting: list[int], cases: int) -> None:
    """Whichever workers die, and when, each case is answered once by a worker that lived to tell."""
    hands = [*(Hand(lasts) for lasts in lasting), Hand()]

    outputs = asyncio.run(asked(hands, len(hands), cases))

    assert [output.text for output in outputs] == [f"c{n}/{n}" for n in range(cases)]
    assert Counter(name for hand in hands for name in hand.asked) == Counter(f"c{n}" for n in range(cases))


async def test_a_case_that_kills_its_workers_ends_as_an_error() -> None:
    """It costs three; the other cases have theirs replaced."""
    hands = [Hand(0), Hand(0), Hand(0), Hand()]

    (output,) = await asked(hands, 1, 1)

    assert output.error == f"{LIVES} workers died one after the other while they asked"
    assert [hand.dismissed for hand in hands[:3]] == [True] * 3


async def test_without_a_worker_left_the_run_ends() -> None:
    """Nobody can be hired: one error, and not as many as there are calls."""
    with pytest.raises(TargetError, match="there is no worker left: look at the workers' logs"):
        await asked([], 2, 1)


async def test_a_worker_that_would_measure_something_else_ends_the_run() -> None:
    """What hiring raises reaches the caller, also when other workers are fine."""
    hired = 0

    async def hire() -> Worker:
        nonlocal hired
        hired += 1
        if hired == 2:
            raise TargetError("a worker has other scorers than this machine")
        return Hand()

    with pytest.raises(TargetError, match="other scorers"):
        async with Crew(hire, 2) as crew:
            await CrewTarget(Fixed(), crew).ask(Case("c", ""))


async def test_nobody_waits_for_ever_for_the_first_worker() -> None:
    """The patience is told."""

    async def hire() -> Worker:
        await asyncio.sleep(60)
        raise Lost

    with pytest.raises(TargetError, match=r"no worker started in 0\.01 s"):
        async with Crew(hire, 1, patience_s=0.01):
            raise AssertionError


def measure(name: str, value: float) -> Measure:
    """A scorer that is worth a number here, and another one there."""
    return Measure(name, "1", lambda case: True, lambda case, output: Score.of(value))


async def test_all_scores_of_an_output_are_one_call() -> None:
    """Both scorers ask; the worker works once, and names and versions are ours."""
    hand = Hand()
    async with crew_of([hand], 1) as crew:
        length, one = scorers([measure("length", 0), measure("one", 0)], crew)
        case, output = Case("c", ""), Output(text="four")
        values = await asyncio.gather(length(case, output), one(case, output))
        again = await length(case, output)

    assert [score.value for score in (*values, again)] == [4, 1, 4]
    assert hand.scored == ["c", "c"]
    assert (length.name, length.version, length.applies(case)) == ("length", "1", True)


async def test_what_was_answered_is_scored_here_when_nobody_is_left() -> None:
    """An answer is never without its score because a cluster went away."""
    async with crew_of([Hand(0)], 1) as crew:
        with pytest.raises(TargetError):
            await CrewTarget(Fixed(), crew).ask(Case("c", ""))
        (length,) = scorers([measure("length", 7)], crew)

        assert (await length(Case("c", ""), Output(text="four"))).value == 7


async def test_a_scorer_that_kills_its_workers_is_not_tried_here() -> None:
    """It would take the whole run with it."""
    async with crew_of([Hand(0) for _ in range(LIVES)], 1) as crew:
        (length,) = scorers([measure("length", 7)], crew)

        with pytest.raises(Lost):
            await length(Case("c", ""), Output(text="four"))
