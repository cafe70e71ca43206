"""The commands `guardhouse policy ...`: policies linted and tested."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guardrails import cli_diff
from guardrails.cli_io import POLICY_HELP, Stop, policy_named, progress, say
from guardrails.cli_show import shown

if TYPE_CHECKING:
    from guardrails.engine import Guard
    from guardrails.ordinary import Ordinary
    from guardrails.outcomes import TestOutcome

RAW_KEPT = (
    "`capture: {}` keeps what people wrote before it was masked. Whoever keeps it has a duty of care: a reason in law,"
    " a short retention, few keys that may reveal it."
)
"""What lint says of a policy that keeps raw texts."""
policy_app = typer.Typer(help="Lint, test and compare policies.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Adds the commands to an app."""
    cli_diff.register(policy_app)
    app.add_typer(policy_app, name="policy")


@policy_app.command("lint")
def lint(
    policies: Annotated[list[str], typer.Argument(help=POLICY_HELP)],
    cost: Annotated[bool, typer.Option("--cost", help="Also measure what each rule costs.")] = False,
) -> None:
    """Says whether each policy can be enforced as written. Exits 2 at the first that cannot."""
    from guardrails.ordinary import costs
    from guardrails.trial import guard_for

    for name in policies:
        guard = guard_for(policy_named(name))
        say(f"{name}: ok, {guard.policy.label}, {len(guard.policy.rules)} rules")
        if guard.policy.capture.keeps_raw:
            say(f"{name}: warning: {RAW_KEPT.format(guard.policy.capture)}")
        if cost:
            for rule, spent in asyncio.run(costs(guard)).items():
                say(f"  {rule}: {spent:.2f} ms for 4 KB of new text")


@policy_app.command("test")
def policy_test(
    policies: Annotated[list[str], typer.Argument(help=POLICY_HELP)],
    ordinary: Annotated[
        bool | None,
        typer.Option("--ordinary/--no-ordinary", help="Name the rules that change ordinary prompts."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")] = False,
    junit: Annotated[str | None, typer.Option(help="Also write the outcomes to this file, for CI.")] = None,
) -> None:
    """Runs the `tests:` that each policy carries, whole and split as a stream. Exits 1 when one fails."""
    told = [asyncio.run(_tested(name, ordinary is not False)) for name in policies]
    if junit is not None:
        _write(junit, _as_junit(told))
    if as_json:
        say(json.dumps({"policies": told}, ensure_ascii=False))
    else:
        for each in told:
            say(_in_words(each, detail=bool(ordinary)))
    if any(each["failed"] for each in told):
        raise typer.Exit(1)


@policy_app.command("schema")
def policy_schema() -> None:
    """Prints the JSON Schema of policy files, for editors: with the options of every installed check."""
    from guardrails.check import names
    from guardrails.policy_schema import schema

    say(json.dumps(schema(names()), indent=2))


async def _tested(name: str, ordinary: bool) -> dict[str, Any]:
    """How one policy's tests went, as the JSON document tells it."""
    from guardrails.outcomes import run_tests
    from guardrails.trial import guard_for

    guard = guard_for(policy_named(name))
    outcomes: list[TestOutcome] = []
    with progress(name, len(guard.policy.tests)) as step:
        async for outcome in run_tests(guard.policy, guard):
            outcomes.append(outcome)
            step()
    failed = [each for each in outcomes if each.problems]
    told = {
        "policy": name,
        "label": guard.policy.label,
        "tests": len(outcomes),
        "passed": len(outcomes) - len(failed),
        "failed": [
            {"file": each.file, "line": each.line, "number": each.number, "problems": each.problems}
            for each in failed
        ],
        "ordinary": [_as_dict(each) for each in await _ordinary(guard)] if ordinary else [],
    }
    await guard.aclose()
    return told


async def _ordinary(guard: Guard) -> list[Ordinary]:
    from guardrails.ordinary import ordinary

    return await ordinary(guard)


def _as_dict(told: Ordinary) -> dict[str, Any]:
    return {"kind": told.kind, "prompts": told.prompts, "changed": told.changed, "by": dict(told.by)}


def _in_words(told: dict[str, Any], detail: bool) -> str:
    """The outcomes of one policy for people: a line for each problem, one for the count, one for each corpus."""
    lines = [
        f"{each['file']}:{each['line']}: test {each['number']}: {problem}"
        for each in told["failed"]
        for problem in each["problems"]
    ]
    lines.append(f"{told['policy']}: {told['passed']} of {told['tests']} tests passed")
    for each in told["ordinary"]:
        line = f"  changes {each['changed']} of {each['prompts']} {each['kind']} prompts"
        if detail:
            line += ": " + ("; ".join(f"{what} {count}" for what, count in each["by"].items()) or "nothing")
        lines.append(line)
    return "\n".join(map(shown, lines))


def _as_junit(told: list[dict[str, Any]]) -> str:
    """The outcomes as JUnit's XML: a suite for each policy, a case for each test."""
    from xml.sax.saxutils import quoteattr

    suites = []
    for each in told:
        failed = {test["number"]: test for test in each["failed"]}
        cases = []
        for number in range(1, each["tests"] + 1):
            case = f'<testcase classname={quoteattr(each["policy"])} name="test {number}"'
            if test := failed.get(number):
                case += f' file={quoteattr(test["file"])} line="{test["line"]}">'
                case += f"<failure message={quoteattr('; '.join(test['problems']))}/></testcase>"
            cases.append(case if test else case + "/>")
        suites.append(
            f'<testsuite name={quoteattr(each["label"])} tests="{each["tests"]}"'
            f' failures="{len(failed)}">{"".join(cases)}</testsuite>'
        )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>{"".join(suites)}</testsuites>\n'


def _write(name: str, text: str) -> None:
    try:
        Path(name).write_bytes(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise Stop(f"cannot write {name}: {error.strerror}.") from None
