"""The runner: every case, every repeat, in order, whatever targets and scorers do."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.cache import Cache
from evals.errors import Retryable, TargetError
from evals.journal import Journal, key
from evals.pacing import Pacer
from evals.run import RunItem, TargetRef
from evals.runner import Job, Plan, jobs, run, score
from evals.scorer import Measure, Scorer
from evals.types import Case, Cause, Output, Score
from tests.evals import timeless

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

    async def ask(self, case: Case, repeat: int = 0) -> Output:
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


async def go(target: Any, path: Path, repeats: int = 1, **plan: Any) -> list[RunItem]:
    """A run with its journal."""
    options = {name: plan.pop(name) for name in ("cache", "progress", "stop", "pacer") if name in plan}
    with Journal(path) as journal:
        return await run(Plan(jobs(CASES, repeats), "p", **plan), target, [length()], journal, **options)


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
    [
        ("hang", "no reply within 0.1 s, the last of 2 tries"),
        (RuntimeError("secret"), "the target failed (RuntimeError)"),
    ],
)
async def test_a_target_that_hangs_or_raises_costs_one_item(
    tmp_path: Path, trouble: object, says: str
) -> None:
    """Its scores are unscored with the reason; the others are measured; the exception's text is not copied."""
    target = Scripted()
    target.fail = {"c1": trouble}

    items = await go(target, tmp_path / "j", timeout_s=0.1, tries=2)

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


Schedule = Mapping[tuple[str, int], Sequence[str]]
"""What becomes of each try of a job, the tries that follow being answered."""


class Provider:
    """Answers, throttles, breaks and hangs by a schedule, and counts."""

    def __init__(self, schedule: Schedule | None = None, wait_s: float | None = None) -> None:
        self.schedule, self.wait_s = schedule or {}, wait_s
        self.tries: Counter[tuple[str, int]] = Counter()
        self.answers: Counter[tuple[str, int]] = Counter()
        self.at_once = self.most = 0
        self.begun: list[tuple[str, float]] = []

    ref = Scripted.ref

    async def probe(self) -> None:
        """Always there."""

    async def ask(self, case: Case, repeat: int = 0) -> Output:
        """What the schedule says, after a second."""
        asked = (case.id, repeat)
        told = self.schedule.get(asked, ())
        fate = told[self.tries[asked]] if self.tries[asked] < len(told) else "answer"
        self.tries[asked] += 1
        self.begun.append((fate, asyncio.get_running_loop().time()))
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await asyncio.sleep(1e6 if fate == "hang" else 1)
        finally:
            self.at_once -= 1
        if fate == "throttle":
            raise Retryable("HTTP 429", wait_s=self.wait_s, throttled=True)
        if fate == "break":
            raise Retryable("HTTP 500")
        if fate == "refuse":
            raise TargetError("the key is refused", fix="give another")
        if fate == "raise":
            raise RuntimeError("secret")
        if fate == "error":
            return Output(error="HTTP 400")
        self.answers[asked] += 1
        return Output(text=f"{case.id} {repeat}")

    async def aclose(self) -> None:
        """Nothing to do."""


def played(target: Provider, path: Path, **plan: Any) -> list[RunItem]:
    """A run in no time."""
    return timeless.run(go(target, path, **plan))


FATES = st.sampled_from(["answer", "throttle", "break", "hang", "error", "raise"])
SCHEDULES = st.dictionaries(
    st.tuples(st.sampled_from([case.id for case in CASES]), st.integers(0, 1)), st.lists(FATES, max_size=14)
)


@settings(max_examples=100, deadline=None)
@given(
    schedule=SCHEDULES,
    at_once=st.integers(1, 9),
    tries=st.integers(1, 5),
    wait_s=st.sampled_from([None, 0, 3, 999]),
)
def test_whatever_a_provider_does_every_job_ends_with_a_result_or_a_reason(
    schedule: Schedule, at_once: int, tries: int, wait_s: float | None
) -> None:
    """In order, within the slots and the budget, with every request counted; asking again asks only what failed."""
    target = Provider(schedule, wait_s)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "j"
        try:
            items = played(target, path, repeats=2, concurrency=at_once, tries=tries, timeout_s=9)
        except TargetError as error:
            assert "answered none of 12 calls" in str(error)
            return
        asked = {(item.id, item.repeat): item for item in items}

        assert list(asked) == [(case.id, repeat) for case in CASES for repeat in (0, 1)]
        assert all(bool(item.output.text) != bool(item.output.error) for item in items)
        assert {place: item.output.attempts for place, item in asked.items()} == dict(target.tries)
        # A few rounds of throttled calls, to find out how many are borne, are beside the budget.
        assert target.tries.total() <= 12 + max(tries - 1, 8) + 2 * at_once
        assert target.most <= at_once
        again = Provider()
        second = played(again, path, repeats=2)
        assert set(again.tries) == {place for place, item in asked.items() if item.output.error}
        assert [item for item in second if not asked[item.id, item.repeat].output.error] == [
            item for item in items if not item.output.error
        ]


@settings(max_examples=25, deadline=None)
@given(schedule=SCHEDULES, at_once=st.integers(1, 9))
def test_the_same_schedule_gives_the_same_run(schedule: Schedule, at_once: int) -> None:
    """Waits are drawn from what is asked, so that a run can be played again to the last try."""
    told = []
    for _ in range(2):
        target = Provider(schedule, wait_s=2)
        with tempfile.TemporaryDirectory() as name:
            try:
                items = played(target, Path(name) / "j", repeats=2, concurrency=at_once, timeout_s=9)
            except TargetError:
                items = []
        told.append((items, target.begun))

    assert told[0] == told[1]


@settings(max_examples=40, deadline=None)
@given(schedule=SCHEDULES, moment=st.floats(0.5, 40))
def test_a_run_that_was_broken_off_ends_like_one_that_was_not(schedule: Schedule, moment: float) -> None:
    """What was answered is not asked again, and tries that failed before count: the same items, attempts included."""
    told = {place: [fate for fate in fates if fate != "hang"][:6] for place, fates in schedule.items()}
    with tempfile.TemporaryDirectory() as name:
        try:
            whole = played(Provider(told), Path(name) / "whole", repeats=2, retry_budget=99)
        except TargetError:
            return
        first = Provider(told)

        async def cut_off() -> None:
            await asyncio.wait_for(go(first, Path(name) / "cut", repeats=2, retry_budget=99), moment)

        try:
            timeless.run(cut_off())
        except TimeoutError:
            pass
        finished, second = Counter(first.answers), Provider(told)
        with Journal(Path(name) / "cut") as journal:
            for job in jobs(CASES, 2):
                second.tries[job.case.id, job.repeat] = journal.failures(
                    key(job.case, job.repeat, "p", "s")
                ).all
        before = Counter(second.tries)
        items = played(second, Path(name) / "cut", repeats=2, retry_budget=99)

    good = [item for item in whole if not item.output.error]
    assert [
        item for item in items if (item.id, item.repeat) in {(each.id, each.repeat) for each in good}
    ] == good
    assert {place: second.tries[place] for place in finished} == {place: before[place] for place in finished}


def test_a_throttled_call_has_patience_and_a_failing_one_has_tries(tmp_path: Path) -> None:
    """Being one too many is not the call's fault: it may wait often; an error may come only so often."""
    target = Provider({("c0", 0): ["throttle"] * 5, ("c1", 0): ["break"] * 5, ("c2", 0): ["throttle"] * 50})

    items = played(target, tmp_path / "j", retry_budget=9)

    assert (items[0].output.text, items[0].output.attempts) == ("c0 0", 6)
    assert (items[1].output.error, items[1].output.attempts) == ("HTTP 500, the last of 4 tries", 4)
    assert (items[2].output.error, items[2].output.attempts) == ("HTTP 429, the last of 10 tries", 10)


def test_a_provider_that_is_down_is_not_stormed(tmp_path: Path) -> None:
    """The budget is the run's: when it is spent, each further call is one request."""
    target = Provider({(case.id, repeat): ["break"] * 9 for case in CASES for repeat in range(1, 10)})

    items = played(target, tmp_path / "j", repeats=10, retry_budget=0.1)

    assert target.tries.total() == 60 + 6
    assert sum("the run has no retries left" in item.output.error for item in items) > 40
    assert sum(not item.output.error for item in items) == 6


@pytest.mark.parametrize(("wait_s", "begun"), [(20, 21.0), (None, 1.0)])
def test_the_wait_that_a_provider_asks_for_is_everybodys(
    tmp_path: Path, wait_s: float | None, begun: float
) -> None:
    """One call is told to wait: no other begins meanwhile."""
    target = Provider({("c0", 0): ["throttle"]}, wait_s)

    played(target, tmp_path / "j", concurrency=1)

    assert target.begun[1] == ("answer", begun)


def test_nobody_waits_for_hours(tmp_path: Path) -> None:
    """A quota that is used up until tomorrow is a reason."""
    target = Provider({("c0", 0): ["throttle"]}, wait_s=86_400)

    items = played(target, tmp_path / "j")

    assert items[0].output.error == "HTTP 429, and it asks to wait 86400 s"
    assert target.begun[-1][1] == 0


async def test_a_run_is_served_from_the_cache(tmp_path: Path) -> None:
    """Another folder, no call, no probe; each item says that it took no request. Errors were not kept."""
    target = Scripted()
    target.fail = {"c2": "down"}
    with Cache(tmp_path / "c") as cache:
        first = await go(target, tmp_path / "one", cache=cache)
        target.fail, target.asked = {}, []
        second = await go(target, tmp_path / "two", cache=cache)
    third = await go(target, tmp_path / "two")

    assert target.asked == ["c2"]
    assert [item.output.attempts for item in first] == [1] * 6
    assert [item.output.attempts for item in second] == [0, 0, 1, 0, 0, 0]
    assert second == third


async def test_two_runs_may_share_the_pace(tmp_path: Path) -> None:
    """Two arms against one provider open no more calls together than one of them may."""
    target, pacer = Scripted(), Pacer(3)

    await asyncio.gather(*(go(target, tmp_path / name, concurrency=3, pacer=pacer) for name in "ab"))

    assert (target.most, len(target.asked)) == (3, 12)


async def test_asking_goes_on_while_scorers_wait(tmp_path: Path) -> None:
    """A slow judge holds no slot for calls."""
    target, open_ = Scripted(), asyncio.Event()

    class Judge:
        name, version, higher_is_better = "judge", "1", True

        def applies(self, case: Case) -> bool:
            """Always."""
            return True

        async def __call__(self, case: Case, output: Output) -> Score:
            """Waits until every call was made."""
            await open_.wait()
            return Score.of(1)

    async def opened() -> None:
        while len(target.asked) < len(CASES):
            await asyncio.sleep(0.01)
        open_.set()

    with Journal(tmp_path / "j") as journal:
        plan = Plan(jobs(CASES, 1), "p", concurrency=2)
        items, _ = await asyncio.gather(run(plan, target, [Judge()], journal), opened())

    assert [item.scores["judge"].value for item in items] == [1] * 6


def test_jobs_are_every_case_and_repeat_in_order() -> None:
    """Later repeats alone can be asked for too."""
    two = CASES[:2]

    assert jobs(two, 2) == [Job(two[0], 0), Job(two[0], 1), Job(two[1], 0), Job(two[1], 1)]
    assert jobs(two[:1], 3, first=2) == [Job(two[0], 2), Job(two[0], 3), Job(two[0], 4)]
