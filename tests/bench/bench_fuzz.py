"""Sends spoiled requests and answers through every route: `python -m tests.bench.bench_fuzz [--quick] [--json]`.

What must hold of each is in `tests/contract/fuzzed.py`. One minute, with --quick fifteen seconds, or as many seconds as FUZZ_SECONDS
says; each run begins at another seed, and tells those that failed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.report import Row, command
from tests.contract.fuzzed import ACTIONS, fuzz
from tests.contract.fuzzing import exchange


def measure(quick: bool) -> Sequence[Row]:
    """How many exchanges were made, and how many broke a rule."""
    logging.disable(logging.CRITICAL)
    made, failed = asyncio.run(_run(float(os.environ.get("FUZZ_SECONDS", "15" if quick else "60"))))
    return [
        Row("exchanges", made),
        Row("faults, hangs and leaks", len(failed), bar=0, must=True, note=", ".join(failed[:9])),
    ]


async def _run(seconds: float) -> tuple[int, list[str]]:
    seed, made, failed = time.time_ns() >> 20, 0, list[str]()
    until = time.monotonic() + seconds
    with ExitStack() as folders:
        proxies = {
            action: fuzz(Path(folders.enter_context(tempfile.TemporaryDirectory())), action)
            for action in ACTIONS
        }
        while time.monotonic() < until:
            seed += 1
            for action, proxy in proxies.items():
                made += 1
                try:
                    await proxy.check(exchange(seed))
                except Exception as error:  # whatever it is, it must not be
                    failed.append(f"{action} {seed} {type(error).__name__}")
    return made, failed


if __name__ == "__main__":
    command(__doc__, measure)
