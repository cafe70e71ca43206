"""The commands of evals, run as a user runs them."""

from __future__ import annotations

from typing import Any

import typer
from typer.testing import CliRunner

from evals import cli_index
from evals.cli import register
from tests.evals.conftest import completion

app = typer.Typer()
register(app)
cli_index.register(app)


def call(*arguments: object, stdin: str = "") -> Any:
    """The result of a command."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


def knows(request: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
    """Answers every question rightly, unless the prompt is careless."""
    question = request["messages"][-1]["content"]
    careful = "careful" in request["messages"][0]["content"]
    name = question.removeprefix("What about ").removesuffix("?")
    return 200, completion(f"All about {name}." if careful else "Hello there!"), {}
