"""The commands, run as a user runs them, against a scripted endpoint."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from evals import document
from evals.cli import register
from evals.document import save
from evals.types import Gating
from tests.evals.conftest import ChatServer, completion, item, make_run, write_golden

app = typer.Typer()
register(app)


def call(*arguments: object, stdin: str = "") -> Any:
    """The result of a command."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


def knows(request: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
    """Answers every question rightly, unless the prompt is careless."""
    question = request["messages"][-1]["content"]
    careful = "careful" in request["messages"][0]["content"]
    name = question.removeprefix("What about ").removesuffix("?")
    return 200, completion(f"All about {name}." if careful else "Hello there!"), {}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A golden set of thirty cases, a suite, and two prompts."""
    golden = write_golden(tmp_path / "golden", [item(f"c{n:02}") for n in range(30)])
    (golden / "suite.yaml").write_text("scorers: [exact, f1]\ngating: [{metric: exact, margin: 0.1}]\n")
    (tmp_path / "good.txt").write_text("Be careful.")
    (tmp_path / "bad.txt").write_text("Be quick.")
    return tmp_path


def eval_run(place: Path, chat: ChatServer, prompt: str, *more: object) -> Any:
    """`guardhouse eval run` on the scripted endpoint."""
    told = [
        "--golden",
        place / "golden",
        "--base-url",
        chat.base_url,
        "--model",
        "m",
        "--prompt",
        place / prompt,
    ]
    return call("eval", "run", *told, *more)


def test_the_gate_passes_a_good_prompt_and_blocks_a_bad_one(place: Path, chat: ChatServer) -> None:
    """Run, accept as baseline, run again, run worse: exit codes 0, 0, 0, 1 and all reports."""
    chat.script = knows
    baseline = place / "baselines" / "toy.json"

    first = eval_run(place, chat, "good.txt", "--out", place / "first")
    accepted = call("eval", "accept", place / "first" / "run.json", "--to", baseline)
    same = eval_run(place, chat, "good.txt", "--out", place / "same", "--baseline", baseline)
    worse = eval_run(place, chat, "bad.txt", "--out", place / "worse", "--baseline", baseline)

    assert [result.exit_code for result in (first, accepted, same, worse)] == [0, 0, 0, 1]
    assert same.output.startswith("PASS")
    assert worse.output.startswith("BLOCK")
    assert "pass -> fail" in worse.output
    assert {path.name for path in (place / "worse").iterdir()} == {
        "journal.jsonl",
        "junit.xml",
        "report.html",
        "run.json",
        "summary.md",
    }
    again = call("eval", "gate", place / "worse" / "run.json", "--baseline", baseline)
    compared = call("eval", "compare", baseline, place / "worse" / "run.json", "--json")
    assert (again.exit_code, compared.exit_code) == (1, 1)
    assert json.loads(compared.output)["gate"]["verdict"] == "block"
    refused = call("eval", "accept", place / "worse" / "run.json", "--to", baseline)
    assert refused.exit_code == 2
    assert "pass --force" in refused.stderr


def test_a_finished_run_is_not_asked_again(place: Path, chat: ChatServer) -> None:
    """The same folder resumes: no call, no probe, the same scores."""
    chat.script = knows
    eval_run(place, chat, "good.txt", "--out", place / "out", "--repeats", 2)
    asked = (len(chat.requests), chat.models)

    result = eval_run(place, chat, "good.txt", "--out", place / "out", "--repeats", 2, "--json")

    assert asked == (60, 1)
    assert (len(chat.requests), chat.models) == asked
    document = json.loads(result.output)
    assert document["summary"]["exact"]["mean"] == 1.0
    assert document["repeats"] == 2


def test_gates_can_be_named_on_the_command_line(place: Path, chat: ChatServer) -> None:
    """They take the place of the suite's and are scored even where the suite does not."""
    chat.script = knows

    result = eval_run(place, chat, "good.txt", "--out", place / "o", "--gate", "contains:0.2", "--json")

    assert json.loads(result.output)["gating"] == [
        {"metric": "contains", "margin": 0.2, "min": None, "min_effect": 0.01}
    ]
    assert "contains" in json.loads(result.output)["summary"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "nothing to measure"),
        (["--golden", "GOLDEN"], "no target"),
        (["--golden", "none", "--base-url", "http://x/v1", "--model", "m"], "manifest.json"),
        (["--golden", "GOLDEN", "--base-url", "ftp://x", "--model", "m"], "no target"),
        (
            ["--golden", "GOLDEN", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--out", "OUT"],
            "be reached",
        ),
        (
            ["--golden", "GOLDEN", "--base-url", "http://x/v1", "--model", "m", "--prompt", "none"],
            "prompt none",
        ),
        (
            ["--golden", "GOLDEN", "--base-url", "http://x/v1", "--model", "m", "--baseline", "none"],
            "none cannot",
        ),
        (
            ["--golden", "GOLDEN", "--base-url", "http://x/v1", "--model", "m", "--gate", "f1:x"],
            "not a margin",
        ),
        (
            ["--golden", "GOLDEN", "--base-url", "http://x/v1", "--model", "m", "--gate", "nope"],
            "no scorer 'nope'",
        ),
        (
            ["--golden", "GOLDEN", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--out", "FILE"],
            "be written",
        ),
        (["--golden", "GOLDEN", "--policy", "default"], "no case of the golden set expects a guardrail"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(place: Path, arguments: list[str], says: str) -> None:
    """What is wrong and what to do; never a stack trace."""
    places = {"GOLDEN": place / "golden", "OUT": place / "out", "FILE": place / "good.txt"}

    result = call("eval", "run", *[places.get(argument, argument) for argument in arguments])

    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.startswith("guardhouse: ")
    assert result.stderr.count("\n") == 1


def test_a_changed_golden_set_is_refused_before_the_first_call(place: Path, chat: ChatServer) -> None:
    """Exit code 2, no call."""
    items = place / "golden" / "items.jsonl"
    items.write_text(items.read_text().replace("All about c07.", "All about c7."))

    result = eval_run(place, chat, "good.txt")

    assert result.exit_code == 2
    assert "content hash" in result.stderr
    assert chat.requests == []


def test_a_target_that_only_fails_is_exit_code_2(place: Path, chat: ChatServer) -> None:
    """All calls failed: nothing was measured."""
    chat.script = lambda request: (404, {"error": {"code": "model_not_found"}}, {})

    result = eval_run(place, chat, "good.txt", "--out", place / "o")

    assert result.exit_code == 2
    assert "none of 30 calls (HTTP 404 model_not_found)" in result.stderr


def test_a_refused_key_is_told_once(place: Path, chat: ChatServer) -> None:
    """By the probe, before thirty calls are spent; the key is not shown."""
    chat.models_status = 401

    result = eval_run(place, chat, "good.txt", "--out", place / "o", "--api-key", "sk-very-secret")

    assert (result.exit_code, chat.requests) == (2, [])
    assert "refuses the key" in result.stderr
    assert "sk-very-secret" not in result.output + result.stderr


def test_reports_are_written_where_asked(tmp_path: Path) -> None:
    """One option a format; without any the summary is shown."""
    save(make_run({"exact": {"a": [1.0]}}), tmp_path / "run.json")
    targets = [f"--{kind}={tmp_path / ('r.' + kind)}" for kind in ("html", "junit", "md")]

    written = call("eval", "report", tmp_path / "run.json", *targets)
    shown = call("eval", "report", tmp_path / "run.json")

    assert (written.exit_code, shown.exit_code) == (0, 0)
    assert [(tmp_path / f"r.{kind}").read_text()[:5] for kind in ("html", "junit", "md")] == [
        "<!doc",
        "<?xml",
        "## Ev",
    ]
    assert shown.output.startswith("NONE")


def test_gate_takes_other_rules_for_a_stored_run(tmp_path: Path) -> None:
    """A run can be judged again without asking again."""
    runs = {"a": 0.0, "b": 1.0}
    for name, value in runs.items():
        save(make_run({"exact": {f"c{n}": [value] for n in range(20)}}), tmp_path / f"{name}.json")

    free = call("eval", "gate", tmp_path / "a.json", "--baseline", tmp_path / "b.json")
    held = call("eval", "gate", tmp_path / "a.json", "--baseline", tmp_path / "b.json", "--gate", "exact")

    assert (free.exit_code, held.exit_code) == (0, 1)


def test_lines_are_scored_from_standard_input() -> None:
    """One JSON line each; a line that cannot be read makes exit code 2 at the end."""
    good = json.dumps({"question": "q", "context": "c", "answer": "a", "expected": "a"})

    fine = call("eval", "score", "--scorer", "exact", "--jsonl", "-", stdin=good + "\n")
    broken = call("eval", "score", "--scorer", "exact", "--jsonl", "-", stdin=f"{good}\n{{\n{good}\n")
    unknown = call("eval", "score", "--scorer", "nope", "--jsonl", "-")

    assert json.loads(fine.stdout) == {"status": "scored", "value": 1.0, "spans": [], "reason": ""}
    assert [json.loads(line)["status"] for line in broken.stdout.splitlines()] == [
        "scored",
        "unscored",
        "scored",
    ]
    assert (fine.exit_code, broken.exit_code, unknown.exit_code) == (0, 2, 2)


def test_publishing_to_nobody_is_told(tmp_path: Path) -> None:
    """Exit code 2 and the address."""
    save(make_run({"exact": {"a": [1.0]}}), tmp_path / "run.json")

    result = call("eval", "publish", tmp_path / "run.json", "--url", "http://127.0.0.1:9", "--key", "k")

    assert result.exit_code == 2
    assert "127.0.0.1:9 cannot be reached" in result.stderr


def test_comparing_two_runs_imports_nothing_heavy(tmp_path: Path) -> None:
    """No client, no index, no model library for a comparison of two files."""
    for name in "ab":
        save(
            make_run({"exact": {f"c{n}": [1.0] for n in range(9)}}, gating=[Gating("exact")]),
            tmp_path / f"{name}.json",
        )
    script = (
        "import sys, typer; from evals.cli import register; app = typer.Typer(); register(app)\n"
        f"try: app(['eval', 'compare', {str(tmp_path / 'a.json')!r}, {str(tmp_path / 'b.json')!r}])\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "heavy = {'openai', 'llama_index', 'faiss', 'litellm', 'torch', 'aiohttp', 'fastapi', 'onnxruntime', 'jinja2'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("PASS")


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
    assert errors.strip() == f"guardhouse: interrupted: go on with --out {place / 'o'}"
    assert again.exit_code == 0
    assert asked < 30
    assert len(chat.requests) in {30, 31}


def test_the_shipped_guardrail_cases_hold_under_the_default_policy(tmp_path: Path) -> None:
    """A policy as target: action and entities of all of them, without a model."""
    golden = Path(__file__).parents[2] / "datasets" / "golden" / "support"

    result = call("eval", "run", "--golden", golden, "--policy", "default", "--out", tmp_path, "--json")

    assert result.exit_code == 0, result.stderr
    document = json.loads(result.output)
    assert document["summary"]["guardrail"]["mean"] == 1.0
    assert document["target"]["kind"] == "policy"


@pytest.mark.parametrize("spoil", ["margin", "negative", "twice", "direction", "huge"])
def test_run_documents_that_cannot_be_judged_are_exit_code_2(tmp_path: Path, spoil: str) -> None:
    """One line each, no traceback, and no Infinity in what is printed."""
    run = make_run({"f1": {name: [0.5] for name in "abc"}}, gating=[Gating("f1")])
    save(run, tmp_path / "base.json")
    told = json.loads(document.text(run))
    if spoil in {"margin", "negative"}:
        told["gating"][0]["margin"] = -1.0 if spoil == "negative" else 123456.5
    elif spoil == "twice":
        told["items"].append(told["items"][0])
    elif spoil == "direction":
        told["scorers"][0]["higher_is_better"] = False
    else:
        for each, value in zip(told["items"], (1.7e308, 1.7e308, -1.7e308), strict=True):
            each["scores"]["f1"]["value"] = value
    (tmp_path / "run.json").write_text(json.dumps(told).replace("123456.5", "1e999"))

    result = call("eval", "gate", tmp_path / "run.json", "--baseline", tmp_path / "base.json", "--json")

    assert result.exit_code == 2
    assert result.stderr.startswith("guardhouse: ") and len(result.stderr.splitlines()) == 1
    assert "Infinity" not in result.stdout
    if spoil == "margin":
        assert call("eval", "accept", tmp_path / "run.json", "--to", tmp_path / "x", "--force").exit_code == 2


@pytest.mark.parametrize(
    "options",
    [
        ("--base-url", "http://x/v1", "--temperature", "nan"),
        ("--base-url", "http://x/v1", "--timeout", "inf"),
        ("--base-url", "http://[::1"),
    ],
)
def test_options_that_do_not_fit_are_exit_code_2(place: Path, options: tuple[str, ...]) -> None:
    """One line, no traceback."""
    result = call("eval", "run", "--golden", place / "golden", "--model", "m", *options)

    assert result.exit_code == 2
    assert result.stderr.startswith("guardhouse: ")
