"""Every report says what is advisory, who judged, and what that cost; none calls it a pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evals import facts, html, report
from evals.gate import judge
from evals.run import Run
from tests.evals.advised import BAD, CANARY, GOOD, WHY, advised
from tests.evals.test_junit import suites
from tests.evals.test_terminal import shown

REPORTS: dict[str, Callable[[Run], str]] = {
    "terminal": shown,
    "markdown": report.markdown,
    "html": html.render,
    "junit": report.junit,
}


def lean(text: str) -> str:
    """A text without what parts references in Markdown and line ends of the terminal."""
    return " ".join(text.replace("\u200b", "").replace("&#39;", "'").split())


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("compared", [False, True])
def test_an_advisory_metric_says_so(name: str, compared: bool) -> None:
    """With the reason, in each report, with and without a baseline; a fit one does not."""
    baseline = advised() if compared else None
    unfit = lean(REPORTS[name](judge(advised(judged={**GOOD, **CANARY}, gating=("exact",)), baseline)))
    fit = lean(REPORTS[name](judge(advised(why="", gating=("exact",)), baseline)))

    assert "advisory" in unfit
    assert "advisory" not in fit
    assert WHY in unfit or (name == "junit" and not compared)


@pytest.mark.parametrize("name", ["terminal", "markdown", "html"])
def test_who_judged_and_what_it_cost_stand_beside_the_target(name: str) -> None:
    """Requests, tokens and dollars of judging, apart from those of answers."""
    text = lean(REPORTS[name](judge(advised())))

    assert "judge-model" in text or name == "terminal"
    for part in ("61", "6,100 in, 610 out", "0.0123 USD"):
        assert part in text


def test_rows_tell_the_judge() -> None:
    """Model, address, names that it answered by, identity by scorer; nothing of a run without one."""
    rows = {name: now for name, _, now in facts.identities(advised())}

    assert rows["Judge"] == "judge-model at http://judge/v1"
    assert rows["Judge answered as"] == "judge-model-1"
    assert rows["Judge's identity"] == "jjjjjjjjjjjj (judged)"
    assert ("judge's cost", "0.0123 USD") in facts.cost_rows(advised())


def test_a_flip_of_an_advisory_metric_is_marked() -> None:
    """It passed and fails by a judge that may not say so."""
    run = judge(advised(judged={**GOOD, **CANARY}, gating=("exact",)), advised())

    assert [flip.metric for each in facts.flipped(run) for flip in each.lost] == ["judged (advisory)"]
    assert "judged (advisory) 1 -> 0" in shown(run)


def test_junit_skips_what_is_advisory() -> None:
    """A testcase without an outcome reads as a pass."""
    run = judge(advised(judged=BAD, gating=("exact",)), advised())

    cases = {case.get("name"): case for case in suites(run)["gate"].iter("testcase")}

    skipped = cases["judged"].find("skipped")
    assert skipped is not None and skipped.get("message") == f"advisory: {WHY}"
    assert cases["exact"].find("skipped") is None


def test_a_canary_that_only_an_unfit_judge_saw_fail_is_blamed_on_nobody() -> None:
    """The run is invalid; no case is red."""
    run = judge(advised(judged={**GOOD, **CANARY}, canaries=("judged",)))

    assert facts.failing_items(run) == {}
    assert suites(run)["items"].get("failures") == "0"
    assert suites(run)["gate"].get("errors") == "1"
