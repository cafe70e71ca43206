"""The commands are all there."""

from __future__ import annotations

import typer
from typer.testing import CliRunner

from evals import cli


def test_every_command_is_registered_once() -> None:
    """Under `eval`, beside `golden`."""
    app = typer.Typer()
    cli.register(app)

    shown = CliRunner().invoke(app, ["eval", "--help"]).output

    assert [name for name in cli.COMMANDS if f" {name} " not in shown] == []
    assert CliRunner().invoke(app, ["golden", "--help"]).exit_code == 0
