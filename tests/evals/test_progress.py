"""Progress: counts, rate, cost and time left, in a bar or in lines."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from evals import progress
from evals.ledger import Prices
from evals.progress import Meter, shown
from evals.run import RunItem
from evals.types import Output, Usage


def item(**output: object) -> RunItem:
    """One item."""
    return RunItem("c", "h", 0, Output(**output), {})  # type: ignore[arg-type]


def ticking(step: float) -> Iterator[float]:
    """A clock that goes on by a step each time it is read."""
    now = 0.0
    while True:
        yield now
        now += step


def test_the_state_is_told_in_words() -> None:
    """Errors, calls a second (tries count), tokens and cost without what the cache gave, and the time left."""
    clock = ticking(2)
    meter = Meter(100, Prices(1000.0, 2000.0), lambda: next(clock))
    meter.add(item(text="x", usage=Usage(30, 10)))
    meter.add(item(text="x", usage=Usage(30, 10), attempts=0))
    meter.add(item(error="down", attempts=3))

    assert str(meter) == "3/100, 1 error, 0.5 calls/s, 40 tokens, $0.0500, 4:19 left"


def test_the_rate_is_that_of_the_last_seconds() -> None:
    """A provider that slows down shows: 50 calls at once, then one every ten seconds."""
    times = iter([0.0, *[1.0] * 50, *(10.0 * place for place in range(1, 11)), 100.0])
    meter = Meter(1000, clock=lambda: next(times))
    for _ in range(60):
        meter.add(item(text="x"))

    assert str(meter) == "60/1,000, 0.1 calls/s, 156:40 left"


def test_nothing_is_guessed_before_the_first_answer_and_after_the_last() -> None:
    """No rate of nothing, no time left at the end."""
    clock = ticking(1)
    meter = Meter(1, clock=lambda: next(clock))

    assert str(meter) == "0/1"
    meter.add(item(text="x"))
    assert str(meter) == "1/1, 0.3 calls/s"


def test_where_nobody_watches_a_line_comes_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain lines, no bar."""
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    out = io.StringIO()

    with shown(2, console=Console(file=io.StringIO()), out=out) as told:
        told(item(text="x"))
        told(item(text="x"))

    assert [line[:11] for line in out.getvalue().splitlines()] == ["asking: 1/2", "asking: 2/2"]


def test_where_somebody_watches_there_is_a_bar() -> None:
    """On the console, and nothing in lines."""
    out, screen = io.StringIO(), io.StringIO()

    with shown(2, console=Console(file=screen, force_terminal=True, width=120), out=out) as told:
        told(item(text="x"))

    assert "1/2" in screen.getvalue()
    assert out.getvalue() == ""
