"""The command of the tour."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from evals import cli_demo, demo


@pytest.fixture
def app() -> typer.Typer:
    """An app with the command and another one, so that both are named."""
    made = typer.Typer()
    made.command("other")(lambda: None)
    cli_demo.register(made)
    return made


def test_without_a_terminal_it_leaves_by_itself(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe or a CI job has nobody to press Ctrl-C; the port is 4000 unless told."""
    asked: list[tuple[bool, int]] = []
    monkeypatch.setattr(demo, "run", lambda leave, port: asked.append((leave, port)))
    assert CliRunner().invoke(app, ["demo"]).exit_code == 0
    assert CliRunner().invoke(app, ["demo", "--exit", "--port", "0"]).exit_code == 0
    assert asked == [(True, 4000), (True, 0)]


def test_what_is_missing_is_one_line(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Outside a checkout there are no datasets."""
    monkeypatch.setattr(demo, "DATASETS", tmp_path / "none")
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "guardhouse: the datasets are not here: run the demo from a checkout of the repository"
    ]
