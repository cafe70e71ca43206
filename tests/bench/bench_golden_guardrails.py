"""Measures the shipped guardrail set: recall and precision of each family of finding, and what harmless texts cost.

    python tests/bench/bench_golden_guardrails.py [--quick] [--json]

A family is found in an item when the policy beside the set finds any entity of it there, and expected when the item
names one. Items of a family: those that expect it.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evals.golden import load
from evals.policy_target import policy_target
from evals.types import Case
from guardrails.policy import builtin
from tests.bench.report import Row, command

FOLDER = Path(__file__).resolve().parents[2] / "datasets" / "golden" / "guardrails"
FAMILIES = ("personal data", "secrets", "injection")


def measure(quick: bool) -> list[Row]:
    """All figures; the set is small enough for both."""
    cases = load(FOLDER).cases
    outputs = asyncio.run(_asked(cases))
    wanted = {case.id: expected(case) for case in cases}
    rows = [row for family in FAMILIES for row in of_family(family, wanted, outputs)]
    harmless = [name for name, entities in wanted.items() if not entities]
    touched = sum(bool(outputs[name]) for name in harmless)
    exact = sum(set(wanted[name]) == set(outputs[name]) for name in wanted)
    return [
        *rows,
        Row(
            "harmless texts with a finding",
            100 * touched / len(harmless),
            "%",
            note=f"{touched} of {len(harmless)}",
        ),
        Row(
            "items with exactly the entities expected",
            100 * exact / len(wanted),
            "%",
            note=f"{exact} of {len(wanted)}",
        ),
    ]


async def _asked(cases: Sequence[Case]) -> dict[str, tuple[str, ...]]:
    target = policy_target(str(FOLDER / "policy.yaml"))
    return {case.id: (await target.ask(case)).entities or () for case in cases}


def expected(case: Case) -> tuple[str, ...]:
    """Entities that a case expects."""
    return tuple(case.expected.guardrail.entities) if case.expected.guardrail else ()


def family_of(entity: str) -> str:
    """Which family an entity is of."""
    if entity == "PROMPT_INJECTION":
        return "injection"
    return "personal data" if entity in _personal() else "secrets"


@cache
def _personal() -> frozenset[str]:
    return frozenset(next(rule for rule in builtin("default").rules if rule.id == "pii").options["entities"])


def of_family(
    family: str, wanted: Mapping[str, Sequence[str]], outputs: Mapping[str, Sequence[str]]
) -> list[Row]:
    """Recall and precision, with what they are shares of."""
    count = Counter(
        (
            family in {family_of(entity) for entity in wanted[name]},
            family in {family_of(entity) for entity in outputs[name]},
        )
        for name in wanted
    )
    hits = count[True, True]
    there, said = hits + count[True, False], hits + count[False, True]
    return [
        Row(f"{family}: recall", 100 * hits / there, "%", note=f"{hits} of {there} items"),
        Row(f"{family}: precision", 100 * hits / said, "%", note=f"{hits} of {said} items"),
    ]


if __name__ == "__main__":
    command(__doc__, measure)
