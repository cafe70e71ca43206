"""Arms asked side by side: in turns, and with what was answered kept whatever ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from evals.asking import Pace, Side, ask
from evals.errors import RunError, TargetError
from evals.journal import Journal
from evals.run import INTERRUPTED, TargetRef
from evals.runner import jobs
from evals.scorer import build
from evals.types import Case, Output

CASES = [Case(f"c{n:02}", f"sha-{n}", question="q") for n in range(12)]


class Echo:
    """A target that writes down when it is asked.

    Args:
        name: what it answers.
        log: where it writes its name at each call.
        fails_at: calls after which it does something else.
        trouble: what that is.
    """

    def __init__(
        self,
        name: str,
        log: list[str],
        fails_at: int = 1000,
        trouble: BaseException | asyncio.Event | None = None,
    ) -> None:
        self.name, self.log, self.fails_at, self.trouble = name, log, fails_at, trouble
        self.cases: list[str] = []

    @property
    def ref(self) -> TargetRef:
        """By name, at one provider."""
        return TargetRef("test", "http://one/v1", self.name, signature=self.name)

    async def probe(self) -> None:
        """Always there."""

    async def ask(self, case: Case, repeat: int = 0) -> Output:
        """Its name, once the others had their turn."""
        self.log.append(self.name)
        self.cases.append(case.id)
        await asyncio.sleep(0)
        if self.log.count(self.name) > self.fails_at:
            if isinstance(self.trouble, asyncio.Event):
                self.trouble.set()
            elif self.trouble is not None:
                raise self.trouble
        return Output(text=self.name)

    async def aclose(self) -> None:
        """Nothing to do."""


def sides(stack: ExitStack, tmp_path: Path, targets: Sequence[Echo]) -> list[Side]:
    """A side for each target, with a journal of its own."""
    scorers = [build("latency")]
    return [
        Side(target, scorers, stack.enter_context(Journal(tmp_path / target.name / "journal.jsonl")), "p")
        for target in targets
    ]


async def test_no_side_pays_for_the_first_calls_alone(tmp_path: Path) -> None:
    """They begin together, one from the front and one from behind: each asks half of the cases first."""
    log: list[str] = []
    with ExitStack() as stack:
        targets = [Echo("a", log), Echo("b", log)]
        await ask(sides(stack, tmp_path, targets), jobs(CASES, 1), Pace(concurrency=4))

    assert "".join(log) in ("ab" * len(CASES), "ba" * len(CASES))
    assert targets[0].cases == targets[1].cases[::-1] == [case.id for case in CASES]


async def test_sides_of_one_provider_take_turns(tmp_path: Path) -> None:
    """Together they have no more calls open than one alone would; each has all its items in order."""
    log: list[str] = []
    with ExitStack() as stack:
        both = sides(stack, tmp_path, [Echo("a", log), Echo("b", log)])
        why = await ask(both, jobs(CASES, 2), Pace(concurrency=2))

    assert why == ""
    assert sorted(log) == ["a"] * 24 + ["b"] * 24
    assert all(4 <= log[start : start + 12].count("a") <= 8 for start in range(0, 48, 12))
    for side, name in zip(both, "ab", strict=True):
        assert [(item.id, item.repeat) for item in side.items] == [(c.id, r) for c in CASES for r in (0, 1)]
        assert {item.output.text for item in side.items} == {name}


async def test_a_stop_keeps_what_was_answered(tmp_path: Path) -> None:
    """In both sides; what is asked later goes on from there."""
    log: list[str] = []
    stop = asyncio.Event()
    with ExitStack() as stack:
        both = sides(stack, tmp_path, [Echo("a", log, 5, stop), Echo("b", log)])
        why = await ask(both, jobs(CASES, 1), Pace(concurrency=2, stop=stop))
    asked = len(log)
    with ExitStack() as stack:
        again = sides(stack, tmp_path, [Echo("a", log), Echo("b", log)])
        assert await ask(again, jobs(CASES, 1), Pace()) == ""

    assert why == INTERRUPTED
    assert 5 <= len(both[0].items) < 12 and both[1].items
    assert sum(len(side.items) for side in both) == asked
    assert len(log) == 24


async def test_what_ends_one_side_ends_the_other_and_is_told(tmp_path: Path) -> None:
    """The disk is full, or the target is gone: both keep their items, and why is said."""
    log: list[str] = []
    with ExitStack() as stack:
        both = sides(stack, tmp_path, [Echo("a", log, 4, TargetError("the key is refused")), Echo("b", log)])
        why = await ask(both, jobs(CASES, 3), Pace(concurrency=2))

    assert why == "the key is refused"
    assert all(0 < len(side.items) < 36 for side in both)


async def test_a_target_that_cannot_be_asked_at_all_is_a_reason(tmp_path: Path) -> None:
    """So that a report can say it; there are no items."""
    with ExitStack() as stack:
        both = sides(stack, tmp_path, [Echo("a", [], 0, TargetError("not there")), Echo("b", [], 0)])
        why = await ask(both[:1], jobs(CASES, 1), Pace())

    assert (why, both[0].items) == ("not there", [])


async def test_trouble_before_the_first_answer_is_raised(tmp_path: Path) -> None:
    """There is nothing to keep."""
    with ExitStack() as stack:
        both = sides(stack, tmp_path, [Echo("a", [], 0, RunError("no space"))])
        with pytest.raises(RunError, match="no space"):
            await ask(both, jobs(CASES, 1), Pace())


async def test_a_second_interruption_does_not_wait(tmp_path: Path) -> None:
    """What was answered is kept all the same."""
    log: list[str] = []
    stop = asyncio.Event()

    class Stuck(Echo):
        async def ask(self, case: Case, repeat: int = 0) -> Output:
            if case.id == "c05":
                stop.set()
                await asyncio.sleep(60)
            return await super().ask(case, repeat)

    with ExitStack() as stack:
        both = sides(stack, tmp_path, [Stuck("a", log)])
        asking = asyncio.create_task(ask(both, jobs(CASES, 1), Pace(concurrency=1, stop=stop)))
        while len(both[0].items) < 5:
            await asyncio.sleep(0.005)
        await stop.wait()
        asking.cancel()
        why = await asking

    assert (why, [item.id for item in both[0].items]) == (INTERRUPTED, [f"c{n:02}" for n in range(5)])


async def test_cancelling_is_not_mistaken_for_an_interruption(tmp_path: Path) -> None:
    """Who cancels without having asked to stop means it."""
    with ExitStack() as stack:
        asking = asyncio.create_task(
            ask(sides(stack, tmp_path, [Echo("a", [])]), jobs(CASES, 50), Pace(concurrency=1))
        )
        await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
