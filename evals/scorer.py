"""What a scorer is, and how one is found by name.

A scorer is an async callable: case and output in, score out. Its factory's signature is its configuration.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Protocol

from evals.errors import ScorerError
from evals.run import ScorerRef
from evals.types import Case, Output, Score

if TYPE_CHECKING:
    from evals.judging.types import Judge
    from evals.ledger import Prices

ENTRY_POINT_GROUP = "guardhouse.scorers"
"""Third-party packages register a factory under this entry-point group; the entry's name is the scorer's."""

BUILT_IN = {
    "exact": "evals.scorers.text:exact",
    "f1": "evals.scorers.text:f1",
    "contains": "evals.scorers.text:contains",
    "semantic": "evals.scorers.text:semantic",
    "refusal": "evals.scorers.refusing:refusal",
    "over_refusal": "evals.scorers.refusing:over_refusal",
    "json_schema": "evals.scorers.structured:json_schema",
    "groundedness": "evals.scorers.grounding:groundedness",
    "groundedness_t1": "evals.scorers.grounding:groundedness_t1",
    "recall": "evals.scorers.retrieval:recall",
    "precision": "evals.scorers.retrieval:precision",
    "mrr": "evals.scorers.retrieval:mrr",
    "map": "evals.scorers.retrieval:average_precision",
    "ndcg": "evals.scorers.retrieval:ndcg",
    "hit": "evals.scorers.retrieval:hit",
    "unjudged": "evals.scorers.retrieval:unjudged",
    "tool_calls": "evals.scorers.tools:tool_calls",
    "tool_precision": "evals.scorers.tools:tool_precision",
    "tool_recall": "evals.scorers.tools:tool_recall",
    "trajectory": "evals.scorers.tools:trajectory",
    "guardrail": "evals.scorers.guardrail:guardrail",
    "guardrail_precision": "evals.scorers.guardrail:guardrail_precision",
    "guardrail_recall": "evals.scorers.guardrail:guardrail_recall",
    "guardrail_latency": "evals.scorers.guardrail:guardrail_latency",
    "latency": "evals.scorers.latency:latency",
    "answer_judged": "evals.scorers.judged:answer_judged",
    "context_precision": "evals.scorers.context:context_precision",
    "context_recall": "evals.scorers.context:context_recall",
    "groundedness_judged": "evals.scorers.grounding_judged:groundedness_judged",
    "prompt_tokens": "evals.scorers.spending:prompt_tokens",
    "completion_tokens": "evals.scorers.spending:completion_tokens",
    "cost": "evals.scorers.spending:cost",
}
"""The scorers that ship with the product: name to `module:factory`, imported when first asked for."""

ON_REQUEST = (
    *("guardrail_precision", "guardrail_recall", "guardrail_latency"),
    *("prompt_tokens", "completion_tokens", "cost"),
)
"""Those that a suite has to name: most targets do not tell what they measure. So it is with those that ask a judge."""


class Scorer(Protocol):
    """Gives one score for one output. Keeps no state between calls."""

    @property
    def name(self) -> str:
        """As it stands in the run, `@k` included."""

    @property
    def version(self) -> str:
        """Changes whenever equal outputs may get other values than before."""

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger value is a better one."""

    def applies(self, case: Case) -> bool:
        """Whether the case says what this scorer needs to know. Where it does not, it is not counted."""

    async def __call__(self, case: Case, output: Output, /) -> Score:
        """The score of an output without error."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A scorer made of two plain functions."""

    name: str
    version: str
    needs: Callable[[Case], bool]
    """Whether the case says what is needed."""
    score: Callable[[Case, Output], Score]
    higher_is_better: bool = True

    def applies(self, case: Case) -> bool:
        """As in Scorer."""
        return self.needs(case)

    async def __call__(self, case: Case, output: Output, /) -> Score:
        """As in Scorer."""
        return self.score(case, output)


_NAME = re.compile(r"^(?P<name>[a-z][a-z0-9_]*)(?:@(?P<k>[1-9][0-9]{0,3}))?$")
_IMPORTED = re.compile(r"^(?P<call>[^@:\s]+:[^@:\s]+)(?:@(?P<k>[1-9][0-9]{0,3}))?$")


def names() -> list[str]:
    """Every scorer that can be asked for: built in, and installed by other packages."""
    return sorted({*BUILT_IN, *(entry.name for entry in metadata.entry_points(group=ENTRY_POINT_GROUP))})


def default_names() -> list[str]:
    """The scorers of a suite that names none."""
    return [
        name
        for name, where in BUILT_IN.items()
        if name not in ON_REQUEST and "judge" not in inspect.signature(_found(where)).parameters
    ]


def build(spec: str, k: int = 5, judge: Judge | None = None, prices: Prices | None = None) -> Scorer:
    """The scorer that `name`, `name@k`, `module:factory` or `module:factory@k` names. Raises ScorerError.

    Args:
        spec: as above.
        k: used where the name leaves it out.
        judge: given to a factory that has a parameter `judge`; without one it cannot be built.
        prices: given to a factory that has a parameter `prices`.
    """
    from evals.foreign import parameters

    call, make, told_k = _sought(spec)
    takes = parameters(make)
    if told_k and "k" not in takes:
        raise ScorerError(f"scorer {call!r} takes no @k", fix=f"write {call!r}")
    if "judge" in takes and judge is None:
        fix = "give a judge: `judge:` in the suite, or --judge-url and --judge-model"
        raise ScorerError(f"scorer {call!r} asks a judge, and there is none", fix=fix)
    given = {"k": int(told_k or k), "judge": judge, "prices": prices}
    if call in BUILT_IN:
        return make(**{name: value for name, value in given.items() if name in takes})
    from evals.custom_scorer import made

    return made(call, make, given)


def build_each(
    specs: Sequence[str], k: int = 5, judge: Judge | None = None, prices: Prices | None = None
) -> dict[str, Scorer]:
    """The scorers by what builds them again: the name, for one of somebody's own its import string.

    Raises ScorerError, also where two of them would have one name in a run.
    """
    built: dict[str, Scorer] = {}
    known: dict[str, str] = {}
    for spec in specs:
        scorer = build(spec, k, judge, prices)
        key = spec if ":" in spec else scorer.name
        if known.setdefault(scorer.name, key) != key:
            what = f"{known[scorer.name]!r} and {key!r} are both called {scorer.name!r}"
            raise ScorerError(what, fix="name one of them, or give one another name")
        built[key] = scorer
    return built


def build_all(
    specs: Sequence[str], k: int = 5, judge: Judge | None = None, prices: Prices | None = None
) -> list[Scorer]:
    """The scorers of those names, each once. Raises ScorerError."""
    return list(build_each(specs, k, judge, prices).values())


def metric_name(metric: str, k: int, built: Mapping[str, Scorer], judge: Judge | None = None) -> str:
    """The name in runs of what `metric` names: one of the built scorers, or another that can be built.

    Raises ScorerError.
    """
    named = {scorer.name for scorer in built.values()}
    for name in (metric, f"{metric}@{k}"):
        if name in named:
            return name
    return built[metric].name if metric in built else build(metric, k, judge).name


def ref(scorer: Scorer) -> ScorerRef:
    """How a run refers to a scorer."""
    told = ScorerRef(scorer.name, scorer.version, scorer.higher_is_better)
    return replace(
        told, advisory=getattr(scorer, "advisory", ""), judge=getattr(scorer, "judge_identity", "")
    )


def factory(name: str) -> Callable[..., Scorer] | None:
    """What makes the scorer of a name, built in or installed; None where there is none. Raises ScorerError."""
    if name in BUILT_IN:
        return _found(BUILT_IN[name])
    for entry in metadata.entry_points(group=ENTRY_POINT_GROUP, name=name):
        from evals.custom_scorer import factory as custom

        return custom(f"{entry.module}:{entry.attr}")
    return None


def _sought(spec: str) -> tuple[str, Callable[..., Scorer], str]:
    """What a spec calls the scorer, what makes it, and the depth that it says. Raises ScorerError."""
    if match := _NAME.match(spec):
        make = factory(match["name"])
        if make is not None:
            return match["name"], make, match["k"] or ""
    elif match := _IMPORTED.match(spec):
        from evals.custom_scorer import factory as custom

        return match["call"], custom(match["call"]), match["k"] or ""
    fix = f"name one of your own as module:factory, or choose from {', '.join(names())}"
    raise ScorerError(f"there is no scorer {spec!r:.200}", fix=fix)


def _found(where: str) -> Callable[..., Scorer]:
    module, _, attribute = where.partition(":")
    found: Callable[..., Scorer] = getattr(import_module(module), attribute)
    return found
