"""The command `guardhouse`: the front door that composes guardrails, proxy and evals.

Everything heavy is imported inside the command that needs it, so that help and errors come at once.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Annotated

import typer

from evals.errors import EvalsError
from guardrails import cli_check, cli_policy
from guardrails.cli_io import Stop, policy_named
from guardrails.errors import GuardrailsError
from proxy.errors import ConfigError

app = typer.Typer(
    name="guardhouse",
    help="Guardrails for LLM traffic, an honest trace of it, and evals that block regressions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def doctor(
    config: Annotated[
        Path | None, typer.Option(help="The configuration to look at [default: guardhouse.yaml].")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address that is to be listened on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of it.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder for database, spool and key.")] = None,
    reach: Annotated[
        bool, typer.Option("--reach", help="Also connect to each provider; nothing is asked of it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What is installed, configured and reachable. Exits 1 when something needed is missing."""
    from proxy.doctor import examine

    findings = examine(config, reach=reach, host=host, port=port, data_dir=data_dir)
    if as_json:
        told = [{"level": each.level, "subject": each.subject, "text": each.text} for each in findings]
        sys.stdout.write(json.dumps(told, ensure_ascii=False, indent=2) + "\n")
    for finding in () if as_json else findings:
        sys.stdout.write(f"{finding.level:<5} {finding.subject}: {finding.text}\n")
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


@app.command()
def version() -> None:
    """Prints the version."""
    from importlib.metadata import version as installed

    sys.stdout.write(installed("guardhouse") + "\n")


@cache
def _register() -> None:
    import evals.cli
    import evals.cli_demo
    import evals.cli_index
    import proxy.cli
    import proxy.cli_replay

    for module in (
        cli_check,
        cli_policy,
        proxy.cli,
        evals.cli,
        evals.cli_index,
        evals.cli_demo,
    ):
        module.register(app)
    proxy.cli_replay.register(cli_policy.policy_app, policy_named)


def main() -> None:
    """Runs the command line: one line on stderr and exit code 2 for what the user can mend."""
    _register()
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except (Stop, GuardrailsError, ConfigError, EvalsError) as error:
        sys.stderr.write(f"guardhouse: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
