"""One eval from end to end, in process: golden set, target, scores, run, reports."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from evals import document
from evals.errors import ComparisonError, SuiteError
from evals.golden import load
from evals.scorer import build
from evals.session import Setup, canaries, evaluate, read_prompt, read_template, summarise, write_reports
from evals.suite import default
from evals.types import Case, GateVerdict, Output, PromptRef, RunItem, Score, TargetRef
from proxy.prompt_file import read_version
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

    async def ask(self, case: Case) -> Output:
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


def test_a_prompt_is_named_by_folder_and_file(tmp_path: Path) -> None:
    """And identified by the hash of what is sent."""
    path = tmp_path / "support" / "v2.txt"
    path.parent.mkdir()
    path.write_text("Be brief.\n")

    assert read_prompt(path) == (
        "Be brief.",
        PromptRef("support", "v2", hashlib.sha256(b"Be brief.").hexdigest()),
    )
    assert read_prompt(None)[0] == ""
    with pytest.raises(SuiteError, match="cannot be read"):
        read_prompt(tmp_path / "none.txt")


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

    (summary,) = summarise(items, [build("exact")], {}).values()

    assert (summary.mean, summary.n, summary.unscored) == (0.75, 2, 2)


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


def test_a_template_is_named_by_its_path_and_hashed_as_the_proxy_does(tmp_path: Path) -> None:
    """So that a run can tell whether the proxy rendered that file."""
    path = tmp_path / "support-answer" / "2.1.yaml"
    path.parent.mkdir()
    path.write_text("# comment\nprompt: 'Ä {{ b }}'\n")

    ref = read_template(path)

    assert (ref.name, ref.version) == ("support-answer", "2.1")
    assert ref.sha256 == read_version(path).use.hash
    for broken in ("a: [", "a: 2026-01-01"):
        path.write_text(broken)
        with pytest.raises(SuiteError, match="guardhouse prompts check"):
            read_template(path)
    with pytest.raises(SuiteError, match="cannot be read"):
        read_template(tmp_path / "none.yaml")
