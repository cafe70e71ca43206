"""Detectors that break in the middle of a request, and a proxy in front of a provider that must not notice."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from guardrails.check import BUILT_IN, Check
from guardrails.types import Segment, Span
from tests.proxy.test_pipeline import ask, chat
from tests.servers import Running, Upstream, make_app, served

FAULTS = ("killed", "exits", "hangs", "raises", "offsets", "counts", "floods")
"""What the detector does when a text says so."""
LONG = 70_000
"""Characters of a text that is scanned in a thread."""


def fragile() -> Check:
    """A check of somebody else's: it runs in a process of its own, and breaks as the text says."""

    async def check(segments: Sequence[Segment], /) -> list[list[Span]]:
        found: list[list[Span]] = [[] for _ in segments]
        for segment in segments:
            fault = segment.text.split()[0] if segment.text else ""
            if fault == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            elif fault == "exits":
                os._exit(0)
            elif fault == "hangs":
                time.sleep(60)
            elif fault == "raises":
                raise ValueError(segment.text)
            elif fault == "offsets":
                found[0] = [Span(5, 10_000, "X")]
            elif fault == "counts":
                return []
            elif fault == "floods":
                return [[Span(0, 1, "X" * 1000)] * 100_000 for _ in segments]
        return found

    return check


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the requests that met a fault."""

    requests: int
    refused: int
    """Answered with an error."""
    upstream: int
    """Requests that the provider was sent."""
    recorded: int
    """Traces with a failure of the rule."""
    leaks: int
    """Answers and traces that hold the text."""


@contextmanager
def proxied(folder: Path, upstream: Upstream, mode: str) -> Iterator[Running]:
    """A proxy whose policy has the fragile detector, and one that looks at long texts, in that mode."""
    rules = [
        {"id": "fragile", "check": "fragile", "action": "block", "timeout_ms": 300},
        {"id": "words", "check": "words", "with": {"deny": ["kryptonite"]}, "action": "block"},
    ]
    for rule in rules:
        rule.update(stages=["input"], mode=mode)
    policy = json.dumps({"name": "faults", "rules": rules})
    root = str(Path(__file__).parents[2])
    with (
        patch.dict(BUILT_IN, fragile="tests.acceptance.faults:fragile"),
        patch.object(sys, "path", [root, *sys.path]),
        served(make_app(folder, f"http://127.0.0.1:{upstream.port}/v1", policy)) as running,
    ):
        yield running


_number = itertools.count()


def meet(running: Running, upstream: Upstream, fault: str, times: int) -> Outcome:
    """Sends requests whose text makes the detector break, two at a time."""
    upstream.reset()
    running.recorder.forget()
    if fault == "pool":
        running.app.context.policies.guard._threads.shutdown()

    def one(_: int) -> tuple[int, str]:
        text = f"{fault} topsecret{next(_number)} " + ("x" * LONG if fault == "pool" else "")
        answer = ask(running, chat({"role": "user", "content": text}))
        return answer.status, answer.body.decode()

    with ThreadPoolExecutor(2) as callers:
        answers = list(callers.map(one, range(times)))
    _until(lambda: len(running.recorder.documents) >= times)
    failed = [document for document in running.recorder.documents if document["failures"]]
    errors = [body for status, body in answers if status >= 400]
    return Outcome(
        requests=times,
        refused=len(errors),
        upstream=len(upstream.bodies),
        recorded=len(failed),
        leaks=sum("topsecret" in body for body in errors)
        + sum("topsecret" in json.dumps(document["failures"]) for document in failed),
    )


def _until(reached: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not reached() and time.monotonic() < until:
        time.sleep(0.01)
