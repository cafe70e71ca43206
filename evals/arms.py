"""Two arms of one eval: what each asks, and both asked side by side, more often where they differ."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evals import compare, gate
from evals.adaptive import disagreeing
from evals.asking import Side, ask
from evals.errors import SuiteError
from evals.executors import Executor
from evals.journal import Journal
from evals.judging.nobody import judged
from evals.opening import TargetSpec, open_target, plain_address
from evals.prompts import read_prompt, read_template
from evals.run import PromptRef, Run
from evals.runner import jobs
from evals.scorer import build_all
from evals.session import JOURNAL, Setup, canaries, evaluate, record, same_versions
from evals.suite import Suite
from evals.target import Target
from evals.variants import Variant

AGAIN = 5
"""Times a case is asked in all where two arms differ on it and nobody says how often."""
CHAT = ("prompt", "model", "index", "base_url", "temperature", "send_hits", "seed")
HEEDED = {
    "http": CHAT,
    "rag": (*CHAT, "call"),
    "index": ("index",),
    "policy": ("policy",),
    "callable": ("call", *CHAT),
}
"""What of a variant a target of each kind heeds."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One side of a comparison: what is asked, and where its answers are kept."""

    name: str
    prompt: PromptRef
    spec: TargetSpec
    folder: Path
    variant: str = ""
    """The suite's variant that it is, if it is one."""
    side: str = ""
    """What its rulings are put down to, where arms share a judge."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where calls are made: in this process, or on a Ray cluster."""

    api_key: str = field(default="", repr=False)
    on_ray: bool = False
    address: str | None = None
    """Of a running cluster; None starts one on this machine."""
    workers: int | None = None


def arm(asked: Mapping[str, Any], variant: Variant | None, suite: Suite, folder: Path) -> Arm:
    """The arm that asks what `asked` says, with what a variant changes. Raises SuiteError.

    Args:
        asked: keys of a suite's `target`, with `prompt` and `index` (paths), `k` and `timeout_s`.
        variant: changes some of them.
        suite: names the index and the prompt where nothing else does.
        folder: where the answers are kept.
    """
    keys = layered({"prompt": suite.prompt, "index": suite.index}, asked, variant.changes if variant else {})
    plain_address(str(keys.get("base_url") or ""))
    kind = keys.get("kind") or _kind(keys)
    idle = [key for key in (variant.changes if variant else {}) if key not in HEEDED[kind]]
    if variant and idle:
        heeded = " and ".join(HEEDED[kind][:3])
        raise SuiteError(
            f"{variant.name!r} changes the {idle[0]}, which a target of kind {kind!r} does not use",
            fix=f"vary its {heeded}, or give another --target",
        )
    plain = {
        name: keys[name]
        for name in ("base_url", "model", "call", "temperature", "seed")
        if keys.get(name) is not None
    }
    told: dict[str, Any] = {"kind": kind, "k": suite.k, "timeout_s": keys.get("timeout_s", 60.0), **plain}
    if kind == "policy":
        told["policy"] = str(keys.get("policy") or "")
    elif keys.get("index"):
        told["index"] = str(keys["index"])
    prompt = read_prompt(None)[1]
    if kind in {"http", "rag", "callable"}:
        told["send_hits"] = bool(keys.get("send_hits"))
        told["prompt"], told["system_prompt"], prompt = _prompt(keys.get("prompt"))
        if not told.get("call"):
            _has_index(told, suite)
    named = variant.name if variant and variant.name in suite.variants else ""
    return Arm(variant.name if variant else prompt.version or kind, prompt, TargetSpec(**told), folder, named)


def alike(one: Arm, other: Arm) -> bool:
    """Whether two arms ask the same, so that only chance can tell them apart."""
    same = one.prompt.sha256 == other.prompt.sha256
    return same and replace(one.spec, prompt=None) == replace(other.spec, prompt=None)


def layered(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of several layers, the later over the earlier; naming a policy or a function names the kind too."""
    merged: dict[str, Any] = {}
    for layer in layers:
        said = {key: value for key, value in layer.items() if value is not None}
        for key, kind in (("policy", "policy"), ("call", "callable")):
            if said.get(key):
                merged["kind"] = kind
        merged |= said
    return merged


async def measure(setup: Setup, only: Arm, place: Place, baseline: Run | None = None) -> Run:
    """One arm, judged by itself or against a stored run. As `evaluate`."""
    setup = _of(setup, only)
    async with _opened(only, place) as target:
        return await evaluate(setup, target, baseline, _elsewhere(only, setup, place))


async def compare_arms(
    setup: Setup, candidate: Arm, baseline: Arm, place: Place, first: int = 0
) -> tuple[Run, Run]:
    """Both arms' runs, the candidate's with the verdict.

    Every case is asked `setup.screen` times in both; then those on which the arms differ in a metric that gates, and
    the canaries, up to `setup.repeats` times in both. There is one test, at the end. Answers are kept as those of the
    repeats from `first` on, so that another first asks afresh; the runs count repeats from 0. Raises EvalsError when
    nothing can be measured; that a target cannot be asked, and what broke off later, is said in `unfinished` of both.
    """
    started = time.perf_counter()
    arms = (candidate, baseline)
    held = canaries(setup.suite, setup.golden.cases).ids
    setups = [_of(setup, each) for each in arms]
    async with AsyncExitStack() as stack:
        sides = [
            Side(
                await stack.enter_async_context(_opened(each, place)),
                build_all(own.suite.scorers, own.suite.k, own.judge, own.prices),
                stack.enter_context(Journal(each.folder / JOURNAL)),
                each.prompt.sha256,
                _elsewhere(each, own, place),
            )
            for each, own in zip(arms, setups, strict=True)
        ]
        cases = setup.golden.cases
        screen = setup.screen or setup.repeats
        why = await ask(sides, jobs(cases, screen, first), setup.pace)
        if not why and screen < setup.repeats:
            metrics = [rule.metric for rule in setup.suite.gating]
            again = {*disagreeing(sides[1].items, sides[0].items, metrics), *held}
            differing = [case for case in cases if case.id in again]
            more = jobs(differing, setup.repeats - screen, first + screen)
            why = await ask(sides, more, setup.pace)
        for side in sides:
            await same_versions(side, cases)
            side.items = [replace(item, repeat=item.repeat - first) for item in side.items]
    spent = time.perf_counter() - started
    runs = [record(own, side, why, spent) for own, side in zip(setups, sides, strict=True)]
    if why:
        return replace(runs[0], baseline=compare.uncompared(runs[1], runs[0])), runs[1]
    return gate.judge(runs[0], runs[1]), gate.judge(runs[1])


def _of(setup: Setup, arm: Arm) -> Setup:
    told = replace(setup, prompt=arm.prompt, out=arm.folder, seed=arm.spec.seed, variant=arm.variant)
    return told if told.judge is None else replace(told, judge=told.judge.aside(arm.side))


@asynccontextmanager
async def _opened(arm: Arm, place: Place) -> AsyncIterator[Target]:
    target = open_target(arm.spec, place.api_key)
    try:
        yield target
    finally:
        await target.aclose()


def _elsewhere(arm: Arm, setup: Setup, place: Place) -> Executor | None:
    """What makes an arm's calls, where that is not this process."""
    if not place.on_ray:
        return None
    from evals.ray_executor import OnRay

    suite, prices = setup.suite, setup.prices
    asking = judged(suite.scorers, suite.k)
    there = [name for name in suite.scorers if name not in asking]
    here = build_all(asking, suite.k, setup.judge, prices)
    return OnRay(
        arm.spec, place.api_key, there, suite.k, place.address, place.workers, here=here, prices=prices
    )


def _kind(keys: Mapping[str, Any]) -> str:
    """The kind of a target that nobody named: an index alone where there is no model to ask."""
    return "index" if keys.get("index") and not keys.get("base_url") and not keys.get("model") else "http"


def _prompt(file: Path | None) -> tuple[PromptRef | None, str, PromptRef]:
    """A template for the proxy or None, the system prompt, and how the run refers to whichever it is."""
    if file is not None and file.suffix == ".yaml":
        template = read_template(file)
        return template, "", template
    text, told = read_prompt(file)
    return None, text, told


def _has_index(told: Mapping[str, Any], suite: Suite) -> None:
    """Raises SuiteError where retrieval is scored but nothing is searched, though there is a corpus."""
    searching = [name for name in suite.scorers if "@" in name and ":" not in name]
    if searching and suite.corpus is not None and not told.get("index"):
        build = f"`guardhouse index build {suite.corpus} DIR`, then --index DIR"
        raise SuiteError(f"the suite scores {searching[0]} but there is no index", fix=build)
