"""Reports: everything a model wrote is hostile, and every reader gets the verdict first."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from evals.gate import judge
from evals.report import junit, markdown, plain, terminal
from evals.types import Canaries, Gating, Run
from tests.evals.conftest import make_run, missing

HOSTILE = (
    "</pre><script>alert(1)</script> [red]x[/red] | `cmd` \x1b[31m \x00 \ufffe \ud800 \u202e @everyone ]]>"
)


def blocked() -> Run:
    """A run that lost ten cases, with hostile texts."""
    before = make_run({"exact": {f"c{n}": [1.0] for n in range(30)}}, id="old", texts={"c1": HOSTILE})
    after = make_run(
        {"exact": {f"c{n}": [float(n >= 10)] for n in range(30)}},
        gating=[Gating("exact")],
        texts={f"c{n}": HOSTILE for n in range(30)},
        suite=HOSTILE,
    )
    return judge(after, before)


def shown(run: Run) -> str:
    """What a terminal shows."""
    out = io.StringIO()
    terminal(run, Console(file=out, width=200, force_terminal=False))
    return out.getvalue()


def test_the_terminal_says_the_verdict_first() -> None:
    """Then what was measured, metrics, gate and flips."""
    text = shown(blocked())

    assert text.startswith("BLOCK  exact: it got worse, beyond chance")
    assert "pass -> fail  exact  c0" in text
    assert "\x1b" not in text


def test_differences_stand_above_the_numbers() -> None:
    """Identity before deltas."""
    before = make_run({"exact": {"a": [1.0], "b": [1.0]}})
    after = make_run({"exact": {"a": [1.0, 1.0], "b": [1.0, 1.0]}}, gating=[Gating("exact")])
    run = judge(after, before)

    for text in (shown(run), markdown(run)):
        assert 0 < text.index("repeats: 1") < text.lower().index("mean")


def test_markdown_shows_hostile_text_as_text() -> None:
    """No HTML, no table break, no mention, no formatting."""
    text = markdown(blocked())

    assert "<script" not in text
    assert "\\| \\`cmd\\`" in text
    assert "@everyone" not in text.replace("\\@everyone", "")
    flips = [line for line in text.splitlines() if line.startswith("| pass")]
    assert len(flips) == 10


def suites(run: Run) -> dict[str, ElementTree.Element]:
    """The parsed JUnit suites by the word before the colon."""
    root = ElementTree.fromstring(junit(run).encode())
    return {suite.get("name", "").split(":")[0]: suite for suite in root}


def test_junit_has_one_testcase_per_gate_and_item() -> None:
    """Valid XML whatever the model said; the gate and the cases that flipped are the failures."""
    found = suites(blocked())

    assert (found["gate"].get("tests"), found["gate"].get("failures")) == ("1", "1")
    assert (found["items"].get("tests"), found["items"].get("failures")) == ("30", "10")
    properties = {p.get("name"): p.get("value") for p in found["gate"].iter("property")}
    assert {"delta", "low", "high", "n", "k", "p"} <= set(properties)


@pytest.mark.parametrize(
    ("run", "red"),
    [
        (make_run({"exact": {"a": [0.0], "b": [1.0]}}), False),
        (make_run({"exact": {"a": [0.0], "b": [0.0]}}, gating=[Gating("exact", min=0.5)]), True),
        (make_run({"exact": {"a": [missing()], "b": [1.0]}}, errors=["a"]), True),
        (make_run({"guardrail": {"a": [0.0], "b": [1.0]}}, canaries=Canaries(("a",))), True),
        (make_run({"guardrail": {"a": [1.0], "b": [0.0]}}, canaries=Canaries(("a",))), False),
    ],
)
def test_junit_is_red_exactly_when_the_exit_code_says_so(run: Run, red: bool) -> None:
    """A low score alone fails nothing: report and exit code never disagree."""
    judged = judge(run)
    root = ElementTree.fromstring(junit(judged).encode())
    bad = [*root.iter("failure"), *root.iter("error")]

    assert bool(bad) is red
    assert (judged.gate.verdict.exit_code in {1, 2}) is red


@given(st.text())
def test_plain_text_is_always_fit_for_xml(text: str) -> None:
    """Whatever the characters."""
    element = ElementTree.Element("a", value=plain(text))

    ElementTree.fromstring(ElementTree.tostring(element))
    assert "\x1b" not in plain(text)


def test_a_long_text_is_cut() -> None:
    """At the limit, with a mark."""
    assert plain("x" * 10, 4) == "xxx…"
