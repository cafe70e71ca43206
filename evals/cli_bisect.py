"""The command `guardhouse eval bisect`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evals import cli_judge as who
from evals import cli_options as given
from evals.cli_options import slug, told

if TYPE_CHECKING:
    import asyncio

    from evals.arms import Arm, Place
    from evals.bisect import Found
    from evals.run import Run
    from evals.session import Setup

Versions = Annotated[
    str,
    typer.Option(
        help="FOLDER@A..B, A,B,C, or a file with one a line; oldest first. KIND: before it, as in run."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def bisect_command(
    versions: Versions,
    golden: given.Golden = None,
    suite: given.SuiteFile = None,
    split: given.Split = "",
    target: given.Kind = "",
    base_url: given.BaseUrl = "",
    model: given.Model = "",
    prompt: given.Prompt = None,
    policy: given.Policy = "",
    index: given.Index = None,
    k: given.K = None,
    repeats: given.Repeats = None,
    adaptive: given.Adaptive = True,
    temperature: given.Temperature = None,
    seed: given.Seed = None,
    send_hits: given.SendHits = None,
    gate: given.Gate = None,
    out: given.Out = None,
    concurrency: given.Concurrency = 8,
    timeout: given.Timeout = 60.0,
    tries: given.Tries = 4,
    cache: given.CachePath = None,
    price: given.Price = "",
    api_key: given.Key = "",
    judge_url: who.Url = "",
    judge_model: who.Model = "",
    judge_key: who.Key = "",
    as_json: Json = False,
) -> None:
    """Find the first of several versions that the gate blocks against the first.

    Exits 0 when the last one holds, 1 when it is found, 2 when it cannot be searched, 3 when only a range is known.
    """
    with told():
        from evals import variants
        from evals.arms import arm
        from evals.cli_watch import watched
        from evals.errors import SuiteError

        options: dict[str, Any] = {"kind": target, "base_url": base_url, "model": model, "prompt": prompt}
        options |= {"policy": policy, "index": index, "temperature": temperature, "seed": seed}
        chosen, cases = given.chosen(golden, suite, k, gate, split)
        asked = given.asked(chosen, options | {"send_hits": send_hits}, timeout)
        folder = out or Path("runs") / f"{chosen.name}-bisect"
        found = variants.read_list(versions, chosen)
        names = [slug(each.name) for each in found]
        arms = [
            replace(arm(asked, each, chosen, folder / name), side=name)
            for each, name in zip(found, names, strict=True)
        ]
        pace = given.Pace(repeats, adaptive, concurrency, timeout, tries, price)
        setup = given.setup(chosen, cases, [arms[0], arms[-1]], pace)
        if not setup.suite.gating:
            raise SuiteError("no metric gates", fix="give --gate METRIC, or `gating` in the suite")
        place = given.place("local", api_key, "", None)
        bench = who.bench(setup.suite, judge_url, judge_model, (judge_key, api_key), cache)

        async def work(stop: asyncio.Event) -> Found:
            async with who.judged_by(bench, replace(setup, stop=stop), arms, folder) as ready:
                return await _searched(ready, arms, place, cache)

        _tell(watched(work, folder), folder, as_json)


async def _searched(setup: Setup, arms: Sequence[Arm], place: Place, cache: Path | None) -> Found:
    """The search over arms that keep their answers: what an earlier step asked is not asked again."""
    from contextlib import ExitStack

    from evals.arms import AGAIN, compare_arms, measure
    from evals.bisect import search
    from evals.cache import Cache
    from evals.progress import shown
    from evals.session import write_reports

    varies = arms[0].spec.kind not in {"policy", "index"}
    with ExitStack() as stack:
        common = replace(
            setup,
            cache=stack.enter_context(Cache(cache)) if cache else None,
            watch=lambda total: shown(total, setup.prices),
        )

        async def judge(at: int, more: bool, first: int = 0) -> Run:
            step = replace(common, screen=0, repeats=max(setup.repeats, AGAIN)) if more else common
            if at == 0:
                run = await measure(
                    replace(step, screen=0, repeats=setup.screen or setup.repeats), arms[0], place
                )
            else:
                run, _ = await compare_arms(step, arms[at], arms[0], place, first)
            write_reports(run, arms[at].folder / "afresh" if first else arms[at].folder)
            how = f"{' (asked afresh)' if first else ''}{' (asked more)' if more else ''}"
            typer.echo(f"{arms[at].name}: {run.gate.verdict.value}{how}", err=True)
            return run

        async def afresh(at: int, more: bool) -> Run:
            return await judge(at, more, max(setup.repeats, AGAIN))

        return await search(
            [arm.name for arm in arms], judge, more=varies, confirm=afresh if varies else None
        )


def _tell(found: Found, folder: Path, as_json: bool) -> None:
    """Prints what was found and how, and exits with its code."""
    from evals.cli_watch import INTERRUPTED
    from evals.run import INTERRUPTED as WHY

    interrupted = bool(found.steps) and found.steps[-1].run.unfinished == WHY
    if as_json:
        typer.echo(json.dumps(_document(found), ensure_ascii=False, indent=1))
    else:
        _table(found)
        typer.echo(in_words(found))
        typer.echo(f"reports of each step are in {folder}")
    if interrupted:
        typer.echo(f"guardhouse: interrupted: go on with --out {folder}", err=True)
        raise typer.Exit(INTERRUPTED)
    if found.broken:
        typer.echo(f"guardhouse: {found.broken}", err=True)
    raise typer.Exit(found.exit_code)


def in_words(found: Found) -> str:
    """What was found, in one sentence."""
    if found.broken:
        return "The search came to nothing."
    if not found.blocked and not found.unsure:
        return f"{found.held} holds against the first version: none is to be found."
    if not found.blocked:
        return f"The gate cannot decide on {found.unsure[0]}: ask more often (--repeats), or add cases."
    if found.unsure:
        undecided = ", ".join(found.unsure)
        return f"It got worse after {found.held} and not later than {found.blocked}; undecided: {undecided}."
    return f"{found.blocked} is the first that is worse; {found.held} still holds."


def _document(found: Found) -> dict[str, Any]:
    steps = [
        {
            "version": step.version,
            "verdict": step.verdict.value,
            "reason": step.run.gate.reason,
            "asked_more": step.more,
            "asked_afresh": step.afresh,
            "run": step.run.id,
        }
        for step in found.steps
    ]
    told = {"last_held": found.held, "first_blocked": found.blocked, "undecided": list(found.unsure)}
    return {**told, "broken": found.broken, "steps": steps}


def _table(found: Found) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from evals.facts import plain

    table = Table(box=None, pad_edge=False)
    for title in ("Step", "Version", "Verdict", "Why"):
        table.add_column(title, overflow="fold")
    for number, step in enumerate(found.steps, start=1):
        how = f"{' (asked afresh)' if step.afresh else ''}{' (asked more)' if step.more else ''}"
        why = f"{step.run.gate.reason}{how}"
        table.add_row(str(number), escape(plain(step.version)), step.verdict.value, escape(plain(why)))
    Console().print(table)
