"""One eval from end to end, in process: golden set, target, scores, run, reports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals import document, runner
from evals.errors import ComparisonError, SuiteError
from evals.golden import load
from evals.journal import Journal
from evals.run import GateVerdict, Gating, PromptRef, RunItem, TargetRef
from evals.runner import Plan
from evals.scorer import BUILT_IN, build
from evals.session import Setup, canaries, evaluate, summarise, write_reports
from evals.suite import default
from evals.types import Case, Output, Score
from tests.evals.conftest import item, make_run, missing, write_golden

SUITE = "scorers: [exact, f1, refusal]\ngating: [{metric: exact, margin: 0.1}]\nrepeats: 2\n"


class Oracle:
    """A target that knows every answer, or says one thing to all."""

    def __init__(self, fixed: str | None = None) -> None:
        self.fixed = fixed
        self.asked = 0

    @property
    def ref(self) -> TargetRef:
        """Differs by what it says."""
        return TargetRef("test", "", "oracle", signature=str(self.fixed))

    async def probe(self) -> None:
        """Always there."""

    async def ask(self, case: Case, repeat: int = 0) -> Output:
        """The expected answer, or the fixed one."""
        self.asked += 1
        return Output(text=self.fixed or case.expected.answer or "", answered_model="oracle-7")

    async def aclose(self) -> None:
        """Nothing to do."""


def setup(tmp_path: Path, out: str = "out") -> Setup:
    """Twenty cases and a suite that gates on exact."""
    golden = tmp_path / "golden"
    if not golden.exists():
        write_golden(golden, [item(f"c{n:02}", cluster=f"k{n % 10}", tags=["t"]) for n in range(20)])
        (golden / "suite.yaml").write_text(SUITE)
    return Setup(default(golden), load(golden), PromptRef("p", "v1", "1" * 64), tmp_path / out, repeats=2)


async def test_a_good_prompt_passes_and_a_bad_one_is_blocked(tmp_path: Path) -> None:
    """Against the same baseline, on the same items."""
    baseline = await evaluate(setup(tmp_path), Oracle())
    same = await evaluate(setup(tmp_path, "same"), Oracle(), baseline)
    worse = await evaluate(setup(tmp_path, "worse"), Oracle("I do not know."), baseline)

    assert baseline.gate.verdict is GateVerdict.NONE
    assert same.gate.verdict is GateVerdict.PASS
    assert worse.gate.verdict is GateVerdict.BLOCK
    assert worse.baseline is not None
    assert {flip.metric for flip in worse.baseline.flips} == {"exact", "f1"}


async def test_a_run_says_what_was_measured(tmp_path: Path) -> None:
    """Golden set, models that answered, scorers that applied, clusters and questions."""
    run = await evaluate(setup(tmp_path), Oracle())

    assert (run.golden.n, run.repeats, len(run.items)) == (20, 2, 40)
    assert run.target.answered_models == ("oracle-7",)
    assert [scorer.name for scorer in run.scorers] == ["exact", "f1"]
    assert (run.cases[0].question, run.cases[0].cluster) == ("What about c00?", "k0")
    assert run.summary["exact"].mean == 1.0
    assert run.created_at.endswith("Z")


async def test_a_second_run_in_the_same_folder_asks_nothing(tmp_path: Path) -> None:
    """The journal answers; scores and verdict are the same."""
    first = await evaluate(setup(tmp_path), Oracle())
    oracle = Oracle()
    second = await evaluate(setup(tmp_path), oracle)

    assert oracle.asked == 0
    assert second.items == first.items


async def test_a_baseline_of_other_data_is_refused_before_the_first_call(tmp_path: Path) -> None:
    """No call is spent on a comparison that cannot be made."""
    oracle = Oracle()

    with pytest.raises(ComparisonError):
        await evaluate(setup(tmp_path), oracle, make_run({"exact": {"z": [1.0]}}))

    assert oracle.asked == 0


async def test_all_four_artefacts_are_written(tmp_path: Path) -> None:
    """run.json loads again; each of the others is there and not empty."""
    run = await evaluate(setup(tmp_path), Oracle())

    written = write_reports(run, tmp_path / "out")

    assert set(written) == {"run.json", "report.html", "junit.xml", "summary.md"}
    assert document.load(written["run.json"]) == run
    assert all(path.stat().st_size > 100 for path in written.values())


def test_canaries_are_those_tagged_and_those_listed(tmp_path: Path) -> None:
    """A listed one that is not in the set is a mistake."""
    path = tmp_path / "suite.yaml"
    path.write_text("canaries: {ids: [a], tags: [red]}")
    cases = [Case("a", "h"), Case("b", "h", tags=("red",)), Case("c", "h", tags=("canary",))]

    assert canaries(default(tmp_path), cases).ids == ("a", "b")
    with pytest.raises(SuiteError, match="canary 'a' is not in the golden set"):
        canaries(default(tmp_path), cases[1:])


def test_a_summary_averages_repeats_first_and_counts_what_is_missing() -> None:
    """A case with more scored repeats weighs no more; one without any is not in the mean."""

    def scored(name: str, repeat: int, score: Score) -> RunItem:
        return RunItem(name, "h", repeat, Output(), {"exact": score})

    items = [
        scored("a", 0, Score.of(0)),
        scored("a", 1, Score.of(1)),
        scored("b", 0, Score.of(1)),
        scored("b", 1, missing()),
        scored("c", 0, missing()),
    ]

    cases = [Case("a", "h"), Case("b", "h", weight=3.0), Case("c", "h")]
    (summary,) = summarise(items, [build("exact")], cases).values()

    assert (summary.mean, summary.n, summary.unscored) == (0.875, 2, 2)


async def test_what_a_case_expects_is_told_in_words(tmp_path: Path) -> None:
    """For readers of the report, who do not have the golden set."""
    golden = write_golden(
        tmp_path / "golden",
        [
            item(
                "a",
                input={"messages": [{"role": "user", "content": "Book it"}]},
                expected={"tool_calls": [{"name": "book"}]},
            ),
            item("b", expected={"answer": "No.", "refusal": True}),
        ],
    )
    run = await evaluate(
        Setup(default(golden), load(golden), PromptRef("p", "", "0" * 64), tmp_path / "o"), Oracle("x")
    )

    assert [(case.question, case.expected) for case in run.cases] == [
        ("Book it", "calls book({})"),
        ("What about b?", "No.; refuses"),
    ]


class Late:
    """A scorer that knows its version once it has scored."""

    name, higher_is_better = "late", True

    def __init__(self) -> None:
        self.version = "1"

    def applies(self, case: Case) -> bool:
        """Always."""
        return True

    async def __call__(self, case: Case, output: Output, /) -> Score:
        """Loads what it needs."""
        self.version = "1+abc"
        return Score.of(1.0)


async def test_a_scorer_is_recorded_by_the_version_that_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is only known after the first score; a stored run that says more than is known yet is no other."""
    monkeypatch.setitem(BUILT_IN, "late", "tests.evals.test_session:Late")
    made = setup(tmp_path)
    made = replace(made, suite=replace(made.suite, scorers=("late",), gating=(Gating("late"),)))

    first = await evaluate(made, Oracle())
    again = await evaluate(replace(made, out=tmp_path / "again"), Oracle(), first)

    assert [scorer.version for scorer in first.scorers] == ["1+abc"]
    assert again.gate.verdict is GateVerdict.PASS


class Elsewhere:
    """Carries plans out with scorers of its own, as workers do."""

    def __init__(self, target: Oracle) -> None:
        self.target = target

    async def run(self, plan: Plan, journal: Journal, **options: Any) -> list[RunItem]:
        """As in Executor."""
        return await runner.run(plan, self.target, [Late()], journal, **options)


async def test_scorers_that_scored_elsewhere_are_recorded_as_if_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run over a cluster can be compared with one that was not."""
    monkeypatch.setitem(BUILT_IN, "late", "tests.evals.test_session:Late")
    made = setup(tmp_path)
    made = replace(made, suite=replace(made.suite, scorers=("late",), gating=(Gating("late"),)))
    oracle = Oracle()

    run = await evaluate(made, oracle, elsewhere=Elsewhere(oracle))

    assert [scorer.version for scorer in run.scorers] == ["1+abc"]


def test_values_too_large_to_reckon_with_have_no_mean() -> None:
    """Rather than an infinite one, or a stack trace."""
    items = [RunItem(name, "h", 0, Output(), {"exact": Score.of(1.7e308)}) for name in "ab"]

    (summary,) = summarise(items, [build("exact")], [Case("a", "h"), Case("b", "h")]).values()

    assert (summary.mean, summary.low, summary.high, summary.n) == (None, None, None, 2)
