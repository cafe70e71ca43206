"""The options that say who judges, and the judge that they come to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from evals.cli_options import filled
from guardrails.cli_show import shown

if TYPE_CHECKING:
    from evals.arms import Arm
    from evals.judging.client import ChatJudge
    from evals.judging.spec import JudgeSpec
    from evals.session import Setup
    from evals.suite import Suite

Url = Annotated[
    str, typer.Option(callback=filled, help="OpenAI-compatible base URL of the judge; default: the suite's.")
]
Model = Annotated[str, typer.Option(callback=filled, help="Model that judges; default: the suite's.")]
Key = Annotated[
    str, typer.Option(envvar="GUARDHOUSE_JUDGE_KEY", help="API key of the judge.", show_envvar=True)
]

Limit = Annotated[
    int | None,
    typer.Option(
        "--judge-limit-calls", min=0, help="Requests that may be made of the judge; default: the suite's."
    ),
]


@dataclass(frozen=True, slots=True)
class Bench:
    """Who judges, if anybody does, and where rulings are kept."""

    spec: JudgeSpec | None
    key: str = field(default="", repr=False)
    target_key: str = field(default="", repr=False)
    """The judge's where it has none and stands where every target does; it is never sent anywhere else."""
    cache: Path | None = None
    """File in which runs share rulings."""


def bench(suite: Suite, url: str, model: str, keys: tuple[str, str], cache: Path | None = None) -> Bench:
    """Who judges, as suite and command line say; `keys` are the judge's and the target's. Raises JudgeError."""
    from evals.judging.spec import read_spec

    return Bench(read_spec(suite.judge, url, model), *keys, cache)


def named(url: str, model: str, key: str, limit_calls: int | None = None) -> Bench:
    """Who judges, as the command line alone says. Raises JudgeError."""
    from evals.judging.spec import read_spec

    spec = read_spec({}, url, model)
    return Bench(limited(spec, limit_calls) if spec else None, key)


def limited(spec: JudgeSpec, calls: int | None) -> JudgeSpec:
    """The judge, asked no more often than the command line says; its own limit holds where that says nothing."""
    return spec if calls is None else replace(spec, limit_calls=calls)


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port of an address: who is given a key."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


@asynccontextmanager
async def opened(bench: Bench) -> AsyncIterator[ChatJudge | None]:
    """The judge, or None where nobody judges. Raises JudgeError when it cannot be asked."""
    from evals.judging.client import open_judge

    if bench.spec is None:
        yield None
        return
    judge = open_judge(bench.spec, bench.key)
    try:
        await judge.probe()
        yield judge
    finally:
        await judge.aclose()


@asynccontextmanager
async def judged_by(bench: Bench, setup: Setup, arms: Sequence[Arm], folder: Path) -> AsyncIterator[Setup]:
    """The setup with its judge, where a scorer asks one; says on standard error what that may cost.

    Raises JudgeError for a judge that cannot be asked, or may not judge these arms.
    """
    from evals.judging.client import open_judge
    from evals.judging.estimate import estimate
    from evals.judging.nobody import judged
    from evals.scorer import build_all

    names = judged(setup.suite.scorers, setup.suite.k)
    if not names or bench.spec is None:
        yield setup
        return
    own = [(arm.spec.base_url, arm.spec.model) for arm in arms]
    near = all(origin(url) == origin(bench.spec.base_url) for url, _ in own)
    key = bench.key or (bench.target_key if near else "")
    judge = open_judge(bench.spec, key, bench.cache, folder=folder, under_test=own)
    try:
        scorers = build_all(names, setup.suite.k, judge)
        times = setup.repeats * len(arms)
        cost = estimate(scorers, setup.golden.cases, times, bench.spec, setup.suite.k)
        typer.echo(f"guardhouse: {shown(cost.sentence(bench.spec))}", err=True)
        await judge.probe()
        yield replace(setup, judge=judge)
    finally:
        await judge.aclose()
