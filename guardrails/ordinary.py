"""What a policy does to ordinary prompts, in which there is nothing to find: its false alarms, and what it costs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from guardrails.engine import Guard
from guardrails.policy import Policy
from guardrails.types import Action, Segment, Stage

KINDS = ("coding", "everyday")
"""The corpora of ordinary prompts that ship, files beside the policies."""

_SAMPLE = 4096
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Ordinary:
    """What a policy changes in the prompts of one corpus."""

    kind: str
    """`coding` or `everyday`."""
    prompts: int
    changed: int
    by: tuple[tuple[str, int], ...]
    """Rule and entity, and in how many prompts, the most frequent first."""


def prompts(kind: str) -> list[str]:
    """The prompts of one corpus."""
    path = Path(__file__).with_name("policies") / "ordinary" / f"{kind}.jsonl"
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]


async def ordinary(guard: Guard) -> list[Ordinary]:
    """What a policy changes in the prompts that ship: each change is a false alarm."""
    return [await _changed(guard, kind) for kind in KINDS]


async def _changed(guard: Guard, kind: str) -> Ordinary:
    texts = prompts(kind)
    changed, by = 0, Counter[str]()
    for text in texts:
        verdict = await guard.inspect([Segment(text, "", Stage.INPUT)])
        changed += verdict.action.rank >= Action.PSEUDONYMIZE.rank
        acting = [each for each in verdict.findings if each.action.rank >= Action.PSEUDONYMIZE.rank]
        by.update({f"{found.rule} {found.entity}" for found in acting})
    return Ordinary(kind, len(texts), changed, tuple(by.most_common()))


async def costs(guard: Guard) -> dict[str, float]:
    """Milliseconds that each rule takes for 4 KB of ordinary text it has not seen, by rule id; the median of some."""
    text = "\n".join(text for kind in KINDS for text in prompts(kind))
    policy: Policy = guard.policy
    spent: dict[str, list[float]] = {rule.id: [] for rule in policy.rules}
    for rule in policy.rules:
        stage = sorted(rule.stages)[0]
        for number in range(_ROUNDS):
            piece = text[number * _SAMPLE : (number + 1) * _SAMPLE]
            began = perf_counter()
            timings = (await guard.inspect([Segment(piece, "", stage, "user")])).timings
            spent[rule.id].append(timings.get(rule.id, (perf_counter() - began) * 1000))
    return {rule: median(taken) for rule, taken in spent.items()}
