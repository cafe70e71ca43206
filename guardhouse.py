"""The command `guardhouse`: the front door that composes guardrails, proxy and evals.

Everything heavy is imported inside the command that needs it, so that help and errors come at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from evals.errors import EvalsError
from guardrails.errors import GuardrailsError
from proxy.errors import ConfigError

POLICY_HELP = "A policy file, or the name of a shipped policy: default, strict."

app = typer.Typer(
    name="guardhouse",
    help="Guardrails for LLM traffic, an honest trace of it, and evals that block regressions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
policy_app = typer.Typer(help="Lint and test policies.", no_args_is_help=True)
app.add_typer(policy_app, name="policy")


class Stop(Exception):
    """End the command with one line on stderr and exit code 2."""


def _policy(name: str):  # type: ignore[no-untyped-def]  # the type would import the engine at start
    from guardrails import policy

    if name in policy.BUILT_IN and not Path(name).exists():
        return policy.builtin(name)
    return policy.load(Path(name))


@app.command()
def check(
    text: Annotated[str | None, typer.Argument(help="The text to check; - reads standard input.")] = None,
    policy: Annotated[str, typer.Option(help=POLICY_HELP)] = "default",
    stage: Annotated[str, typer.Option(help="Where the text stands: input, output, tool_call, ...")] = "input",
    jsonl: Annotated[str | None, typer.Option(help='File (or -) with one {"text", "stage"?} a line.')] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON verdict instead of text.")] = False,
) -> None:
    """Text in, verdict out. Exits 1 when the policy blocks the text."""
    import asyncio

    from guardrails import report

    if (text is None) == (jsonl is None):
        raise Stop("check needs either a text (or -) or --jsonl FILE, and not both.")
    judge = report.Judge(_policy(policy))
    if jsonl is not None:
        with _lines(jsonl) as lines:
            for line in asyncio.run(judge.lines(lines)):
                sys.stdout.write(line + "\n")
        return
    result = asyncio.run(judge.one(sys.stdin.read() if text == "-" else text or "", stage))
    sys.stdout.write((report.to_json(result) if as_json else report.to_terminal(result, sys.stdout.isatty())) + "\n")
    if result.verdict.blocked_by:
        raise typer.Exit(1)


def _lines(name: str):  # type: ignore[no-untyped-def]
    from contextlib import nullcontext

    if name == "-":
        return nullcontext(sys.stdin)
    try:
        return Path(name).open(encoding="utf-8")
    except OSError as error:
        raise Stop(f"cannot read {name}: {error.strerror}.") from None


@policy_app.command("lint")
def lint(policies: Annotated[list[str], typer.Argument(help=POLICY_HELP)]) -> None:
    """Says whether each policy can be enforced as written. Exits 2 at the first that cannot."""
    from guardrails.engine import load_guard

    for name in policies:
        loaded = _policy(name)
        load_guard(loaded, b"lint")
        sys.stdout.write(f"{name}: ok, {loaded.label}, {len(loaded.rules)} rules\n")


@policy_app.command("test")
def policy_test(policies: Annotated[list[str], typer.Argument(help=POLICY_HELP)]) -> None:
    """Runs the `tests:` that each policy carries, whole and split as a stream. Exits 1 when one fails."""
    import asyncio

    from guardrails import report

    failed = 0
    for name in policies:
        loaded = _policy(name)
        outcomes = asyncio.run(report.run_tests(loaded))
        for outcome in outcomes:
            if not outcome.passed:
                failed += 1
                sys.stdout.write(f"{name}: test {outcome.number} failed: {outcome.reason}\n")
        sys.stdout.write(f"{name}: {sum(o.passed for o in outcomes)} of {len(outcomes)} tests passed\n")
    if failed:
        raise typer.Exit(1)


@app.command()
def doctor(
    config: Annotated[Path, typer.Option(help="The configuration to look at.")] = Path("guardhouse.yaml"),
) -> None:
    """What is installed, configured and reachable. Exits 1 when something needed is missing."""
    from proxy.doctor import examine

    findings = examine(config)
    for finding in findings:
        sys.stdout.write(f"{finding.level:<5} {finding.subject}: {finding.text}\n")
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


@app.command()
def version() -> None:
    """Prints the version."""
    from importlib.metadata import version as installed

    sys.stdout.write(installed("guardhouse") + "\n")


def _register() -> None:
    import evals.cli
    import evals.cli_index
    import proxy.cli
    import proxy.cli_admin

    for module in (proxy.cli, proxy.cli_admin, evals.cli, evals.cli_index):
        module.register(app)


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
