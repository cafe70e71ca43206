"""The commands on runs that are there already."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evals import document
from evals.document import save
from evals.run import Gating
from tests.evals.commands import call
from tests.evals.conftest import make_run


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
    twice = call("eval", "gate", tmp_path / "a.json", "--gate", "exact", "--gate", "exact:0.2")

    assert (free.exit_code, held.exit_code) == (0, 1)
    assert (twice.exit_code, "--gate names 'exact' twice" in twice.stderr) == (2, True)


def test_lines_are_scored_from_standard_input() -> None:
    """One JSON line each; a line that cannot be read makes exit code 2 at the end."""
    good = json.dumps({"question": "q", "context": "c", "answer": "a", "expected": "a"})

    fine = call("eval", "score", "--scorer", "exact", "--jsonl", "-", stdin=good + "\n")
    broken = call("eval", "score", "--scorer", "exact", "--jsonl", "-", stdin=f"{good}\n{{\n{good}\n")
    unknown = call("eval", "score", "--scorer", "nope", "--jsonl", "-")

    told = json.loads(fine.stdout)
    assert told.items() >= {"status": "scored", "value": 1.0, "spans": [], "reason": ""}.items()
    assert (told["scorer"], told["version"]) == ("exact", "2")
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
    if spoil == "huge":
        assert json.loads(result.stdout)["gate"]["verdict"] == "invalid"
    else:
        assert result.stderr.startswith("guardhouse: ") and len(result.stderr.splitlines()) == 1
    assert "Infinity" not in result.stdout
    if spoil == "margin":
        assert call("eval", "accept", tmp_path / "run.json", "--to", tmp_path / "x", "--force").exit_code == 2
