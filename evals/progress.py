"""How far a run is, on standard error: a bar where somebody watches, else a line every ten seconds."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from evals.ledger import Prices
from evals.run import RunItem

if TYPE_CHECKING:
    from rich.console import Console

EVERY_S = 10.0
"""Seconds between lines where nobody watches."""
WINDOW_S = 30.0
"""Over how many seconds the rate is taken: a provider that slows down shows."""


class Meter:
    """Counts items as they come, and tells how fast they do.

    Args:
        total: items there will be.
        prices: of the model; without them no cost is told.
        clock: seconds.
    """

    def __init__(
        self, total: int, prices: Prices | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total, self.done, self.errors, self.tokens = total, 0, 0, 0
        self._prices, self._clock = prices, clock
        self._usd, self._calls = 0.0, 0
        self._seen: deque[tuple[float, int, int]] = deque([(clock(), 0, 0)])

    def add(self, item: RunItem) -> None:
        """Counts one item."""
        output = item.output
        self.done += 1
        self.errors += bool(output.error)
        self._calls += output.attempts
        if output.usage is not None and output.attempts:
            self.tokens += output.usage.prompt_tokens + output.usage.completion_tokens
            if self._prices is not None:
                self._usd += self._prices.usd(output.usage.prompt_tokens, output.usage.completion_tokens)
        now = self._clock()
        if now - self._seen[-1][0] >= 1:
            self._seen.append((now, self.done, self._calls))
            while now - self._seen[1][0] > WINDOW_S:
                self._seen.popleft()

    def __str__(self) -> str:
        """The state in words, e.g. `40/90, 2 errors, 13.1 calls/s, 1,200 tokens, $0.0123, 0:04 left`."""
        then, done, calls = self._seen[0]
        spent = self._clock() - then
        told = [f"{self.done:,}/{self.total:,}"]
        if self.errors:
            told.append(f"{self.errors:,} errors" if self.errors > 1 else "1 error")
        if spent > 0 and self._calls > calls:
            told.append(f"{(self._calls - calls) / spent:.1f} calls/s")
        if self.tokens:
            told.append(f"{self.tokens:,} tokens")
        if self._prices is not None:
            told.append(f"${self._usd:.4f}")
        if spent > 0 and self.done > done and self.done < self.total:
            left = round((self.total - self.done) * spent / (self.done - done))
            told.append(f"{left // 60}:{left % 60:02} left")
        return ", ".join(told)


@contextmanager
def shown(
    total: int, prices: Prices | None = None, console: Console | None = None, out: TextIO | None = None
) -> Iterator[Callable[[RunItem], None]]:
    """Shows the run while the block runs; what it gives is the run's `progress`.

    Args:
        total: items there will be.
        prices: of the model, for the cost so far.
        console: where the bar goes; default: standard error.
        out: where lines go where nobody watches; default: standard error.
    """
    from rich.console import Console

    meter, where = Meter(total, prices), console or Console(stderr=True)
    with _bar(meter, where) if where.is_terminal else _lines(meter, out or sys.stderr) as show:

        def progress(item: RunItem) -> None:
            meter.add(item)
            show()

        yield progress


@contextmanager
def _bar(meter: Meter, console: Console) -> Iterator[Callable[[], None]]:
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("asking"), BarColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(str(meter), total=meter.total)
        shown_at = 0.0

        def show() -> None:
            nonlocal shown_at
            if (now := time.monotonic()) - shown_at >= 0.1:
                shown_at = now
                bar.update(task, completed=meter.done, description=str(meter))

        yield show


@contextmanager
def _lines(meter: Meter, out: TextIO) -> Iterator[Callable[[], None]]:
    told_at = time.monotonic()

    def show() -> None:
        nonlocal told_at
        if (now := time.monotonic()) - told_at >= EVERY_S:
            told_at = now
            print(f"asking: {meter}", file=out, flush=True)

    yield show
