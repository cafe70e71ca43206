"""What a scorer is, and how one is found by name.

A scorer is an async callable: case and output in, score out. Its factory's signature is its configuration.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import Protocol

from evals.errors import ScorerError
from evals.types import Case, Output, Score, ScorerRef

ENTRY_POINT_GROUP = "guardhouse.scorers"
"""Third-party packages register a factory under this entry-point group; the entry's name is the scorer's."""

BUILT_IN = {
    "exact": "evals.scorers.text:exact",
    "f1": "evals.scorers.text:f1",
    "contains": "evals.scorers.text:contains",
    "semantic": "evals.scorers.text:semantic",
    "refusal": "evals.scorers.text:refusal",
    "groundedness": "evals.scorers.grounding:groundedness",
    "recall": "evals.scorers.retrieval:recall",
    "precision": "evals.scorers.retrieval:precision",
    "mrr": "evals.scorers.retrieval:mrr",
    "ndcg": "evals.scorers.retrieval:ndcg",
    "hit": "evals.scorers.retrieval:hit",
    "unjudged": "evals.scorers.retrieval:unjudged",
    "tool_calls": "evals.scorers.tools:tool_calls",
    "guardrail": "evals.scorers.guardrail:guardrail",
    "latency": "evals.scorers.latency:latency",
}
"""The scorers that ship with the product: name to `module:factory`, imported when first asked for."""


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


def names() -> list[str]:
    """Every scorer that can be asked for: built in, and installed by other packages."""
    return sorted({*BUILT_IN, *(entry.name for entry in metadata.entry_points(group=ENTRY_POINT_GROUP))})


def build(spec: str, k: int = 5) -> Scorer:
    """The scorer named `name` or `name@k`; `k` is used where the name leaves it out. Raises ScorerError."""
    match = _NAME.match(spec)
    make = _factory(match["name"]) if match else None
    if match is None or make is None:
        raise ScorerError(f"there is no scorer {spec!r}", fix=f"choose from {', '.join(names())}")
    takes_k = "k" in inspect.signature(make).parameters
    if match["k"] and not takes_k:
        raise ScorerError(f"scorer {match['name']!r} takes no @k", fix=f"write {match['name']!r}")
    return make(k=int(match["k"] or k)) if takes_k else make()


def build_all(specs: Sequence[str], k: int = 5) -> list[Scorer]:
    """The scorers of those names, each once. Raises ScorerError."""
    built = {scorer.name: scorer for scorer in (build(spec, k) for spec in specs)}
    return list(built.values())


def ref(scorer: Scorer) -> ScorerRef:
    """How a run refers to a scorer."""
    return ScorerRef(scorer.name, scorer.version, scorer.higher_is_better)


def _factory(name: str) -> Callable[..., Scorer] | None:
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        found: Callable[..., Scorer] = getattr(import_module(module), attribute)
        return found
    for entry in metadata.entry_points(group=ENTRY_POINT_GROUP, name=name):
        loaded: Callable[..., Scorer] = entry.load()
        return loaded
    return None
