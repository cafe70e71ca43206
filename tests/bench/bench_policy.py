"""How long `guardhouse policy test` takes for 1,000 tests, each whole and in four ways of streaming.

The tests are over the rules of the default policy: texts of many kinds with values in them, at every stage, replies most of all;
calls with arguments, and texts with a conversation before them.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from guardrails.engine import Guard
from guardrails.ordinary import ordinary
from guardrails.outcomes import run_tests
from guardrails.policy import parse
from guardrails.trial import guard_for
from tests.bench import values
from tests.bench.report import Row, command, median, share
from tests.bench.texts import prose

TESTS = 1000
VALUES = 60
"""Different values that the tests use: authors of tests repeat theirs."""

MIXES = {6: 10.0, 2: None}
"""One value in so many is a secret, the others are personal; and the bar, in seconds."""

STAGES = ("output", "input", "tool_result", "output", "retrieval", "input")


def policy(tests: int, secrets: int, seed: int = 11) -> str:
    """A policy that inherits `default` and carries that many tests, as YAML; one value in so many is a secret."""
    written = [json.dumps(_test(seed, number, secrets)) for number in range(tests)]
    return "name: bench\ninherit: default\ntests:\n" + "".join(f"  - {test}\n" for test in written)


def _test(seed: int, number: int, secrets: int) -> dict[str, object]:
    """One test. It expects that nothing is found, which is mostly wrong: what counts here is the time."""
    chance = Random(f"test {seed} {number}")
    text = f"{prose(chance, 40)} {_value(chance.randrange(VALUES), secrets)} {prose(chance, 40)}"
    expect = {"expect": {"findings": []}}
    if number % 10 == 7:
        return {"call": {"name": "send", "arguments": {"to": [text], "n": number}}, **expect}
    if number % 10 == 3:
        before = [{"channel": "system", "text": "Be kind."}, {"channel": "tool:web", "text": text}]
        return {"before": before, "text": text, "stage": "output", **expect}
    return {"text": text, "stage": STAGES[number % len(STAGES)], **expect}


def _value(place: int, secrets: int) -> str:
    chance = Random(f"value {place}")
    value = values.personal(chance) if place % secrets else values.secret(chance, place)
    return value.lead + value.text + values.after(value)


def measure(quick: bool) -> list[Row]:
    """Seconds to load, to run and to count false alarms; how many texts ended otherwise in pieces."""
    tests = TESTS // 10 if quick else TESTS
    return [row for secrets, bar in MIXES.items() for row in _measured(tests, secrets, bar)]


def _measured(tests: int, secrets: int, bar: float | None) -> list[Row]:
    text = policy(tests, secrets)
    began = time.perf_counter()
    guard = guard_for(parse(text))
    ready = time.perf_counter()
    spent, otherwise = asyncio.run(_run(guard))
    ran = time.perf_counter()
    asyncio.run(ordinary(guard))
    counted = time.perf_counter()
    sizes = [len(test.text) for test in guard.policy.tests]
    about = f"one value in {secrets} a secret; texts of {share(sizes, 0.5)} characters"
    return [
        Row("read and build the policy", ready - began, "s", note=f"{len(sizes)} tests"),
        Row(f"run {len(sizes)} tests", ran - ready, "s", bar, note=about),
        Row("a test, p50 / p99", median(spent) * 1000, "ms", note=f"p99 {share(spent, 0.99) * 1000:.0f} ms"),
        Row("texts that end otherwise in pieces", otherwise, "", 0, must=True),
        Row("false alarms counted", counted - ran, "s"),
    ]


async def _run(guard: Guard) -> tuple[Sequence[float], int]:
    spent, otherwise = [], 0
    began = time.perf_counter()
    async for outcome in run_tests(guard.policy, guard):
        otherwise += any("ends otherwise" in problem for problem in outcome.problems)
        spent.append(time.perf_counter() - began)
        began = time.perf_counter()
    return spent, otherwise


if __name__ == "__main__":
    command(__doc__, measure)
