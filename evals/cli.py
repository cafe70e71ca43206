"""The commands `guardhouse eval …` and `guardhouse golden …`; everything heavy is imported inside them."""

from __future__ import annotations

from collections.abc import Callable

import typer

from evals import cli_bisect, cli_calibrate, cli_golden, cli_rescore, cli_run, cli_runs, cli_scorers

COMMANDS: dict[str, Callable[..., None]] = {
    "run": cli_run.run_command,
    "bisect": cli_bisect.bisect_command,
    "calibrate": cli_calibrate.calibrate_command,
    "compare": cli_runs.compare_command,
    "gate": cli_runs.gate_command,
    "accept": cli_runs.accept_command,
    "report": cli_runs.report_command,
    "publish": cli_runs.publish_command,
    "score": cli_runs.score_command,
    "scorers": cli_scorers.scorers_command,
    "rescore": cli_rescore.rescore_command,
}


def register(app: typer.Typer) -> None:
    """Adds the commands to an app."""
    eval_app = typer.Typer(
        no_args_is_help=True, help="Measure a prompt, model, index or policy against a golden set."
    )
    for name, command in COMMANDS.items():
        eval_app.command(name)(command)
    app.add_typer(eval_app, name="eval")
    cli_golden.register(app)
