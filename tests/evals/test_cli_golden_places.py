"""The command `golden locate`."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from evals import golden
from evals.cli_golden_places import register
from tests.evals.conftest import item, write_golden

TEXT = "Tools go out at 18:30 on weekdays. The depot is shut on Sunday."


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, output and errors of the command."""
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    done = CliRunner().invoke(app, ["locate", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def made(folder: Path) -> tuple[Path, Path]:
    """A set with a quote that is there and one that is not, and its corpus."""
    docs = folder / "docs.jsonl"
    docs.write_text(json.dumps({"id": "d", "text": TEXT}) + "\n")
    relevant = [{"doc_id": "d", "quote": "The depot is shut on Sunday."}]
    items = [item("a", relevant=relevant), item("b", relevant=[{"doc_id": "d", "quote": "never said"}])]
    return write_golden(folder / "set", items), docs


def test_quotes_get_their_place_and_the_set_its_next_version(tmp_path: Path) -> None:
    """The relevant passages changed, so the step is MAJOR; what was not found is named."""
    directory, docs = made(tmp_path)

    code, out, err = run(directory, "--corpus", docs)

    assert code == 0
    assert out == f"{directory}: 2.0.0, 1 items located, 1 texts left\n"
    assert "b: d: the document does not say 'never said'" in err
    (passage,) = golden.read_items(directory / "items.jsonl")[0]["relevant"]
    assert TEXT[passage["start"] : passage["end"]] == "The depot is shut on Sunday."
    assert golden.load(directory).cases[0].relevant[0].start == passage["start"]


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    """And tells the same as JSON."""
    directory, docs = made(tmp_path)
    before = (directory / "items.jsonl").read_bytes()

    code, out, _ = run(directory, "--corpus", docs, "--dry-run", "--json")

    told = json.loads(out)
    assert (code, told["version"], told["located"]) == (0, "", ["a"])
    assert len(told["left"]) == len(told["complaints"]) == 1
    assert (directory / "items.jsonl").read_bytes() == before


def test_a_corpus_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    """Exit code 2."""
    directory, _ = made(tmp_path)

    code, _, err = run(directory, "--corpus", tmp_path / "gone.jsonl")

    assert (code, err.count("\n")) == (2, 1)
    assert "there is no such file" in err
