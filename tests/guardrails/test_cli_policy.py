"""`guardhouse policy`: what it says, and the code it exits with."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.command import POLICY, Run


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """A policy file that masks one word and blocks another."""
    (tmp_path / "p.yaml").write_text(POLICY)
    return "p.yaml"


FAILING = POLICY + "tests:\n  - {text: a bluebird, expect: {action: block}}\n"


def test_lint_says_that_a_policy_can_be_enforced(run: Run, policy: str) -> None:
    """One line a policy, with the label that traces will carry."""
    ran = run("policy", "lint", policy, "strict")

    assert ran.code == 0
    assert [line.split("@")[0] for line in ran.out.splitlines()] == ["p.yaml: ok, p", "strict: ok, strict"]


def test_lint_measures_what_each_rule_costs(run: Run, policy: str) -> None:
    """One line a rule, in milliseconds."""
    ran = run("policy", "lint", policy, "--cost")

    assert ran.code == 0
    assert all(
        re.fullmatch(r"  [\w-]+: \d+\.\d\d ms for 4 KB of new text", line)
        for line in ran.out.splitlines()[1:]
    )
    assert len(ran.out.splitlines()) > 1


@pytest.mark.parametrize(
    ("flag", "detail"), [((), ""), (("--ordinary",), ": nothing"), (("--no-ordinary",), None)]
)
def test_what_a_policy_changes_in_ordinary_prompts_is_counted(
    run: Run, policy: str, flag: tuple[str, ...], detail: str | None
) -> None:
    """One line for each corpus that ships; with `--ordinary` also the rules that did it."""
    ran = run("policy", "test", policy, *flag)

    assert ran.code == 0
    lines = [] if detail is None else ["760 coding prompts", "327 everyday prompts"]
    assert ran.out.splitlines()[1:] == [f"  changes 0 of {line}{detail}" for line in lines]


def test_outcomes_for_machines(run: Run, tmp_path: Path) -> None:
    """As JSON on standard output and as JUnit's XML in a file; several policies at once, and 1 when one fails."""
    (tmp_path / "f.yaml").write_text(FAILING)

    ran = run("policy", "test", "f.yaml", "strict", "--no-ordinary", "--json", "--junit", "out.xml")
    first, second = json.loads(ran.out)["policies"]
    failing, passing = ElementTree.fromstring((tmp_path / "out.xml").read_text())

    assert ran.code == 1
    assert (first["tests"], first["passed"], second["failed"], second["ordinary"]) == (1, 0, [], [])
    assert first["failed"] == [
        {"file": "f.yaml", "line": 6, "number": 1, "problems": ["expected action block, got redact"]}
    ]
    assert (failing.get("failures"), passing.get("failures")) == ("1", "0")
    assert failing[0].get("line") == "6"
    assert len(passing) == int(passing.get("tests", 0)) == 3


def test_a_file_that_cannot_be_written_is_told(run: Run, policy: str) -> None:
    """One line and exit code 2."""
    ran = run("policy", "test", policy, "--no-ordinary", "--junit", "nowhere/out.xml")

    assert (ran.code, ran.err) == (
        2,
        "guardhouse: cannot write nowhere/out.xml: No such file or directory.\n",
    )


def test_a_failing_policy_test_exits_1_with_its_place(run: Run, tmp_path: Path) -> None:
    """File and line in the form editors understand, and a count for each policy."""
    (tmp_path / "f.yaml").write_text(FAILING)

    ran = run("policy", "test", "f.yaml", "default", "--no-ordinary")

    assert ran.code == 1
    first, second, third = ran.out.splitlines()
    assert first == "f.yaml:6: test 1: expected action block, got redact"
    assert second == "f.yaml: 0 of 1 tests passed"
    assert third.startswith("default: ")


REFUSED = [
    (["policy", "lint", "bad.yaml"], b"", "bad.yaml:1: "),
    (["policy", "test", "bad.yaml"], b"", "bad.yaml:1: "),
]


@pytest.mark.parametrize(("arguments", "stdin", "message"), REFUSED)
def test_what_cannot_be_done_is_one_line(
    run: Run, tmp_path: Path, arguments: list[str], stdin: bytes, message: str
) -> None:
    """What the user can mend: exit code 2 and one line on stderr that says what, and where."""
    (tmp_path / "bad.yaml").write_text("name: p\n")

    ran = run(*arguments, stdin=stdin)

    assert ran.code == 2
    assert ran.err.startswith("guardhouse: ")
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_the_schema_is_printed(run: Run) -> None:
    """As JSON; with the options of the checks that are installed."""
    told = json.loads(run("policy", "schema").out)

    assert told["title"] == "Guardhouse policy"
    assert {"with_words", "with_pii"} <= set(told["$defs"])
