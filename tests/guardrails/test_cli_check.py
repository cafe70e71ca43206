"""`guardhouse check`: what it says, and the code it exits with."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import guardhouse
from tests.command import POLICY, Run

ROOT = Path(guardhouse.__file__).parent


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """A policy file that masks one word and blocks another."""
    (tmp_path / "p.yaml").write_text(POLICY)
    return "p.yaml"


def test_a_text_gets_its_verdict(run: Run, policy: str) -> None:
    """The action, the text as it would go on, and a line for each finding."""
    ran = run("check", "a bluebird", "--policy", policy)

    assert ran.code == 0
    assert ran.out.splitlines()[:-1] == [
        "redact",
        "  1 | a bluebird",
        "    |   ^^^^^^^^ DENIED_WORD",
        "  released: a [DENIED_WORD]",
        "  rule  entity       place   score  action",
        "  mask  DENIED_WORD  1:2-10  1.00   redact",
    ]
    assert re.fullmatch(r"  mask \d+\.\d\d ms, stop \d+\.\d\d ms", ran.out.splitlines()[-1])


@pytest.mark.parametrize(
    ("variables", "coloured"), [({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)]
)
def test_marks_are_coloured_only_where_colours_are_wanted(
    run: Run, policy: str, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], coloured: bool
) -> None:
    """On a terminal, unless NO_COLOR is set; what the text brings along is escaped either way."""
    for name, value in {"TERM": "xterm-256color", **variables}.items():
        monkeypatch.setenv(name, value)
    out = run("check", "-", "--policy", policy, stdin=b"a bluebird \x1b[31m").out

    assert ("\x1b[" in out, "^^^" in out) == (coloured, not coloured)
    assert "\x1b[31m" not in out
    assert "\\x1b[31m" in out


def test_a_blocked_text_exits_1(run: Run, policy: str) -> None:
    """So that scripts can ask; nothing is released."""
    ran = run("check", "-", "--policy", policy, stdin=b"kryptonite")

    assert (ran.code, ran.out.splitlines()[0]) == (1, "block by rule stop")
    assert "released" not in ran.out


def test_a_verdict_as_json(run: Run, policy: str) -> None:
    """One object on one line."""
    ran = run("check", "a bluebird", "--policy", policy, "--json")

    told = json.loads(ran.out)

    assert (told["action"], ran.out.count("\n")) == ("redact", 1)
    assert set(told["timings"]) == {"mask", "stop"}


def test_lines_are_answered_in_order(run: Run, policy: str, tmp_path: Path) -> None:
    """One verdict a line, whatever the verdicts are; a byte order mark and blank lines do no harm."""
    (tmp_path / "in.jsonl").write_bytes(
        b'\xef\xbb\xbf{"text": "kryptonite"}\r\n\n{"text": "kryptonite", "stage": "output"}\n{"text": "\\ud800"}\n'
    )

    ran = run("check", "--policy", policy, "--jsonl", "in.jsonl")

    assert ran.code == 0
    assert [json.loads(line)["action"] for line in ran.out.splitlines()] == ["block", "allow", "allow"]


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
    (
        ["check", "a", "--policy", "sloppy"],
        b"",
        "no built-in policy 'sloppy'. Use one of: default, strict, agents.",
    ),
    (["check", "a", "--policy", "nowhere.yaml"], b"", "nowhere.yaml: cannot be read: No such file"),
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
