"""The command `guardhouse eval run`."""

from __future__ import annotations

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
    from evals.run import Run
    from evals.session import Setup
    from evals.suite import Suite
    from evals.variants import Variant

Candidate = Annotated[
    str,
    typer.Option(
        callback=given.filled, help="What changes: FOLDER@VERSION, KIND:VALUE, or a variant of the suite."
    ),
]
Baseline = Annotated[
    str,
    typer.Option(
        callback=given.filled,
        help="What it is compared with: another version or value, or an accepted run's file.",
    ),
]


def run_command(
    golden: given.Golden = None,
    suite: given.SuiteFile = None,
    candidate: Candidate = "",
    baseline: Baseline = "",
    split: given.Split = "",
    target: given.Kind = "",
    base_url: given.BaseUrl = "",
    model: given.Model = "",
    prompt: given.Prompt = None,
    policy: given.Policy = "",
    call: given.Call = "",
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
    executor: given.Where = "local",
    ray_address: given.RayAddress = "",
    workers: given.Workers = None,
    api_key: given.Key = "",
    judge_url: who.Url = "",
    judge_model: who.Model = "",
    judge_key: who.Key = "",
    as_json: given.AsJson = False,
) -> None:
    """Ask every case, score the answers, judge the run. Exits 0 pass, 1 block, 2 invalid, 3 inconclusive."""
    with told():
        from evals.cli_watch import finish, watched

        options: dict[str, Any] = {"kind": target, "base_url": base_url, "model": model, "prompt": prompt}
        options |= {"policy": policy, "call": call, "index": index, "temperature": temperature}
        options |= {"seed": seed, "send_hits": send_hits}
        place = given.place(executor, api_key, ray_address, workers)
        chosen, cases = given.chosen(golden, suite, k, gate, split)
        asked = given.asked(chosen, options, timeout)
        arms, before = _arms(chosen, asked, candidate, baseline, out)
        pace = given.Pace(repeats, adaptive, concurrency, timeout, tries, price)
        setup = given.setup(chosen, cases, arms, pace, before)

        bench = who.bench(setup.suite, judge_url, judge_model, (judge_key, api_key), cache)

        async def work(stop: asyncio.Event) -> tuple[Run, Run | None]:
            async with who.judged_by(bench, replace(setup, stop=stop), arms, setup.out) as ready:
                return await _measured(ready, arms, place, before, cache)

        run, other = watched(work, setup.out)
        finish(run, setup.out, as_json, other or (baseline if before else ""))


def _arms(
    suite: Suite, asked: dict[str, Any], candidate: str, baseline: str, out: Path | None
) -> tuple[list[Arm], Run | None]:
    """The arms to ask, candidate first, and the stored run to compare with, if it is one."""
    from evals import document, variants
    from evals.arms import alike, arm

    changed = variants.read(candidate, suite) if candidate else None
    folder = out or Path("runs") / _fresh_name(suite.name, changed, asked)
    arms = [arm(asked, changed, suite, folder)]
    if not baseline:
        return arms, None
    other = variants.baseline(baseline, suite, changed)
    if other is None:
        return arms, document.load(Path(baseline))
    arms.append(replace(arm(asked, other, suite, folder / "baseline"), side="baseline"))
    if alike(*arms):
        typer.echo(
            "guardhouse: candidate and baseline ask the same: only chance can tell them apart", err=True
        )
    return arms, None


async def _measured(
    setup: Setup, arms: list[Arm], place: Place, before: Run | None, cache: Path | None
) -> tuple[Run, Run | None]:
    """The candidate's run, and the baseline's where it was asked too."""
    from contextlib import ExitStack

    from evals.arms import compare_arms, measure
    from evals.cache import Cache
    from evals.progress import shown

    with ExitStack() as stack:
        setup = replace(
            setup,
            cache=stack.enter_context(Cache(cache)) if cache else None,
            watch=lambda total: shown(total, setup.prices),
        )
        if len(arms) > 1:
            return await compare_arms(setup, arms[0], arms[1], place)
        return await measure(setup, arms[0], place, before), None


def _fresh_name(suite: str, changed: Variant | None, asked: dict[str, Any]) -> str:
    from datetime import UTC, datetime

    prompt = asked.get("prompt")
    what = changed.name if changed else prompt.stem if prompt else "run"
    return f"{suite}-{slug(what)}-{datetime.now(UTC):%Y%m%dT%H%M%S}"
