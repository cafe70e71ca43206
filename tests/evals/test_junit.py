"""JUnit: one testcase per gate and per item, red exactly when the exit code is 1 or 2."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from evals.gate import judge
from evals.junit import render
from evals.run import Canaries, Gating, Run
from tests.evals.blocked import blocked, failed
from tests.evals.conftest import make_run, missing

SHAPE: dict[str, tuple[set[str], set[str], tuple[str, ...]]] = {
    "testsuites": ({"name"}, {"tests", "failures", "errors", "skipped", "time"}, ("testsuite",)),
    "testsuite": (
        {"name", "tests"},
        {"failures", "errors", "skipped", "time", "timestamp", "hostname", "id", "package"},
        ("properties", "testcase", "system-out", "system-err"),
    ),
    "testcase": (
        {"name", "classname"},
        {"time", "status", "assertions"},
        ("properties", "skipped", "error", "failure", "system-out", "system-err"),
    ),
    "properties": (set(), set(), ("property",)),
    "property": ({"name", "value"}, set(), ()),
    "skipped": (set(), {"message"}, ()),
    "error": (set(), {"message", "type"}, ()),
    "failure": (set(), {"message", "type"}, ()),
}
"""The schema that readers of JUnit XML share: required and optional attributes, children in their order."""


def suites(run: Run) -> dict[str, ElementTree.Element]:
    """The parsed suites by the word before the colon."""
    root = ElementTree.fromstring(render(run).encode())
    return {suite.get("name", "").split(":")[0]: suite for suite in root}


def test_it_has_the_shape_that_readers_share() -> None:
    """Elements, attributes and order; counts are those of what is there."""
    root = ElementTree.fromstring(render(blocked()).encode())

    for element in root.iter():
        required, optional, children = SHAPE[element.tag]
        assert required <= set(element.attrib) <= required | optional
        order = [children.index(child.tag) for child in element]
        assert order == sorted(order)
    assert root.get("tests") == str(len(list(root.iter("testcase"))))
    assert root.get("failures") == str(len(list(root.iter("failure"))))


def test_there_is_one_testcase_per_gate_and_item() -> None:
    """The gate and the cases that flipped are the failures; reported metrics are never red."""
    run = blocked()
    found = suites(run)

    assert found["gate"].get("tests") == str(len(run.gate.metrics))
    assert found["gate"].get("failures") == "1"
    assert (found["items"].get("tests"), found["items"].get("failures")) == ("30", "10")
    gate = next(case for case in found["gate"].iter("testcase") if case.get("name") == "exact")
    properties = {p.get("name"): p.get("value") for p in gate.iter("property")}
    assert {"delta", "low", "high", "n", "k", "p"} <= set(properties)


def test_a_suite_says_which_run_it_is() -> None:
    """Run, golden set, prompt, baseline, exit code, time."""
    gate = suites(blocked(commit="abc"))["gate"]
    told = {p.get("name"): p.get("value") for p in gate.findall("properties/property")}

    assert (told["run"], told["baseline"], told["exit_code"], told["commit"]) == ("run-1", "old", "1", "abc")
    assert gate.get("timestamp") == "2026-01-01T00:00:00"


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
def test_it_is_red_exactly_when_the_exit_code_says_so(run: Run, red: bool) -> None:
    """A low score alone fails nothing: report and exit code never disagree."""
    judged = judge(run)
    root = ElementTree.fromstring(render(judged).encode())
    bad = [*root.iter("failure"), *root.iter("error")]

    assert bool(bad) is red
    assert (judged.gate.verdict.exit_code in {1, 2}) is red


def test_an_invalid_run_says_what_failed() -> None:
    """In the message of its error."""
    told = [error.get("message") or "" for error in suites(failed())["gate"].iter("error")]

    assert told and all(message.endswith("(3 × down)") for message in told)
