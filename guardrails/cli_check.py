"""The command `guardhouse check`: text in, verdict out."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from guardrails.cli_io import POLICY_HELP, Stop, decoded, given_text, opened, policy_named, say
from guardrails.types import Stage

if TYPE_CHECKING:
    from guardrails.engine import Guard
    from guardrails.trial import Trial


def register(app: typer.Typer) -> None:
    """Adds the command to an app."""
    app.command()(check)


def check(
    text: Annotated[str | None, typer.Argument(help="The text to check; - reads standard input.")] = None,
    policy: Annotated[str, typer.Option(help=POLICY_HELP)] = "default",
    stage: Annotated[str, typer.Option(help=f"Where the text stands: {', '.join(Stage)}.")] = "input",
    jsonl: Annotated[
        str | None, typer.Option(help="File (or -) with a text, or a call, and what is before it, a line.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON verdict instead of text.")] = False,
) -> None:
    """Text in, verdict out. Exits 1 when the policy blocks the text."""
    from guardrails import trial
    from guardrails.sample import Sample, channel_of

    if (text is None) == (jsonl is None):
        raise Stop("check needs either a text (or -) or --jsonl FILE, and not both.")
    if stage not in list(Stage):
        raise Stop(f"unknown stage {stage!r}. Stages: {', '.join(Stage)}.")
    guard = trial.guard_for(policy_named(policy))
    if jsonl is not None:
        # asyncio's own answer to Ctrl-C waits for the next line of input.
        signal.signal(signal.SIGINT, _interrupt)
        with opened(jsonl) as lines:
            asyncio.run(_check_lines(guard, decoded(lines, jsonl)))
        return
    given = Sample(given_text(text or ""), Stage(stage), channel_of(Stage(stage)))
    result = asyncio.run(trial.run(guard, given))
    say(trial.as_json(result) if as_json else _in_words(result))
    if result.verdict.blocked_by:
        raise typer.Exit(1)


async def _check_lines(guard: Guard, lines: Iterable[str]) -> None:
    from guardrails import trial

    async for result in trial.run_lines(guard, lines):
        say(trial.as_json(result))


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _in_words(result: Trial) -> str:
    """A verdict for people: in colour on a terminal that wants it."""
    from rich.console import Console

    from guardrails import cli_show

    console = Console(highlight=False)
    colour = console.is_terminal and not console.no_color and not console.is_dumb_terminal
    lines = cli_show.verdict(result, colour)
    if not colour:
        return "\n".join(line.plain for line in lines)
    with console.capture() as captured:
        for line in lines:
            console.print(line, soft_wrap=True)
    return captured.get().removesuffix("\n")
