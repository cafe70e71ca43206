"""The command `guardhouse`: the front door that composes guardrails, proxy and evals.

A command's module is imported when the command is used, and what is heavy inside the command that needs it: so help and
errors come at once.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TextIO

import typer
from typer.core import TyperGroup


class Part(NamedTuple):
    """A command, or a group of commands, that another module adds."""

    help: str
    """Its line in our own help: the first sentence of its own."""
    register: Callable[[typer.Typer], None]
    """Imports the module and adds it, with whatever else is to be had there."""


def _of(module: str) -> Callable[[typer.Typer], None]:
    def register(app: typer.Typer) -> None:
        import_module(module).register(app)

    return register


def _policy(app: typer.Typer) -> None:
    from guardrails import cli_io, cli_policy
    from proxy import cli_replay

    cli_policy.register(app)
    cli_replay.register(cli_policy.policy_app, cli_io.policy_named)


def _traces(app: typer.Typer) -> None:
    from evals import erasing
    from proxy import cli_admin, cli_subjects

    cli_admin.register(app)
    cli_subjects.register(cli_admin.traces_app, erasing.items_of, erasing.erase)


PARTS = {
    "check": Part("Text in, verdict out.", _of("guardrails.cli_check")),
    "init": Part("Write guardhouse.yaml and policy.yaml, which work at once.", _of("proxy.cli_init")),
    "serve": Part("Run the proxy until it is told to stop.", _of("proxy.cli")),
    "usage": Part("Sum requests, tokens and cost by key, team, model or day.", _of("proxy.cli_keys")),
    "demo": Part("Take the tour: a proxy, an eval gate, the review pages.", _of("evals.cli_demo")),
    "policy": Part("Lint, test and compare policies.", _policy),
    "keys": Part("Make, list, change and revoke virtual keys.", _of("proxy.cli_keys")),
    "users": Part("Let people in to the review pages, change and shut them out.", _of("proxy.cli_users")),
    "traces": Part("Look at stored traces, and erase them.", _traces),
    "data-key": Part(
        "See, rotate and apply the key that encrypts what is stored.", _of("proxy.cli_data_key")
    ),
    "prompts": Part("Look at prompt templates, render and check them.", _of("proxy.cli_prompts")),
    "queues": Part("Which traces are to be reviewed, by how many.", _of("proxy.cli_queues")),
    "eval": Part("Measure a prompt, model, index or policy against a golden set.", _of("evals.cli")),
    "golden": Part("Check and change golden sets.", _of("evals.cli")),
    "index": Part("Build, compare, promote and search retrieval indices.", _of("evals.cli_index")),
}
"""What other modules add, in the order of the help."""


@cache
def _part(name: str) -> Any:
    """The command, imported."""
    whole = typer.Typer(rich_markup_mode=None)
    PARTS[name].register(whole)
    return typer.main.get_group(whole).commands[name]


class _Commands(Mapping[str, Any]):
    """Our own commands and the parts, each imported when it is asked for."""

    def __init__(self, own: Mapping[str, Any]) -> None:
        self.own = own

    def __getitem__(self, name: str) -> Any:
        return self.own[name] if name in self.own else _part(name)

    def __iter__(self) -> Iterator[str]:
        yield from (*self.own, *PARTS)

    def __len__(self) -> int:
        return len(self.own) + len(PARTS)


class FrontDoor(TyperGroup):
    """A group that lists its commands without importing them."""

    def __init__(self, **settings: Any) -> None:
        """As in TyperGroup."""
        super().__init__(**settings)
        self.commands = _Commands(self.commands)

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order of the help."""
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes a line for each."""
        own = [(name, command.get_short_help_str()) for name, command in self.commands.own.items()]
        with formatter.section("Commands"):
            formatter.write_dl([*own, *((name, part.help) for name, part in PARTS.items())])


app = typer.Typer(
    name="guardhouse",
    cls=FrontDoor,
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
    from proxy.cli_admin import inert
    from proxy.doctor import examine

    findings = examine(config, reach=reach, host=host, port=port, data_dir=data_dir)
    if as_json:
        told = [{"level": each.level, "subject": each.subject, "text": each.text} for each in findings]
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    for finding in () if as_json else findings:
        sys.stdout.write(inert(f"{finding.level:<5} {finding.subject}: {finding.text}") + "\n")
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


@app.command()
def version() -> None:
    """Prints the version."""
    from importlib.metadata import version as installed

    sys.stdout.write(installed("guardhouse") + "\n")


class _Pipe(io.FileIO):
    """An output that may lose its reader. What nobody reads goes nowhere: the command's exit code stays its own."""

    def write(self, data: Any) -> int | None:
        """As in FileIO, but for a pipe that was closed."""
        try:
            return super().write(data)
        except BrokenPipeError:
            _say_no_more(self.fileno())
            return len(data)


def _piped(stream: TextIO) -> TextIO:
    """The stream, or one in its place that survives its reader; a stand-in without a file is left as it is."""
    try:
        raw = _Pipe(stream.fileno(), "wb", closefd=False)
    except (OSError, ValueError):
        return stream
    stream.flush()
    line = stream.isatty() or stream is sys.stderr or getattr(stream, "write_through", False)
    buffer = io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, encoding=stream.encoding, errors=stream.errors, line_buffering=line)


def main() -> None:
    """Runs the command line: one line on stderr and exit code 2 for what the user can mend."""
    sys.stdout, sys.stderr = _piped(sys.stdout), _piped(sys.stderr)
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        _say_no_more(sys.stdout.fileno())
        sys.stderr.write(f"guardhouse: nothing more can be read or written ({error.strerror}).\n")
        sys.exit(2)
    except SystemExit:
        raise
    except _mendable() as error:
        sys.stderr.write(f"guardhouse: {error}\n")
        sys.exit(2)


def _mendable() -> tuple[type[Exception], ...]:
    """What the user can mend, and is told in one line; imported when such a thing may have been raised."""
    from evals.errors import EvalsError
    from guardrails.cli_io import Stop
    from guardrails.errors import GuardrailsError
    from proxy.errors import ConfigError

    return (Stop, GuardrailsError, ConfigError, EvalsError)


def _say_no_more(output: int) -> None:
    """What is still to be written there goes nowhere: Python would try again at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), output)


if __name__ == "__main__":
    main()
