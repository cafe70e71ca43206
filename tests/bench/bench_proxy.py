"""What our data path costs beside a bare pass-through: `python tests/bench/bench_proxy.py [--quick] [--long] [--json]`.

Both stand in front of the same mock provider, in turn in one run, on one core; provider and load client share another.
Ours: default policy both ways, keys and recording on; the pass-through (Starlette and aiohttp) does nothing. CPU is that of
the whole process tree, what is written to the database afterwards included. Every text is new unless a row says so.
Only ratios mean anything: absolute figures are this machine's. Each note has least and most of the rounds.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.chats import (
    LARGE,
    NEW_HISTORY,
    OLD_HISTORY,
    SAME,
    SHAPES,
    SMALL,
    VALUES,
    Chat,
    paced,
    stream,
)
from tests.bench.contest import (
    BARE,
    DIRECT,
    OURS,
    Contest,
    Ratio,
    Sample,
    added,
    at,
    bare,
    contest,
    cost,
    ours,
    ratio,
)
from tests.bench.report import Row, command, median

BOTH = (BARE, OURS)
ALL = (DIRECT, *BOTH)
CPU = {
    **{NEW_HISTORY: 2.5, OLD_HISTORY: 1.6, LARGE: 3.0, SAME: None},
    **{stream(shape): 1.7 for shape in SHAPES},
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure: seconds of a window, rounds that count, streams at once, requests before memory is read."""

    seconds: float
    rounds: int
    streams: int
    requests: int
    long: int = 0
    short: bool = False
    """Paced streams have 20 chunks and not 100, and one run of them tells everything."""


FULL, QUICK = Plan(1.5, 3, 32, 10_000), Plan(0.2, 1, 16, 0, short=True)


def measure(quick: bool, long: bool) -> Sequence[Row]:
    """Every row; `long` sends 100,000 requests more and looks at memory."""
    plan = QUICK if quick else FULL
    return measured(replace(plan, requests=10_000, long=100_000) if long else plan)


def measured(plan: Plan) -> list[Row]:
    """The same by a plan."""
    with tempfile.TemporaryDirectory() as folder, contest() as run:
        started = {
            entry.name: run.add(entry) for entry in (bare(run.provider), ours(run.provider, Path(folder)))
        }
        if run.failed:
            raise SystemExit(f"could not start: {run.failed}")
        rows = [*_rates(run, plan), *_costs(run, plan), *_latency(run, plan), *_streams(run, plan)]
        rows.append(
            Row(
                "start to first guarded answer",
                started[OURS],
                "s",
                note=f"pass-through {started[BARE]:.2f} s",
            )
        )
        if plan.requests:
            rows += _memory(run, plan)
        return rows


def row(name: str, found: Ratio, bar: float | None, least: bool = False) -> Row:
    """A ratio as a row."""
    return Row(name, found.value, "times", bar, least, note=found.note)


def _rates(run: Contest, plan: Plan) -> list[Row]:
    samples = run.rounds(SMALL, 8, plan.seconds, plan.rounds, ALL)
    direct = median([sample.rate for sample in samples.get(DIRECT, ())])
    return [
        Row("requests/s, small chat, the provider alone", direct, "/s"),
        row(
            "requests/s, small chat, 8 connections",
            ratio(samples, OURS, BARE, lambda s: s.rate, "/s"),
            0.7,
            least=True,
        ),
        row("CPU, small chat", cost(samples, OURS, BARE), None),
    ]


def _costs(run: Contest, plan: Plan) -> list[Row]:
    rows = []
    for chat, bar in CPU.items():
        samples = run.rounds(chat, 8, plan.seconds, plan.rounds, BOTH)
        rows.append(row(f"CPU, {chat.name}", cost(samples, OURS, BARE), bar))
        if chat is NEW_HISTORY:
            rows.append(_unmasked(run, chat))
    return rows


def _unmasked(run: Contest, chat: Chat) -> Row:
    run.turn(OURS, chat, 1, 5, 1)
    sent = run.asked("/last")
    there = sum(value in sent for value in VALUES.values())
    return Row("planted values that reached the provider", there, f"of {len(VALUES)}", 0, must=True)


def _latency(run: Contest, plan: Plan) -> list[Row]:
    samples = run.rounds(SMALL, 1, plan.seconds, plan.rounds, ALL)
    return [
        row(f"added {name}, one connection", added(samples, OURS, BARE, at(part, "waits")), 1.5)
        for name, part in (("p50", 0.5), ("p99", 0.99))
    ]


def _streams(run: Contest, plan: Plan) -> list[Row]:
    rows = []
    for shape in SHAPES:
        chat = paced(shape, plan.short)
        many = run.rounds(chat, plan.streams, plan.seconds, plan.rounds, ALL)
        few = many if plan.short else run.rounds(chat, 8, plan.seconds, plan.rounds, ALL)
        rows.append(row(f"added time to first text, {shape}", added(few, OURS, BARE, at(0.5, "first")), 1.5))
        whole = sum(sample.load.whole for sample in few.get(OURS, ()))
        rows.append(Row(f"answers held whole, {shape}", whole, bar=0, must=True))
        for name, part in (("p50", 0.5), ("p99", 0.99)):
            found = ratio(many, OURS, BARE, at(part, "delays"), "ms", 1000)
            rows.append(row(f"chunk delay {name}, {plan.streams} streams, {shape}", found, 1.5))
        rows.append(_arrived(many.get(OURS, ()), shape))
    return rows


def _arrived(samples: Sequence[Sample], shape: str) -> Row:
    came = sum(len(sample.load.delays) for sample in samples)
    sent = sum(sample.load.sent for sample in samples)
    return Row(
        f"chunks that came, {shape}",
        came / sent if sent else nan,
        bar=1,
        least=True,
    )


def _memory(run: Contest, plan: Plan) -> list[Row]:
    def after(name: str, requests: int) -> float:
        run.turn(name, SMALL, 8, 600, requests)
        return run.processes[name].memory()

    bare_size, size = (after(name, plan.requests) for name in BOTH)
    rows = [
        Row(
            f"memory after {plan.requests:,} requests more",
            size,
            "MB",
            note=f"pass-through {bare_size:.0f} MB",
        )
    ]
    if plan.long:
        grown = after(OURS, plan.long)
        rows.append(
            Row(
                f"memory after {plan.long:,} more, against that",
                grown / size,
                "times",
                1.1,
                note=f"{grown:.0f} MB",
            )
        )
    return rows


if __name__ == "__main__":
    command(__doc__, measure, {"long": "also 100,000 requests, and whether memory stays flat"})
