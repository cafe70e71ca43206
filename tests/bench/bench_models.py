"""Measures the checks that run a model or a fitted scorer: `python tests/bench/bench_models.py [--quick] [--json]`.

For each: milliseconds of CPU for 2 KB of text it has not seen, on one core; the same for a text seen before; and, on all cores,
by how much the event loop is late meanwhile, beside how late it is with nothing to do. Lateness is what a timer of one millisecond
adds to its time: a loop that is blocked cannot wake up.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).parents[2]))

from guardrails.conversation import Conversation
from guardrails.engine import Guard
from guardrails.policy import parse
from guardrails.types import Segment, Stage
from tests.bench.report import Row, command, median, one_core, share
from tests.bench.texts import prose

SIZE = 2048
TIMER = 0.001
EXAMPLES = [
    "How do I invest my savings?",
    "Which shares should I buy now?",
    "Is gold a good investment today?",
]
RULES = {
    "injection, a message": ("injection", {}, "input"),
    "injection, a document": ("injection", {}, "tool_result"),
    "topics": ("topics", {"deny": {"investing": EXAMPLES}}, "input"),
    "names": ("pii", {"entities": ["PERSON"]}, "input"),
    "grounding": ("grounding", {}, "output"),
}


def guard(check: str, options: dict[str, object], stage: str) -> Guard:
    """A guard with that one rule."""
    rule = f"{{id: r, check: {check}, with: {options}, stages: [{stage}], action: flag, timeout_ms: 60000}}"
    return Guard(parse(f"name: p\nbudget_ms: 60000\nrules: [{rule}]\n"), b"bench")


async def lateness(stop: asyncio.Event) -> list[float]:
    """Milliseconds by which a timer was late, each time."""
    late: list[float] = []
    while not stop.is_set():
        began = perf_counter()
        await asyncio.sleep(TIMER)
        late.append((perf_counter() - began - TIMER) * 1000)
    return late


async def measured(of: Guard, stage: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds for new and seen texts on one core, and how late the loop was with all, meanwhile and before."""
    texts = [prose(Random(seed), SIZE) for seed in range(2 * rounds + 3)]
    cores = os.sched_getaffinity(0)
    evidence = Segment(prose(Random(999), 2 * SIZE), "", Stage.RETRIEVAL, "retrieved:d")
    said = Conversation([evidence], [evidence])
    spent: dict[str, list[float]] = {"new": [], "seen": []}

    async def ask(text: str) -> float:
        began = process_time()
        await of.inspect([Segment(text, "/choices/0/message/content", Stage(stage))], conversation=said)
        return (process_time() - began) * 1000

    for text in texts[:3]:
        await ask(text)
    stop = asyncio.Event()
    watching = asyncio.create_task(lateness(stop))
    await asyncio.sleep(0.5)
    stop.set()
    spent["idle"] = await watching
    stop = asyncio.Event()
    watching = asyncio.create_task(lateness(stop))
    for text in texts[3 + rounds :]:
        await ask(text)
        await asyncio.sleep(2 * TIMER)
    stop.set()
    spent["late"] = await watching
    one_core()
    for name in ("new", "seen"):
        for text in texts[3 : 3 + rounds]:
            spent[name].append(await ask(text))
    os.sched_setaffinity(0, cores)
    return spent


def measure(quick: bool) -> Sequence[Row]:
    """Three rows a check."""
    sys.setswitchinterval(0.001)  # as `guardhouse serve` sets it
    rows = []
    for name, (check, options, stage) in RULES.items():
        spent = asyncio.run(measured(guard(check, options, stage), stage, 5 if quick else 40))
        rows += [
            Row(f"{name}: 2 KB, new", median(spent["new"]), "ms", 60),
            Row(f"{name}: 2 KB, seen", median(spent["seen"]), "ms", None if check == "grounding" else 0.1),
            Row(
                f"{name}: loop late, p99",
                share(spent["late"], 0.99),
                "ms",
                2,
                note=f"most {max(spent['late']):.1f}, idle p99 {share(spent['idle'], 0.99):.1f}",
            ),
        ]
    return rows


if __name__ == "__main__":
    command(__doc__, measure)
