"""`guardhouse serve` at its edges."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from proxy.cli import register


@pytest.fixture
def app() -> typer.Typer:
    """A command line with the proxy's commands."""
    made = typer.Typer()
    register(made)
    return made


def test_the_commands_are_there(app: typer.Typer) -> None:
    """`serve` beside the operators' `keys` and `traces`."""
    help = CliRunner().invoke(app, ["--help"]).output

    assert all(word in help for word in ("serve", "keys", "traces"))


@pytest.mark.parametrize(
    ("options", "config", "says"),
    [
        (["--no-auth", "--host", "0.0.0.0"], "", "--no-auth would open 0.0.0.0"),
        ([], None, "nowhere.yaml"),
        ([], "model_list: [", "guardhouse.yaml"),
        (
            [],
            "model_list: [{model_name: a, litellm_params: {model: fake/echo}}]\nguardhouse: {policy: nope}",
            "nope",
        ),
    ],
)
def test_what_cannot_start_says_why_in_one_line(
    app: typer.Typer, tmp_path: Path, options: list[str], config: str | None, says: str
) -> None:
    """Exit code 2 and one line on stderr, never a stack trace."""
    file = tmp_path / ("nowhere.yaml" if config is None else "guardhouse.yaml")
    if config is not None:
        file.write_text(config)

    result = CliRunner().invoke(
        app, ["serve", "--config", str(file), "--data-dir", str(tmp_path / "d"), *options]
    )

    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.startswith("guardhouse: ")
    assert "Traceback" not in result.stderr
