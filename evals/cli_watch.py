"""An eval while somebody watches: how far it is, and Ctrl-C, which leaves what was answered."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from evals.errors import RunError

if TYPE_CHECKING:
    import asyncio

    from evals.run import Run

T = TypeVar("T")

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def watched(work: Callable[[asyncio.Event], Awaitable[T]], out: Path) -> T:
    """What some work comes to. It is given an event that the first Ctrl-C sets; the second cancels it."""

    import asyncio

    from evals.runner import heeding

    async def whole() -> T:
        stop = asyncio.Event()
        saying = asyncio.ensure_future(_say(stop))
        try:
            with heeding(stop):
                return await work(stop)
        finally:
            saying.cancel()

    try:
        return asyncio.run(whole())
    except (KeyboardInterrupt, asyncio.CancelledError):
        typer.echo(f"guardhouse: interrupted: go on with --out {out}", err=True)
        raise typer.Exit(INTERRUPTED) from None


async def _say(stop: asyncio.Event) -> None:
    await stop.wait()
    typer.echo("guardhouse: the calls under way are waited for; Ctrl-C again ends at once", err=True)


def finish(run: Run, folder: Path, as_json: bool, baseline: Run | str = "") -> None:
    """Writes the reports, shows the run, exits with the gate's code. Whatever ended it, what was measured is told.

    `baseline` is the other arm's run, or the file of a stored one.
    """
    from evals import document
    from evals.run import INTERRUPTED as WHY
    from evals.session import write_reports

    unwritten = ""
    try:
        if not isinstance(baseline, str):
            document.save(baseline, folder / "baseline" / "run.json")
            named = "baseline/run.json"
        else:
            named = os.path.relpath(baseline, folder) if baseline else ""
        written = write_reports(run, folder, named)
    except RunError as error:
        written, unwritten = {}, str(error)
    show(run, as_json)
    if written and not as_json:
        typer.echo(f"wrote {', '.join(str(path) for path in written.values())}")
    if run.unfinished == WHY:
        typer.echo(f"guardhouse: interrupted: go on with --out {folder}", err=True)
    elif run.unfinished:
        typer.echo(f"guardhouse: {run.unfinished}", err=True)
    if unwritten and unwritten != run.unfinished:
        typer.echo(f"guardhouse: {unwritten}", err=True)
    if run.unfinished == WHY:
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(2 if unwritten else run.gate.verdict.exit_code)


def show(run: Run, as_json: bool) -> None:
    """Prints a run for people, or its document."""
    from rich.console import Console

    from evals import document, report

    if as_json:
        typer.echo(document.text(run))
    else:
        report.terminal(run, Console())
