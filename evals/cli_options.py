"""The options that `guardhouse eval run` and `guardhouse eval bisect` share, and what they come to."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from evals.errors import EvalsError
from guardrails.cli_show import shown
from guardrails.errors import GuardrailsError

if TYPE_CHECKING:
    from evals.arms import Arm, Place
    from evals.golden import GoldenSet
    from evals.ledger import Prices
    from evals.run import Gating, Run
    from evals.session import Setup
    from evals.suite import Suite

CALLS_A_TURN = 16
"""Model calls that one turn of a scenario may take."""
GRACE_S = 5.0
"""By how much the runner waits longer than the client, whose message says more."""


def filled(context: typer.Context, option: typer.CallbackParam, value: str) -> str:
    """The value of an option; given as nothing it ends the command, as it is a variable that was not set."""
    source = context.get_parameter_source(option.name or "")
    if value == "" and source is not None and source.name == "COMMANDLINE":
        _empty(option.opts[0])
    return value


def folder(text: str) -> Path:
    """The folder that an option names; nothing is none, and not the working directory."""
    if not text:
        _empty("--out")
    return Path(text)


def _empty(option: str) -> NoReturn:
    typer.echo(
        f"guardhouse: {option} is empty: is a variable not set? Leave it out, or give a value", err=True
    )
    raise typer.Exit(2)


Golden = Annotated[Path | None, typer.Option(help="Folder of the golden set.")]
SuiteFile = Annotated[Path | None, typer.Option(help="Suite file; default: suite.yaml in the golden set.")]
Split = Annotated[str, typer.Option(help="Ask only the cases of this split.")]
Kind = Annotated[
    str, typer.Option(help="Kind of target: http, index, rag, policy or callable; default: what is given.")
]
BaseUrl = Annotated[str, typer.Option(callback=filled, help="OpenAI-compatible base URL, ending in /v1.")]
Model = Annotated[str, typer.Option(callback=filled, help="Model to ask for.")]
Prompt = Annotated[
    Path | None,
    typer.Option(help="File with the system prompt, or a proxy's template NAME/VERSION.yaml."),
]
Policy = Annotated[str, typer.Option(help="Test a guardrail policy (file or name) instead of a model.")]
Call = Annotated[str, typer.Option(help="Test a Python function, module:function, instead of a model.")]
Index = Annotated[Path | None, typer.Option(help="Retrieval index for cases that ask a question.")]
SendHits = Annotated[bool | None, typer.Option(help="Send the hits as guardhouse.retrieval too.")]
Temperature = Annotated[float | None, typer.Option(help="Sampling temperature; default: the server's.")]
Seed = Annotated[
    int | None, typer.Option(min=0, max=2**31 - 1, help="Give each call a seed of its own, made from this.")
]
K = Annotated[int | None, typer.Option(min=1, help="Hits per question; default: the suite's.")]
Repeats = Annotated[
    int | None, typer.Option(min=1, help="Times to ask each case, at most; default: the suite's.")
]
Adaptive = Annotated[
    bool, typer.Option(help="Ask again only where the arms differ, when both arms are asked.")
]
Gate = Annotated[list[str] | None, typer.Option(help="METRIC[:MARGIN] that may block.")]
Out = Annotated[
    Path | None,
    typer.Option(parser=folder, metavar="PATH", help="Folder for the run; an unfinished one is resumed."),
]
Concurrency = Annotated[int, typer.Option(min=1, max=1024, help="Calls at a time.")]
Timeout = Annotated[float, typer.Option(min=0.01, help="Seconds to wait for one answer.")]
Tries = Annotated[int, typer.Option(min=1, max=100, help="Requests for one answer, at most.")]
CachePath = Annotated[Path | None, typer.Option("--cache", help="File of answers that runs share.")]
Price = Annotated[str, typer.Option(help="IN:OUT, US dollars for a million tokens; default: the suite's.")]
Where = Annotated[str, typer.Option("--executor", help="Where calls are made: local or ray.")]
RayAddress = Annotated[str, typer.Option(help="Ray cluster to use; default: one on this machine.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Ray workers; default: one a CPU.")]
Key = Annotated[str, typer.Option(envvar="GUARDHOUSE_API_KEY", help="API key.", show_envvar=True)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the run document instead of the summary.")]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how hard to ask, as the command line says it."""

    repeats: int | None
    adaptive: bool
    concurrency: int
    timeout: float
    tries: int
    price: str


@contextmanager
def told() -> Iterator[None]:
    """Turns what evals and guardrails raise into one line on stderr and exit code 2."""
    try:
        yield
    except (EvalsError, GuardrailsError) as error:
        typer.echo(f"guardhouse: {error}", err=True)
        raise typer.Exit(2) from None


def chosen(
    golden: Path | None, suite: Path | None, k: int | None, gate: Sequence[str] | None, split: str
) -> tuple[Suite, GoldenSet]:
    """The suite and its golden set, with what the command line changes."""
    from evals import golden as sets
    from evals import suite as suites
    from evals.errors import SuiteError

    if golden is None and suite is None:
        raise SuiteError("nothing to measure", fix="give --golden DIR or --suite FILE")
    found = suites.load(suite, k) if suite else suites.default(golden or Path(), k)
    if gate:
        found = replace(found, gating=gates(gate, found.k, found.metrics))
        unscored = [rule.metric for rule in found.gating if rule.metric not in found.metrics]
        found = replace(found, scorers=(*found.scorers, *unscored))
    cases = sets.load(golden or found.golden)
    for what in (_expired(cases), _unborne(cases, found.corpus)):
        if what:
            typer.echo(f"guardhouse: warning: {shown(what)}", err=True)
    return found, suites.of_split(cases, split) if split else cases


def gates(rules: Sequence[str], k: int = 5, known: Sequence[str] = ()) -> tuple[Gating, ...]:
    """The gating rules of several METRIC[:MARGIN]; `known` are names that need not be built.

    Raises SuiteError where a metric gates twice.
    """
    from evals.errors import SuiteError

    found = tuple(gating(rule, k, known) for rule in rules)
    names = [rule.metric for rule in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SuiteError(f"--gate names {twice!r} twice", fix="give each metric one --gate")
    return found


def _expired(golden: GoldenSet) -> str:
    """The cases that are asked though nobody lifted their quarantine, with who sees to them; empty for none."""
    from evals.golden import some

    if not golden.expired:
        return ""
    ids = some([f"{each.id} ({each.owner}, until {each.until})" for each in golden.expired])
    return f"asked again, their quarantine having expired: {ids}: lift it with `guardhouse golden quarantine`"


def _unborne(golden: GoldenSet, corpus: Path | None) -> str:
    """How many relevant passages a corpus does not bear out, if it is there; empty for none."""
    from evals import places

    judged = [
        {"id": case.id, "relevant": [asdict(passage) for passage in case.relevant]}
        for case in golden.cases
        if case.relevant
    ]
    if not judged or corpus is None or not corpus.is_file():
        return ""
    try:
        found = places.check(judged, corpus)
    except EvalsError as error:
        return f"relevant passages were not looked up: {error}"
    passages = sum(len(each["relevant"]) for each in judged)
    if not found:
        return ""
    what = f"{len(found)} of {passages} relevant passages do not fit the corpus any more ({found[0]})"
    return f"{what}: see `guardhouse golden check {golden.directory} --corpus {corpus}`"


def gating(rule: str, k: int = 5, known: Sequence[str] = ()) -> Gating:
    """A gating rule from METRIC[:MARGIN]. Raises SuiteError."""
    from evals.errors import SuiteError
    from evals.judging.nobody import NOBODY
    from evals.run import Gating
    from evals.scorer import build

    metric, _, margin = rule.partition(":")
    named = next((name for name in (metric, f"{metric}@{k}") if name in known), "")
    name = named or build(metric, k, NOBODY).name
    if not margin:
        return Gating(name)
    value = _number(margin)
    if value is None:
        raise SuiteError(f"--gate {rule}: {margin!r} is not a margin", fix="write METRIC:0.03")
    return Gating(name, margin=value)


def asked(suite: Suite, options: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    """What is asked: the suite's `target` under what the command line gives. Raises SuiteError."""
    from evals.arms import HEEDED, layered
    from evals.errors import SuiteError

    said = {name: value for name, value in options.items() if value is not None and value != ""}
    temperature = said.get("temperature", 0.0)
    for name, value in (("temperature", temperature), ("timeout", timeout)):
        if not math.isfinite(value):
            raise SuiteError(f"--{name} {value} is not a finite number", fix="give a plain number")
    if said.get("kind", "http") not in HEEDED:
        raise SuiteError(
            f"there is no target of kind {said['kind']!r}", fix=f"choose from {', '.join(HEEDED)}"
        )
    return {**layered(suite.target, said), "timeout_s": timeout}


def place(where: str, api_key: str, address: str, workers: int | None) -> Place:
    """Where calls are made. Raises SuiteError."""
    from evals.arms import Place
    from evals.errors import SuiteError

    if where not in {"local", "ray"}:
        raise SuiteError(f"there is no executor {where!r}", fix="choose local or ray")
    if where == "local" and (address or workers):
        raise SuiteError("--ray-address and --workers are for Ray", fix="add --executor ray")
    return Place(api_key, where == "ray", address or None, workers)


def slug(name: str) -> str:
    """A folder's name for a version: its own, and where a file system would not take that, its hash too."""
    plain = re.sub(r"[^A-Za-z0-9@._-]+", "-", name).strip(".-")[:60]
    return plain if plain and plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def setup(
    suite: Suite, golden: GoldenSet, arms: Sequence[Arm], pace: Pace, stored: Run | None = None
) -> Setup:
    """What to measure with one arm or two, narrowed to what both can answer. Raises SuiteError.

    Where nobody says how often to ask, it is as often as the stored run did that is compared with.
    """
    from evals.session import Setup
    from evals.suite import answerable

    for kind in dict.fromkeys(arm.spec.kind for arm in arms):
        suite, golden = answerable(suite, golden, kind)
    times, screen = _times(suite, arms, pace)
    if stored is not None and not (pace.repeats or suite.repeats or stored.screen):
        times = stored.repeats
    turns = max((len(case.turns) for case in golden.cases), default=0)
    return Setup(
        suite,
        golden,
        arms[0].prompt,
        arms[0].folder,
        times,
        pace.concurrency,
        timeout_s=pace.timeout * max(1, turns * CALLS_A_TURN) + GRACE_S,
        tries=pace.tries,
        screen=screen,
        seed=arms[0].spec.seed,
        prices=_prices(pace.price, suite),
    )


def _times(suite: Suite, arms: Sequence[Arm], pace: Pace) -> tuple[int, int]:
    """Times to ask each case at most, and at first; 0 where every case is asked as often."""
    from evals.arms import AGAIN

    said = pace.repeats or suite.repeats
    varies = any(arm.spec.kind not in {"policy", "index"} for arm in arms)
    if len(arms) < 2 or not pace.adaptive or not suite.gating or not varies:
        return said or 1, 0
    times = said or AGAIN
    return times, suite.screen if suite.screen < times else 0


def _prices(text: str, suite: Suite) -> Prices | None:
    from evals.errors import SuiteError
    from evals.ledger import Prices

    if not text:
        told = suite.target.get("price")
        return Prices(told["input"], told["output"]) if told else None
    values = [_number(part) for part in text.split(":")]
    if len(values) != 2 or values[0] is None or values[1] is None:
        raise SuiteError(
            f"--price {text!r} is not IN:OUT", fix="write dollars for a million tokens: 0.15:0.60"
        )
    return Prices(values[0], values[1])


def _number(text: str) -> float | None:
    """A finite number that is not negative, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
