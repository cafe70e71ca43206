"""The command `guardhouse`: the front door that composes guardrails, proxy and evals.

Everything heavy is imported inside the command that needs it, so that help and errors come at once.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from evals.errors import EvalsError
from guardrails.errors import GuardrailsError
from guardrails.policy import Policy, builtin, load
from guardrails.types import Stage
from proxy.errors import ConfigError

if TYPE_CHECKING:
    from guardrails.engine import Guard
    from guardrails.trial import Trial

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


def _policy(name: str) -> Policy:
    """The policy in a file, or the shipped one of that name: a bare word that is no file is a name."""
    bare = "/" not in name and not name.endswith((".yaml", ".yml"))
    if bare and not Path(name).is_file():
        return builtin(name)
    return load(name)


@app.command()
def check(
    text: Annotated[str | None, typer.Argument(help="The text to check; - reads standard input.")] = None,
    policy: Annotated[str, typer.Option(help=POLICY_HELP)] = "default",
    stage: Annotated[str, typer.Option(help=f"Where the text stands: {', '.join(Stage)}.")] = "input",
    jsonl: Annotated[str | None, typer.Option(help='File (or -) with one {"text", "stage"?} a line.')] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON verdict instead of text.")] = False,
) -> None:
    """Text in, verdict out. Exits 1 when the policy blocks the text."""
    from guardrails import trial

    if (text is None) == (jsonl is None):
        raise Stop("check needs either a text (or -) or --jsonl FILE, and not both.")
    if stage not in list(Stage):
        raise Stop(f"unknown stage {stage!r}. Stages: {', '.join(Stage)}.")
    guard = trial.guard_for(_policy(policy))
    if jsonl is not None:
        # asyncio's own answer to Ctrl-C waits for the next line of input.
        signal.signal(signal.SIGINT, _interrupt)
        with _opened(jsonl) as lines:
            asyncio.run(_check_lines(guard, _decoded(lines, jsonl)))
        return
    result = asyncio.run(trial.run(guard, _given(text or ""), Stage(stage)))
    _say(trial.as_json(result) if as_json else _in_words(result))
    if result.verdict.blocked_by:
        raise typer.Exit(1)


def _opened(name: str) -> AbstractContextManager[BinaryIO]:
    try:
        if name != "-":
            return Path(name).open("rb")
    except OSError as error:
        raise Stop(f"cannot read {name}: {error.strerror}.") from None
    return nullcontext(sys.stdin.buffer)


async def _check_lines(guard: Guard, lines: Iterable[str]) -> None:
    from guardrails import trial

    async for result in trial.run_lines(guard, lines):
        _say(trial.as_json(result))


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _given(text: str) -> str:
    """The text to check: the argument, or all of standard input for `-`. Raises Stop when it is not UTF-8."""
    try:
        if text == "-":
            return sys.stdin.buffer.read().decode("utf-8-sig")
        # Bytes of an argument that are not UTF-8 arrive as lone surrogates.
        text.encode("utf-8")
    except UnicodeError:
        raise Stop("the text is not UTF-8.") from None
    return text


def _decoded(lines: Iterable[bytes], name: str) -> Iterator[str]:
    """The lines as text. Raises Stop naming the line that is not UTF-8."""
    for number, line in enumerate(lines, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise Stop(f"{name}:{number}: is not UTF-8. Save it as UTF-8.") from None


def _say(text: str) -> None:
    """Writes a line; what the terminal's encoding lacks, lone surrogates too, as an escape."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def _in_words(result: Trial) -> str:
    """A verdict for people: the action, the released text, and a line per finding and failure."""
    verdict = result.verdict
    lines = [f"{verdict.action}" + (f" by rule {verdict.blocked_by}" if verdict.blocked_by else "")]
    if not verdict.blocked_by:
        lines.append(f"  released: {result.released}")
    for found in verdict.findings:
        shadow = " (shadow)" if found.mode == "shadow" else ""
        lines.append(
            f"  {found.entity} at {found.start}-{found.end}, score {found.score:.2f}:"
            f" rule {found.rule}, {found.action}{shadow}"
        )
    lines += [f"  rule {each.rule} could not run ({each.kind}: {each.reason})" for each in verdict.failures]
    if verdict.timings:
        lines.append("  " + ", ".join(f"{rule} {spent:.2f} ms" for rule, spent in verdict.timings.items()))
    return "\n".join(lines)


@policy_app.command("lint")
def lint(
    policies: Annotated[list[str], typer.Argument(help=POLICY_HELP)],
    cost: Annotated[bool, typer.Option("--cost", help="Also measure what each rule costs.")] = False,
) -> None:
    """Says whether each policy can be enforced as written. Exits 2 at the first that cannot."""
    from guardrails import trial
    from guardrails.engine import load_guard

    for name in policies:
        loaded = _policy(name)
        load_guard(loaded, b"lint")
        sys.stdout.write(f"{name}: ok, {loaded.label}, {len(loaded.rules)} rules\n")
        if cost:
            for rule, spent in asyncio.run(trial.costs(loaded)).items():
                sys.stdout.write(f"  {rule}: {spent:.2f} ms for 4 KB of new text\n")


@policy_app.command("test")
def policy_test(
    policies: Annotated[list[str], typer.Argument(help=POLICY_HELP)],
    ordinary: Annotated[
        bool, typer.Option("--ordinary", help="Also count what it changes in ordinary prompts.")
    ] = False,
) -> None:
    """Runs the `tests:` that each policy carries, whole and split as a stream. Exits 1 when one fails."""
    from guardrails import trial

    failed = 0
    for name in policies:
        outcomes = asyncio.run(trial.run_tests(_policy(name)))
        for outcome in outcomes:
            failed += bool(outcome.problems)
            for problem in outcome.problems:
                _say(f"{name}:{outcome.line}: test {outcome.number}: {problem}")
        passed = sum(not outcome.problems for outcome in outcomes)
        sys.stdout.write(f"{name}: {passed} of {len(outcomes)} tests passed\n")
        if ordinary:
            for told in asyncio.run(trial.ordinary(_policy(name))):
                by = "; ".join(f"{what} {count}" for what, count in told.by) or "nothing"
                sys.stdout.write(f"  changes {told.changed} of {told.prompts} {told.kind} prompts: {by}\n")
    if failed:
        raise typer.Exit(1)


@app.command()
def doctor(
    config: Annotated[
        Path | None, typer.Option(help="The configuration to look at [default: guardhouse.yaml].")
    ] = None,
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
    import evals.cli_demo
    import evals.cli_index
    import proxy.cli

    for module in (proxy.cli, evals.cli, evals.cli_index, evals.cli_demo):
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
