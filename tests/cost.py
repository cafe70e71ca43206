"""What work costs, in a way that says the same on a slow machine and on a fast one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

USUAL_SECONDS = 0.005
"""Processor seconds that the yardstick takes on a usual machine."""


def least(work: Callable[[], object], times: int = 3) -> float:
    """Processor seconds of this thread that some work takes when the machine disturbs it least."""
    spent = []
    for _ in range(times):
        began = time.thread_time()
        work()
        spent.append(time.thread_time() - began)
    return min(spent)


class Spent:
    """What was spent between two moments."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """Processor seconds of a usual machine: as many as this one took, for how much slower it is just now."""


@contextmanager
def metered(clock: Callable[[], float] = time.thread_time) -> Iterator[Spent]:
    """Measures what runs inside; a yardstick before and after says how fast the machine is."""
    spent, slow = Spent(), slowness()
    began = clock()
    yield spent
    spent.seconds = (clock() - began) / max(slow, slowness())


def slowness() -> float:
    """How often as long as on a usual machine a piece of work takes just now that is always the same."""
    return least(_yardstick) / USUAL_SECONDS


def _yardstick() -> None:
    counts: dict[str, int] = {}
    for number in range(20_000):
        word = str(number * 7919 % 1009)
        counts[word] = counts.get(word, 0) + len(word)
    text = " ".join(counts) * 20
    assert len(re.findall(r"\d+ [1-9]", text)) > 1000
    assert text.casefold().count("9 ") > 1000
