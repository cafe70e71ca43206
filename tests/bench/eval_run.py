"""One eval as the product makes it, in a process that may be killed: `python -m tests.bench.eval_run JSON`.

The JSON says `url`, `golden` (folder), `out` (folder), and may say `repeats`, `at_once`, `timeout_s` and `witness`: a file that gets
a line when a call is begun (`asked ID REPEAT`) and when the runner says that an item is kept (`kept ID REPEAT`).
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from evals import suite
from evals.golden import load
from evals.opening import TargetSpec, open_target
from evals.prompts import read_prompt
from evals.run import RunItem, TargetRef
from evals.session import Setup, evaluate, write_reports
from evals.target import Target
from evals.types import Case, Output


class Witnessed:
    """A target whose calls are told before they are made."""

    def __init__(self, target: Target, tell: Callable[[str], None]) -> None:
        self._target, self._tell = target, tell
        self.probe, self.aclose = target.probe, target.aclose

    @property
    def ref(self) -> TargetRef:
        """The target's."""
        return self._target.ref

    async def ask(self, case: Case, repeat: int = 0) -> Output:
        """The target's."""
        self._tell(f"asked {case.id} {repeat}")
        return await self._target.ask(case, repeat)


async def evaluated(told: dict[str, Any]) -> float:
    """Asks, scores and writes the reports; gives the seconds of CPU between the first item that was kept and the last."""
    golden, out, within = Path(told["golden"]), Path(told["out"]), told.get("timeout_s", 60.0)
    target: Target = open_target(TargetSpec(base_url=told["url"], model="mock", timeout_s=within), "key")
    clock: list[float] = []

    def progress(item: RunItem) -> None:
        clock[min(len(clock), 1) :] = [time.process_time()]

    if "witness" in told:
        witness = os.open(told["witness"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def tell(line: str) -> None:
            os.write(witness, line.encode() + b"\n")

        target = Witnessed(target, tell)

        def progress(item: RunItem) -> None:
            tell(f"kept {item.id} {item.repeat}")

    chosen = suite.load(golden / "suite.yaml")
    prompt = read_prompt(None)[1]
    setup = Setup(
        chosen,
        load(golden),
        prompt,
        out,
        told.get("repeats", 1),
        told.get("at_once", 64),
        timeout_s=within + 5,
        watch=lambda total: nullcontext(progress),
    )
    try:
        run = await evaluate(setup, target)
    finally:
        await target.aclose()
    write_reports(run, out)
    return clock[-1] - clock[0] if clock else 0.0


def main() -> None:
    """Prints the CPU of asking in seconds and the peak of the process' memory in MB."""
    spent = asyncio.run(evaluated(json.loads(sys.argv[1])))
    print(json.dumps({"cpu": spent, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
