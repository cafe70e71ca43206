"""The `index` commands."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from evals import cli_index


def app() -> typer.Typer:
    """An app with the commands, as guardhouse has it."""
    found = typer.Typer()
    cli_index.register(found)
    found.command("other")(lambda: None)
    return found


def test_build_then_search(tmp_path: Path) -> None:
    """An index is built from a corpus and searched; --json is one object a line."""
    corpus = tmp_path / "docs.jsonl"
    corpus.write_text('{"id": "a", "text": "Bees dance."}\n{"id": "b", "text": "Ferries sail."}\n')
    run = CliRunner()
    built = run.invoke(app(), ["index", "build", str(corpus), str(tmp_path / "out"), "--json"])
    searched = run.invoke(app(), ["index", "search", str(tmp_path / "out"), "boats", "-k", "1", "--json"])
    plain = run.invoke(app(), ["index", "search", str(tmp_path / "out"), "boats"])

    assert (built.exit_code, json.loads(built.stdout)["n_docs"]) == (0, 2)
    assert json.loads(searched.stdout)["doc_id"] == "b"
    assert [line.split()[2] for line in plain.stdout.splitlines()] == ["b", "a"]


def test_bad_input_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    """No stack trace: `guardhouse: what: fix` on stderr."""
    run = CliRunner()
    missing = run.invoke(app(), ["index", "build", str(tmp_path / "no.jsonl"), str(tmp_path / "out")])
    unbuilt = run.invoke(app(), ["index", "search", str(tmp_path), "boats"])

    assert (missing.exit_code, unbuilt.exit_code) == (2, 2)
    assert missing.stderr.startswith("guardhouse: index build: ") and missing.stderr.count("\n") == 1
    assert "guardhouse index build" in unbuilt.stderr
