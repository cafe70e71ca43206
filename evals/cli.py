"""The commands `guardhouse eval …` and `guardhouse golden …`; everything heavy is imported inside them."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evals import cli_golden
from evals.errors import EvalsError
from guardrails.errors import GuardrailsError

if TYPE_CHECKING:
    from evals.golden import GoldenSet
    from evals.suite import Suite
    from evals.target import Target
    from evals.types import PromptRef, Run

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

eval_app = typer.Typer(
    no_args_is_help=True, help="Measure a prompt, model, index or policy against a golden set."
)

RunFile = Annotated[Path, typer.Argument(help="A run.json.", show_default=False)]
Key = Annotated[str, typer.Option(envvar="GUARDHOUSE_API_KEY", help="API key.", show_envvar=True)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the run document instead of the summary.")]


def register(app: typer.Typer) -> None:
    """Adds the commands to an app."""
    app.add_typer(eval_app, name="eval")
    cli_golden.register(app)


@contextmanager
def told() -> Iterator[None]:
    """Turns what evals and guardrails raise into one line on stderr and exit code 2."""
    try:
        yield
    except (EvalsError, GuardrailsError) as error:
        typer.echo(f"guardhouse: {error}", err=True)
        raise typer.Exit(2) from None


@eval_app.command("run")
def run_command(
    golden: Annotated[Path | None, typer.Option(help="Folder of the golden set.")] = None,
    suite: Annotated[
        Path | None, typer.Option(help="Suite file; default: suite.yaml in the golden set.")
    ] = None,
    base_url: Annotated[str, typer.Option(help="OpenAI-compatible base URL, ending in /v1.")] = "",
    model: Annotated[str, typer.Option(help="Model to ask for.")] = "",
    prompt: Annotated[
        Path | None,
        typer.Option(help="File with the system prompt, or a proxy's template NAME/VERSION.yaml."),
    ] = None,
    policy: Annotated[
        str, typer.Option(help="Test a guardrail policy (file or name) instead of a model.")
    ] = "",
    index: Annotated[Path | None, typer.Option(help="Retrieval index for cases that ask a question.")] = None,
    k: Annotated[int | None, typer.Option(min=1, help="Hits per question; default: the suite's.")] = None,
    repeats: Annotated[
        int | None, typer.Option(min=1, help="Times to ask each case; default: the suite's.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Sampling temperature; default: the server's.")
    ] = None,
    send_hits: Annotated[bool, typer.Option(help="Send the hits as guardhouse.retrieval too.")] = False,
    baseline: Annotated[Path | None, typer.Option(help="Accepted run to compare with.")] = None,
    gate: Annotated[list[str] | None, typer.Option(help="METRIC[:MARGIN] that may block.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the run; an unfinished one is resumed.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=1024, help="Calls at a time.")] = 8,
    timeout: Annotated[float, typer.Option(min=0.01, help="Seconds to wait for one answer.")] = 60.0,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Ask every case, score the answers, judge the run. Exits 0 pass, 1 block, 2 invalid, 3 inconclusive."""
    with told():
        from evals import document
        from evals.session import Setup, read_prompt, read_template

        chosen, cases = _chosen(golden, suite, k, gate)
        file = prompt or chosen.prompt
        template = read_template(file) if file and file.suffix == ".yaml" else None
        text, prompt_ref = ("", template) if template else read_prompt(file)
        before = document.load(baseline) if baseline else None
        if policy:
            target, chosen, cases = _policy(policy, chosen, cases)
        else:
            asked: dict[str, Any] = {
                "model": model,
                "system_prompt": text,
                "temperature": temperature,
                "timeout_s": timeout,
            }
            asked |= {"k": chosen.k, "send_hits": send_hits, "prompt": template}
            target = _http(base_url, api_key, asked, chosen, index or chosen.index)
        folder = out or Path("runs") / _fresh_name(chosen.name, prompt_ref)
        times = repeats or chosen.repeats
        setup = Setup(chosen, cases, prompt_ref, folder, times, concurrency, timeout_s=timeout * 3 + 30)
        run = _evaluated(setup, target, before)
        _finish(run, folder, as_json)


@eval_app.command("compare")
def compare_command(baseline: RunFile, candidate: RunFile, as_json: AsJson = False) -> None:
    """Compare two runs on the cases that are identical in both. Exits as `eval gate` does."""
    gate_command(candidate, baseline, as_json=as_json)


@eval_app.command("gate")
def gate_command(
    run: RunFile,
    baseline: Annotated[Path | None, typer.Option(help="Accepted run to compare with.")] = None,
    gate: Annotated[list[str] | None, typer.Option(help="METRIC[:MARGIN] that may block.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge a run again, with or without a baseline. Exits 0 pass, 1 block, 2 invalid, 3 inconclusive."""
    with told():
        from dataclasses import replace

        from evals import document
        from evals.gate import judge

        candidate = document.load(run)
        if gate:
            candidate = replace(candidate, gating=tuple(_gating(rule) for rule in gate))
        judged = judge(candidate, document.load(baseline) if baseline else None)
        _show(judged, as_json)
    raise typer.Exit(judged.gate.verdict.exit_code)


@eval_app.command("accept")
def accept_command(
    run: RunFile,
    to: Annotated[Path, typer.Option(help="Where the baseline is kept, e.g. datasets/baselines/NAME.json.")],
    force: Annotated[bool, typer.Option(help="Accept a run that the gate blocks or calls invalid.")] = False,
) -> None:
    """Make a run the baseline that later runs are compared with."""
    with told():
        from evals import document
        from evals.errors import RunError

        accepted = document.load(run)
        verdict = accepted.gate.verdict
        if verdict.exit_code in {1, 2} and not force:
            raise RunError(
                f"{run} is not fit to be a baseline ({verdict.value})", fix="pass --force if you mean it"
            )
        document.save(accepted, to)
        typer.echo(f"accepted {accepted.id} as {to}")


@eval_app.command("report")
def report_command(
    run: RunFile,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML.")] = None,
    md: Annotated[Path | None, typer.Option(help="Write Markdown.")] = None,
) -> None:
    """Write a run's reports; without an option, print its summary."""
    with told():
        from evals import document
        from evals import html as page
        from evals import report as texts

        shown = document.load(run)
        wanted = ((html, page.render), (junit, texts.junit), (md, texts.markdown))
        for path, render in wanted:
            if path is not None:
                document.write(path, render(shown))
        if html is junit is md is None:
            _show(shown, as_json=False)


@eval_app.command("publish")
def publish_command(
    run: RunFile,
    url: Annotated[str, typer.Option(help="The proxy's address, e.g. http://127.0.0.1:4000.")],
    key: Key = "",
) -> None:
    """Post a run to a proxy, whose review pages then list it."""
    with told():
        from evals import document
        from evals.publish import publish

        posted = document.load(run)
        publish(posted, url, key)
        typer.echo(f"published {posted.id}")


@eval_app.command("score")
def score_command(
    scorer: Annotated[str, typer.Option(help="Scorer, e.g. groundedness.")],
    jsonl: Annotated[
        str, typer.Option(help="File, or - for standard input: one {question, context, answer} a line.")
    ],
) -> None:
    """Score lines without a run: one JSON object a line in, one score a line out, in order."""
    import asyncio

    with told():
        from evals.errors import RunError
        from evals.lines import score_lines
        from evals.scorer import build

        chosen = build(scorer)
        unread = 0

        async def work(lines: Iterator[str]) -> None:
            nonlocal unread
            async for scored, readable in score_lines(chosen, lines):
                unread += not readable
                typer.echo(json.dumps(scored, ensure_ascii=False))

        try:
            if jsonl == "-":
                asyncio.run(work(iter(sys.stdin)))
            else:
                with Path(jsonl).open(encoding="utf-8", newline="\n") as file:
                    asyncio.run(work(iter(file)))
        except (OSError, UnicodeDecodeError) as error:
            detail = getattr(error, "strerror", None) or "not UTF-8"
            raise RunError(f"{jsonl} cannot be read ({detail})", fix="check --jsonl") from None
        if unread:
            raise RunError(
                f"{unread} lines cannot be read", fix="write one JSON object a line, with `answer`"
            )


def _chosen(
    golden: Path | None, suite: Path | None, k: int | None, gate: list[str] | None
) -> tuple[Suite, GoldenSet]:
    """The suite and its golden set, with what the command line changes."""
    from dataclasses import replace

    from evals import golden as sets
    from evals import suite as suites
    from evals.errors import SuiteError

    if golden is None and suite is None:
        raise SuiteError("nothing to measure", fix="give --golden DIR or --suite FILE")
    chosen = suites.load(suite, k) if suite else suites.default(golden or Path(), k)
    if gate:
        chosen = replace(chosen, gating=tuple(_gating(rule, chosen.k) for rule in gate))
        unscored = [rule.metric for rule in chosen.gating if rule.metric not in chosen.scorers]
        chosen = replace(chosen, scorers=(*chosen.scorers, *unscored))
    return chosen, sets.load(golden or chosen.golden)


def _gating(rule: str, k: int = 5) -> Any:
    """A gating rule from METRIC[:MARGIN]."""
    from evals.errors import SuiteError
    from evals.scorer import build
    from evals.types import Gating

    metric, _, margin = rule.partition(":")
    name = build(metric, k).name
    if not margin:
        return Gating(name)
    try:
        value = float(margin)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise SuiteError(f"--gate {rule}: {margin!r} is not a margin", fix="write METRIC:0.03")
    return Gating(name, margin=value)


def _policy(name: str, suite: Suite, cases: GoldenSet) -> tuple[Target, Suite, GoldenSet]:
    """A policy as target, with the part of suite and set that it can answer."""
    from dataclasses import replace

    from evals.errors import SuiteError
    from evals.target import policy_target

    kept = tuple(case for case in cases.cases if case.expected.guardrail is not None)
    if not kept:
        raise SuiteError("no case of the golden set expects a guardrail verdict", fix="drop --policy")
    ids = {case.id for case in kept}
    held = tuple(name for name in suite.canaries.ids if name in ids)
    narrowed = replace(
        suite,
        scorers=("guardrail", "latency"),
        gating=tuple(rule for rule in suite.gating if rule.metric == "guardrail"),
        canaries=replace(suite.canaries, ids=held, scorers=("guardrail",)),
    )
    return policy_target(name), narrowed, replace(cases, cases=kept, ref=replace(cases.ref, n=len(kept)))


def _http(base_url: str, api_key: str, asked: dict[str, Any], suite: Suite, index: Path | None) -> Target:
    from evals.errors import RetrievalError, SuiteError
    from evals.target import Ask, HttpTarget

    if not base_url.startswith(("http://", "https://")) or not asked["model"]:
        raise SuiteError("no target", fix="give --base-url http://…/v1 and --model, or --policy")
    for name in ("temperature", "timeout_s"):
        if asked[name] is not None and not math.isfinite(asked[name]):
            option = name.removesuffix("_s")
            raise SuiteError(f"--{option} {asked[name]} is not a finite number", fix="give a plain number")
    if index is None:
        searching = [name for name in suite.scorers if "@" in name]
        if searching and suite.corpus is not None:
            build = f"`guardhouse index build {suite.corpus} DIR`, then --index DIR"
            raise SuiteError(f"the suite scores {searching[0]} but there is no index", fix=build)
        return HttpTarget(base_url, api_key, Ask(**asked))
    from evals.retrieval import identity, open_index

    try:
        opened = open_index(index)
    except RetrievalError as error:
        raise SuiteError(str(error), fix="build it with `guardhouse index build`") from None
    return HttpTarget(base_url, api_key, Ask(**asked, index=identity(index)), opened)


def _fresh_name(suite: str, prompt: PromptRef) -> str:
    from datetime import UTC, datetime

    return f"{suite}-{prompt.version or prompt.name}-{datetime.now(UTC):%Y%m%dT%H%M%S}"


def _evaluated(setup: Any, target: Target, baseline: Run | None) -> Run:
    """The judged run, with a progress bar where someone watches. Ctrl-C exits 130 and says how to go on."""
    import asyncio

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from evals.session import evaluate

    columns = (TextColumn("asking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)

    async def work(bar: Progress) -> Run:
        task = bar.add_task("asking", total=len(setup.golden.cases) * setup.repeats)
        try:
            return await evaluate(setup, target, baseline, lambda item: bar.advance(task))
        finally:
            await target.aclose()

    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            return asyncio.run(work(bar))
    except KeyboardInterrupt:
        typer.echo(f"guardhouse: interrupted: go on with --out {setup.out}", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _finish(run: Run, folder: Path, as_json: bool) -> None:
    """Writes the reports, shows the run, exits with the gate's code."""
    from evals.session import write_reports

    written = write_reports(run, folder)
    _show(run, as_json)
    if not as_json:
        typer.echo(f"wrote {', '.join(str(path) for path in written.values())}")
    raise typer.Exit(run.gate.verdict.exit_code)


def _show(run: Run, as_json: bool) -> None:
    from rich.console import Console

    from evals import document, report

    if as_json:
        typer.echo(document.text(run))
    else:
        report.terminal(run, Console())
