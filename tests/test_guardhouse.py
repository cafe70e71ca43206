"""The command `guardhouse`: what it says, and the code it exits with."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import guardhouse

ROOT = Path(guardhouse.__file__).parent


class Ran(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Run]:
    """Runs the command line in an empty folder, with bytes on standard input."""
    monkeypatch.chdir(tmp_path)
    # A command may answer Ctrl-C in its own way; the tests' own way comes back.
    before = signal.getsignal(signal.SIGINT)

    def call(*arguments: str, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "argv", ["guardhouse", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        with pytest.raises(SystemExit) as stopped:
            guardhouse.main()
        code = stopped.value.code
        return Ran(code if isinstance(code, int) else 0, *capsys.readouterr())

    yield call
    signal.signal(signal.SIGINT, before)


POLICY = """name: p
rules:
  - {id: mask, check: words, with: {deny: [bluebird]}, stages: [input, output], action: redact}
  - {id: stop, check: words, with: {deny: [kryptonite]}, stages: [input], action: block}
"""
FAILING = POLICY + "tests:\n  - {text: a bluebird, expect: {action: block}}\n"


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """A policy file that masks one word and blocks another."""
    (tmp_path / "p.yaml").write_text(POLICY)
    return "p.yaml"


def test_a_text_gets_its_verdict(run: Run, policy: str) -> None:
    """The action, the text as it would go on, and a line for each finding."""
    ran = run("check", "a bluebird", "--policy", policy)

    assert ran.code == 0
    assert ran.out.splitlines()[:3] == [
        "redact",
        "  released: a [DENIED_WORD]",
        "  DENIED_WORD at 2-10, score 1.00: rule mask, redact",
    ]


def test_a_blocked_text_exits_1(run: Run, policy: str) -> None:
    """So that scripts can ask; what was blocked is not repeated."""
    ran = run("check", "-", "--policy", policy, stdin=b"kryptonite")

    assert (ran.code, ran.out.splitlines()[0]) == (1, "block by rule stop")
    assert "kryptonite" not in ran.out


def test_a_verdict_as_json(run: Run, policy: str) -> None:
    """One object on one line."""
    ran = run("check", "a bluebird", "--policy", policy, "--json")

    assert (json.loads(ran.out)["action"], ran.out.count("\n")) == ("redact", 1)


def test_lines_are_answered_in_order(run: Run, policy: str, tmp_path: Path) -> None:
    """One verdict a line, whatever the verdicts are; a byte order mark and blank lines do no harm."""
    (tmp_path / "in.jsonl").write_bytes(
        b'\xef\xbb\xbf{"text": "kryptonite"}\r\n\n{"text": "kryptonite", "stage": "output"}\n{"text": "\\ud800"}\n'
    )

    ran = run("check", "--policy", policy, "--jsonl", "in.jsonl")

    assert ran.code == 0
    assert [json.loads(line)["action"] for line in ran.out.splitlines()] == ["block", "allow", "allow"]


REFUSED = [
    (["check"], b"", "needs either a text (or -) or --jsonl FILE"),
    (["check", "a", "--jsonl", "-"], b"", "and not both"),
    (["check", "a", "--stage", "sideways"], b"", "unknown stage 'sideways'. Stages: input,"),
    (["check", "-"], b"caf\xe9", "the text is not UTF-8."),
    (["check", "caf\udce9"], b"", "the text is not UTF-8."),
    (["check", "--jsonl", "-"], b'{"text": "a"}\ncaf\xe9\n', "-:2: is not UTF-8."),
    (["check", "--jsonl", "-"], b'{"text": "a"}\nnope\n', "line 2 is not JSON."),
    (["check", "--jsonl", "nowhere.jsonl"], b"", "cannot read nowhere.jsonl: No such file or directory."),
    (["check", "--jsonl", "."], b"", "cannot read .: Is a directory."),
    (["check", "a", "--policy", "sloppy"], b"", "no built-in policy 'sloppy'. Use one of: default, strict."),
    (["check", "a", "--policy", "nowhere.yaml"], b"", "nowhere.yaml: cannot be read: No such file"),
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


def test_what_a_policy_changes_in_ordinary_prompts_is_counted(run: Run, policy: str) -> None:
    """One line for each corpus that ships, with the rules that did it."""
    ran = run("policy", "test", policy, "--ordinary")

    assert ran.code == 0
    lines = [line for line in ran.out.splitlines() if line.startswith("  changes ")]
    assert [line.split(" of ")[1].split(":")[0] for line in lines] == [
        "760 coding prompts",
        "327 everyday prompts",
    ]


def test_a_failing_policy_test_exits_1_with_its_place(run: Run, tmp_path: Path) -> None:
    """File and line in the form editors understand, and a count for each policy."""
    (tmp_path / "f.yaml").write_text(FAILING)

    ran = run("policy", "test", "f.yaml", "default")

    assert ran.code == 1
    first, second, third = ran.out.splitlines()
    assert first == "f.yaml:6: test 1: expected action block, got redact"
    assert second == "f.yaml: 0 of 1 tests passed"
    assert third.startswith("default: ")


def test_the_version_is_printed(run: Run) -> None:
    """One line."""
    ran = run("version")

    assert (ran.code, ran.out.count(".")) == (0, 2)


def test_the_doctor_exits_1_when_something_needed_is_missing(run: Run) -> None:
    """Without a configuration nothing can be served; the rest is looked at all the same."""
    ran = run("doctor")

    assert ran.code == 1
    assert "error config: there is no file guardhouse.yaml." in ran.out
    assert "ok    python: " in ran.out


def test_ctrl_c_exits_130_without_a_trace() -> None:
    """As shells have it, also while it waits for the next line; what was answered stays answered."""
    command = [sys.executable, "-u", str(ROOT / "guardhouse.py"), "check", "--jsonl", "-"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, **pipes) as waiting:
        assert waiting.stdin and waiting.stdout and waiting.stderr
        waiting.stdin.write(b'{"text": "fine"}\n')
        waiting.stdin.flush()
        first = waiting.stdout.readline()
        waiting.send_signal(signal.SIGINT)
        code, told = waiting.wait(timeout=10), waiting.stderr.read()

    assert (json.loads(first)["action"], code, told) == ("allow", 130, b"")
