"""The command `guardhouse demo`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from evals.cli_options import told


def register(app: typer.Typer) -> None:
    """Adds the command to an app."""
    app.command("demo")(demo)


def demo(
    leave: Annotated[
        bool, typer.Option("--exit", help="End after the tour; always so when standard input is no terminal.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the demo's proxy; 0 takes a free one.")
    ] = 4000,
) -> None:
    """Take the tour: a proxy, an eval gate, the review pages.

    The provider is scripted: no key, no network.
    """
    with told():
        from evals.demo import run

        run(leave or not sys.stdin.isatty(), port)
