"""Measures a check in a process of its own: `python tests/bench/bench_isolation.py` from the repository root.

Prints the microseconds of one call there and in this process, the milliseconds until such a process is ready, and
the memory it holds, for a check that finds nothing.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from guardrails.check import BUILT_IN, Check, build
from guardrails.isolation import isolate
from guardrails.types import Segment, Span, Stage


def idle() -> Check:
    """A check that finds nothing and costs nothing."""

    async def check(segments: Sequence[Segment], /) -> list[list[Span]]:
        return [[] for _ in segments]

    return check


async def microseconds(check: Check, text: str, times: int) -> tuple[float, float]:
    """Median and 99th percentile of one call."""
    asked, taken = [Segment(text, "/messages/0/content", Stage.INPUT)], []
    for _ in range(times):
        begin = time.perf_counter()
        await check(asked)
        taken.append((time.perf_counter() - begin) * 1_000_000)
    taken.sort()
    return statistics.median(taken), taken[int(times * 0.99) - 1]


def resident(pid: int) -> float:
    """Megabytes of memory that a process holds."""
    [line] = [each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in each]
    return int(line.split()[1]) / 1024


async def main() -> None:
    """Prints the table."""
    sys.path.insert(0, str(Path(__file__).parent))
    BUILT_IN["idle"] = "bench_isolation:idle"
    began = time.perf_counter()
    apart = isolate("idle", {}, limit=10)
    assert apart is not None
    ready = (time.perf_counter() - began) * 1000
    process = apart._worker._process
    assert process is not None
    print(f"ready after {ready:.0f} ms, {resident(process._popen.pid):.0f} MB")
    for size, times in ((100, 3000), (4096, 3000), (100_000, 500), (1_000_000, 50), (10_000_000, 10)):
        here = await microseconds(build("idle", {}), "x" * size, times)
        there = await microseconds(apart, "x" * size, times)
        print(
            f"{size:>10,} characters: here p50 {here[0]:.1f} us; apart p50 {there[0]:.0f} us, p99 {there[1]:.0f} us"
        )
    await apart.aclose()


if __name__ == "__main__":
    asyncio.run(main())
