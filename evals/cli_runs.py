"""The commands on runs that are there already: compare, gate, accept, report, publish; and scores without a run."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from evals import cli_judge as who
from evals import cli_options as given
from evals.cli_options import AsJson, Key, told
from evals.cli_watch import show

RunFile = Annotated[Path, typer.Argument(help="A run.json.", show_default=False)]


def compare_command(baseline: RunFile, candidate: RunFile, as_json: AsJson = False) -> None:
    """Compare two runs on the cases that are identical in both. Exits as `eval gate` does."""
    gate_command(candidate, baseline, as_json=as_json)


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
            candidate = replace(
                candidate, gating=given.gates(gate, known=[scorer.name for scorer in candidate.scorers])
            )
        judged = judge(candidate, document.load(baseline) if baseline else None)
        show(judged, as_json)
    raise typer.Exit(judged.gate.verdict.exit_code)


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


def report_command(
    run: RunFile,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML.")] = None,
    md: Annotated[Path | None, typer.Option(help="Write Markdown.")] = None,
) -> None:
    """Write a run's reports; without an option, print its summary."""
    with told():
        from functools import partial

        from evals import document
        from evals import html as page
        from evals import report as texts

        shown = document.load(run)
        named = "baseline/run.json" if (run.parent / "baseline" / "run.json").is_file() else ""
        wanted = ((html, page.render), (junit, texts.junit), (md, partial(texts.markdown, baseline=named)))
        for path, render in wanted:
            if path is not None:
                document.write(path, render(shown))
        if html is junit is md is None:
            show(shown, as_json=False)


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


def score_command(
    scorer: Annotated[str, typer.Option(help="Scorer, e.g. groundedness.")],
    jsonl: Annotated[
        str, typer.Option(help="File, or - for standard input: one {question, context, answer} a line.")
    ],
    judge_url: who.Url = "",
    judge_model: who.Model = "",
    judge_key: who.Key = "",
    judge_limit_calls: who.Limit = None,
) -> None:
    """Score lines without a run: one JSON object a line in, one score a line out, in order."""
    import asyncio

    with told():
        from evals.errors import RunError
        from evals.lines import score_lines
        from evals.scorer import build

        bench = who.named(judge_url, judge_model, judge_key, judge_limit_calls)
        unread = 0

        async def work(lines: Iterator[str]) -> None:
            nonlocal unread
            async with who.opened(bench) as judge:
                chosen = build(scorer, judge=judge)
                async for scored, readable in score_lines(chosen, lines):
                    unread += not readable
                    typer.echo(json.dumps(scored))

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
