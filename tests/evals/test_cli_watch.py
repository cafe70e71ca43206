"""What an eval leaves when it is ended before its end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import typer

from evals import document
from evals.cli_watch import finish
from evals.gate import judge
from evals.run import GateVerdict, Gating
from tests.evals.commands import call, knows
from tests.evals.conftest import ChatServer, make_run


def test_an_interrupted_run_exits_130_and_can_go_on(place: Path, chat: ChatServer) -> None:
    """Ctrl-C: no stack trace, what was answered is kept, the next run asks the rest."""

    def slow(request: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        time.sleep(0.25)
        return knows(request)

    chat.script = slow
    told = ["--golden", place / "golden", "--base-url", chat.base_url, "--model", "m", "--out", place / "o"]
    told += ["--prompt", place / "good.txt", "--concurrency", 1]
    # Whoever started these tests in the background may have made them deaf to Ctrl-C.
    script = "import signal, typer; signal.signal(signal.SIGINT, signal.default_int_handler);"
    script += "from evals.cli import register; app = typer.Typer(); register(app); app()"
    command = [sys.executable, "-c", script, "eval", "run", *map(str, told)]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while len(chat.requests) < 5:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=20)
    asked = len(chat.requests)
    chat.script = knows

    again = call("eval", "run", *told)

    assert running.returncode == 130, errors
    assert errors.splitlines()[-1] == f"guardhouse: interrupted: go on with --out {place / 'o'}"
    assert again.exit_code == 0
    assert asked < 30
    assert len(chat.requests) in {30, 31}


def interrupted(told: list[object], chat: ChatServer, after: int) -> tuple[int, str]:
    """Exit code and last words of a command that gets Ctrl-C after some calls."""
    script = "import signal, typer; signal.signal(signal.SIGINT, signal.default_int_handler);"
    script += "from evals.cli import register; app = typer.Typer(); register(app); app()"
    command = [sys.executable, "-c", script, *map(str, told)]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while len(chat.requests) < after:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    return running.returncode, errors.splitlines()[-1]


def test_two_arms_that_are_interrupted_leave_a_partial_of_both(place: Path, chat: ChatServer) -> None:
    """Reports are written and say so, no verdict is given, and the same folder goes on."""

    def slow(request: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        time.sleep(0.05)
        return knows(request)

    chat.script = slow
    told: list[object] = [
        "eval",
        "run",
        "--golden",
        place / "golden",
        "--base-url",
        chat.base_url,
        "--model",
        "m",
    ]
    told += [
        "--prompt",
        place / "good.txt",
        "--candidate",
        "model:n",
        "--baseline",
        "o",
        "--out",
        place / "o",
    ]

    code, words = interrupted([*told, "--concurrency", 2], chat, 20)
    partial, base = (
        document.load(place / "o" / "run.json"),
        document.load(place / "o" / "baseline" / "run.json"),
    )
    kept = len(partial.items) + len(base.items)
    chat.script = knows
    whole = call(*told)

    assert (code, words) == (130, f"guardhouse: interrupted: go on with --out {place / 'o'}")
    assert 0 < kept < 60
    assert partial.gate.verdict is GateVerdict.INVALID
    assert partial.unfinished == base.unfinished == "interrupted before every case was asked"
    assert partial.baseline is not None
    assert (partial.baseline.id, partial.baseline.compared) == (base.id, 0)
    assert (place / "o" / "report.html").is_file()
    assert whole.exit_code == 0, whole.stderr
    assert len(chat.requests) == 60
    assert document.load(place / "o" / "run.json").unfinished == ""


def test_a_search_that_is_interrupted_goes_on_where_it_was(place: Path, chat: ChatServer) -> None:
    """Exit code 130 and how to go on; afterwards it finds what it would have found: each call is made once, and once
    afresh."""

    def slow(request: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        time.sleep(0.03)
        return knows(request)

    chat.script = slow
    told: list[object] = [
        "eval",
        "bisect",
        "--golden",
        place / "golden",
        "--base-url",
        chat.base_url,
        "--model",
        "m",
    ]
    told += ["--versions", f"{place / 'good.txt'},{place / 'bad.txt'}", "--repeats", 1, "--out", place / "o"]

    code, words = interrupted([*told, "--concurrency", 2], chat, 35)
    chat.script = knows
    whole = call(*told)

    assert (code, words) == (130, f"guardhouse: interrupted: go on with --out {place / 'o'}")
    assert whole.exit_code == 1, whole.stderr
    assert len(chat.requests) == 120


def test_the_summary_names_the_baseline_from_the_run_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stored baseline by its way from the run's folder; `eval report` finds the one beside the run."""
    monkeypatch.chdir(tmp_path)
    before = make_run({"exact": {"a": [1.0], "b": [1.0]}}, id="old")
    run = judge(make_run({"exact": {"a": [1.0], "b": [1.0]}}, gating=[Gating("exact")]), before)
    (tmp_path / "runs" / "one").mkdir(parents=True)

    with pytest.raises(typer.Exit):
        finish(run, Path("runs/one"), True, "kept/old.json")
    stored = Path("runs/one/summary.md").read_text("utf-8")
    (tmp_path / "runs" / "one" / "baseline").mkdir()
    with pytest.raises(typer.Exit):
        finish(run, Path("runs/one"), True, before)
    call("eval", "report", "runs/one/run.json", "--md", "again.md")

    assert "`guardhouse eval compare ../../kept/old.json run.json`" in stored
    assert "`guardhouse eval compare baseline/run.json run.json`" in Path("again.md").read_text("utf-8")
    assert document.load(Path("runs/one/baseline/run.json")).id == "old"
