"""The runner: every case, every repeat, in order, whatever targets and scorers do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from evals.errors import TargetError
from evals.journal import Journal
from evals.runner import Plan, run, score
from evals.scorer import Measure, Scorer
from evals.types import Case, Cause, Output, RunItem, Score, TargetRef

CASES = [Case(f"c{number}", f"h{number}", question="q") for number in range(6)]


class Scripted:
    """A target that counts, dawdles, and fails as told."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.probes = 0
        self.at_once = 0
        self.most = 0
        self.fail: dict[str, object] = {}

    @property
    def ref(self) -> TargetRef:
        """Always the same."""
        return TargetRef("test", "", "m", signature="s")

    async def probe(self) -> None:
        """Counts."""
        self.probes += 1

    async def ask(self, case: Case) -> Output:
        """Answers in reverse order of asking."""
        self.asked.append(case.id)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await asyncio.sleep(0.02 - 0.003 * int(case.id[1:]))
            trouble = self.fail.get(case.id)
            if isinstance(trouble, BaseException):
                raise trouble
            if trouble == "hang":
                await asyncio.sleep(60)
            return Output(text=case.id, error=str(trouble or ""))
        finally:
            self.at_once -= 1

    async def aclose(self) -> None:
        """Nothing to do."""


def length() -> Scorer:
    """Scores the number of characters."""
    return Measure("length", "1", lambda case: True, lambda case, output: Score.of(len(output.text)))


async def go(target: Scripted, path: Path, **plan: object) -> list[RunItem]:
    """A run with its journal."""
    with Journal(path) as journal:
        return await run(Plan(CASES, "p", **plan), target, [length()], journal)  # type: ignore[arg-type]


async def test_results_come_in_the_order_of_cases_and_repeats(tmp_path: Path) -> None:
    """However the answers arrive."""
    items = await go(Scripted(), tmp_path / "j", repeats=2, concurrency=12)

    assert [(item.id, item.repeat) for item in items] == [(case.id, n) for case in CASES for n in (0, 1)]
    assert all(item.output.text == item.id and item.scores["length"].value == 2 for item in items)


async def test_no_more_calls_are_open_than_allowed(tmp_path: Path) -> None:
    """Concurrency is a bound, and is used."""
    target = Scripted()

    await go(target, tmp_path / "j", repeats=3, concurrency=4)

    assert target.most == 4


async def test_a_second_run_asks_only_what_failed(tmp_path: Path) -> None:
    """Outputs are served from the journal, errors are asked again, a complete run asks nothing."""
    target = Scripted()
    target.fail = {"c2": "down"}
    first = await go(target, tmp_path / "j")
    target.fail, target.asked = {}, []

    second = await go(target, tmp_path / "j")
    third = await go(target, tmp_path / "j")

    assert first[2].output.error == "down"
    assert target.asked == ["c2"]
    assert target.probes == 2
    assert second == third


async def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Cancelled in the middle: what was answered is kept, and nothing is asked twice."""
    target = Scripted()
    target.fail = {"c4": "hang"}
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(go(target, tmp_path / "j", concurrency=1), 1.0)
    target.fail = {}

    items = await go(target, tmp_path / "j", concurrency=1)

    assert target.asked == ["c0", "c1", "c2", "c3", "c4", "c4", "c5"]
    assert len(items) == 6


@pytest.mark.parametrize(
    ("trouble", "says"),
    [("hang", "no reply within 0.1 s"), (RuntimeError("secret"), "the target failed (RuntimeError)")],
)
async def test_a_target_that_hangs_or_raises_costs_one_item(
    tmp_path: Path, trouble: object, says: str
) -> None:
    """Its scores are unscored with the reason; the others are measured; the exception's text is not copied."""
    target = Scripted()
    target.fail = {"c1": trouble}

    items = await go(target, tmp_path / "j", timeout_s=0.1)

    assert items[1].output.error == says
    assert (items[1].scores["length"].value, items[1].scores["length"].cause) == (None, Cause.TARGET)
    assert sum(item.scores["length"].value is not None for item in items) == 5


async def test_a_run_of_nothing_but_errors_is_refused(tmp_path: Path) -> None:
    """A dead target is an error, not a run with zeros."""
    target = Scripted()
    target.fail = {case.id: "HTTP 500" for case in CASES}

    with pytest.raises(TargetError, match=r"none of 6 calls \(HTTP 500\)"):
        await go(target, tmp_path / "j")


async def test_a_scorer_that_raises_is_unscored_with_the_class() -> None:
    """One broken scorer does not take the others with it."""

    def broken(case: Case, output: Output) -> Score:
        raise ZeroDivisionError("raw text")

    scorers = [Measure("broken", "1", lambda case: True, broken), length()]

    scores = await score(CASES[0], Output(text="abc"), scorers)

    assert scores["broken"] == Score.unscored("the scorer failed (ZeroDivisionError)", Cause.SCORER)
    assert scores["length"].value == 3


async def test_a_scorer_that_does_not_apply_is_left_out() -> None:
    """Not applicable is neither a score nor a gap."""
    never = Measure("never", "1", lambda case: False, lambda case, output: Score.of(1))

    assert await score(CASES[0], Output(), [never]) == {}
    assert await score(CASES[0], Output(error="down"), [never]) == {}
