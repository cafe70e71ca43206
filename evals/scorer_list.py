"""What every scorer says of itself: name, version, what it measures and what it needs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evals.errors import ScorerError
from evals.foreign import parameters
from evals.scorer import build, default_names, factory, names

NEEDS = "Needs "
"""How the last paragraph of a factory's description begins."""


@dataclass(frozen=True, slots=True)
class Description:
    """One scorer, for a reader who chooses."""

    name: str
    """As it is asked for; `@k` stands after it where it takes a depth."""
    version: str
    """Empty where it cannot be told before there is a judge."""
    measures: str
    needs: str
    """What a case has to say; empty where the scorer does not tell."""
    higher_is_better: bool
    asks_judge: bool
    by_default: bool
    """Whether a suite that names no scorers has it."""


def described() -> list[Description]:
    """Every scorer that has a name to be asked for by, in order. One that cannot be built says why under `measures`."""
    by_default = set(default_names())
    return [_described(name, name in by_default) for name in names()]


def _described(name: str, by_default: bool) -> Description:
    try:
        make = factory(name)
        takes = parameters(make) if make is not None else set()
        measures, needs = _words(make)
    except ScorerError as error:
        return Description(name, "", f"cannot be built: {error}", "", True, False, by_default)
    shown = f"{name}@k" if "k" in takes else name
    if "judge" in takes:
        return Description(shown, "", measures, needs, True, True, by_default)
    try:
        scorer = build(name)
    except ScorerError as error:
        return Description(shown, "", f"cannot be built: {error}", needs, True, False, by_default)
    return Description(shown, scorer.version, measures, needs, scorer.higher_is_better, False, by_default)


def _words(make: Callable[..., Any] | None) -> tuple[str, str]:
    """What a factory's description says that is measured, and what is needed."""
    paragraphs = [" ".join(part.split()) for part in (inspect.getdoc(make) or "").split("\n\n")]
    needs = [part.removeprefix(NEEDS).rstrip(".") for part in paragraphs if part.startswith(NEEDS)]
    return paragraphs[0], needs[0] if needs else ""
