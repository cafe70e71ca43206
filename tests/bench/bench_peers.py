"""Ours beside other gateways, their guardrails off and ours on.

    python tests/bench/bench_peers.py --peers litellm,portkey,nginx     installs what is missing, then measures
    python tests/bench/bench_peers.py [--quick] [--json]                measures what is installed

All stand in front of the same mock provider and are asked in turn in one run, on one core; provider and load client share
another. Peers: litellm, portkey, nginx, mlflow, nemo. Only ratios mean anything; each note has least and most of the rounds.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.chats import LARGE, NEW_HISTORY, OLD_HISTORY, SHAPES, SMALL, paced, stream
from tests.bench.contest import (
    BARE,
    DIRECT,
    OURS,
    Contest,
    Entry,
    Ratio,
    Sample,
    Samples,
    added,
    at,
    bare,
    contest,
    cost,
    ours,
    ratio,
    ratio_of,
)  # fmt: skip
from tests.bench.load import Refused
from tests.bench.peers import PEERS
from tests.bench.report import Row, as_document, table

LAB = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "guardhouse-bench"
CHATS = (NEW_HISTORY, OLD_HISTORY, LARGE, stream(SHAPES[0]))


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure: seconds of a window, rounds that count, starts, requests before memory is read."""

    seconds: float = 1.5
    rounds: int = 3
    starts: int = 3
    requests: int = 10_000


QUICK = Plan(0.5, 1, 1, 300)


def measured(lab: Path, names: Sequence[str], plan: Plan) -> tuple[list[Row], dict[str, str]]:
    """The rows, and what failed with its reason."""
    with contest() as run, tempfile.TemporaryDirectory() as data:
        provider = f"http://127.0.0.1:{run.provider}"
        entries = [
            bare(run.provider),
            ours(run.provider, Path(data)),
            *(PEERS[name].entry(lab / name, provider) for name in names),
        ]
        started = _started(run, entries, plan.starts, lab)
        _say(f"up: {', '.join(run.processes)}")
        rows = [*_small(run, names, plan), *_costs(run, names, plan), *_waits(run, names, plan)]
        for name in names:
            pairs = list(zip(started[OURS], started[name], strict=False))
            bar = 1 / 8 if name == "litellm" else None
            rows.append(_row("start to first answer", name, ratio_of(pairs, "s", 1), bar))
        rows += _memory(run, names, plan)
        return rows, run.failed


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def _row(what: str, name: str, found: Ratio, bar: float | None = None, least: bool = False) -> Row:
    return Row(f"{what}, against {name}", found.value, "times", bar, least, note=found.note)


def _started(run: Contest, entries: Sequence[Entry], rounds: int, lab: Path) -> dict[str, list[float]]:
    """Seconds to the first answer, in turn; in the end all are running."""
    found: dict[str, list[float]] = {entry.name: [] for entry in entries}
    for _ in range(rounds):
        for entry in entries:
            run.remove(entry.name)
            found[entry.name].append(run.add(entry, lab / f"{entry.name}.log"))
    return found


def _small(run: Contest, names: Sequence[str], plan: Plan) -> Iterator[Row]:
    _say("small chat")
    samples = run.rounds(SMALL, 8, plan.seconds, plan.rounds, (BARE, OURS, *names))
    for name in (BARE, *names):
        bar = 0.7 if name == BARE else PEERS[name].rate
        found = ratio(samples, OURS, name, lambda sample: sample.rate, "/s")
        yield _row("requests/s, small chat, 8 connections", name, found, bar, least=True)
    yield from _cpu("small chat", samples)


def _cpu(what: str, samples: Samples) -> Iterator[Row]:
    for name in samples:
        if name != OURS:
            yield _row(f"CPU, {what}", name, cost(samples, OURS, name))


def _costs(run: Contest, names: Sequence[str], plan: Plan) -> Iterator[Row]:
    for chat in CHATS:
        _say(chat.name)
        yield from _cpu(chat.name, run.rounds(chat, 8, plan.seconds, plan.rounds, (BARE, OURS, *names)))


def _waits(run: Contest, names: Sequence[str], plan: Plan) -> Iterator[Row]:
    _say("waits")
    every = (DIRECT, BARE, OURS, *names)
    samples = run.rounds(SMALL, 1, plan.seconds, plan.rounds, every)
    yield from _added("added p50, one connection", samples, "waits", {"litellm": 1 / 25, BARE: 1.5})
    samples = run.rounds(paced(SHAPES[0], short=False), 8, plan.seconds, plan.rounds, every)
    yield from _added("added time to first text", samples, "first", {BARE: 1.5})


def _added(
    what: str, samples: Mapping[str, Sequence[Sample]], of: str, bars: Mapping[str, float]
) -> Iterator[Row]:
    for name in samples:
        if name not in (DIRECT, OURS):
            yield _row(what, name, added(samples, OURS, name, at(0.5, of)), bars.get(name))


def _memory(run: Contest, names: Sequence[str], plan: Plan) -> Iterator[Row]:
    sizes = {}
    for name in (OURS, *(name for name in names if name in run.processes)):
        _say(f"{plan.requests:,} requests to {name}")
        try:
            run.turn(name, SMALL, 8, 600, plan.requests)
            sizes[name] = run.processes[name].memory()
        except (Refused, OSError) as problem:
            run.failed[f"{name}, memory"] = str(problem)[:200]
    for name in names:
        found = ratio_of([(sizes.get(OURS, nan), sizes.get(name, 0))], "MB", 1)
        yield _row(
            f"memory after {plan.requests:,} requests more", name, found, 1 / 3 if name == "litellm" else None
        )


def main() -> None:
    """Install what is asked for by name, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", help=f"of {', '.join(PEERS)}; what is missing is installed")
    parser.add_argument(
        "--lab", type=Path, default=LAB, help="folder of their environments (default: %(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="short windows, one round")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    options = parser.parse_args()
    lab, began = options.lab.resolve(), time.perf_counter()
    names = (
        options.peers.split(",")
        if options.peers
        else [name for name, peer in PEERS.items() if peer.installed(lab)]
    )
    if unknown := [name for name in names if name not in PEERS]:
        parser.error(f"unknown: {', '.join(unknown)}")
    for name in names:
        if not PEERS[name].installed(lab):
            PEERS[name].install(lab)
    if not set(names) - {"nginx"} and not options.peers:
        print(
            f"no peer in {lab}, nothing measured; to install and measure: bench_peers.py --peers litellm,portkey,nginx"
        )
        return
    lab.mkdir(parents=True, exist_ok=True)
    rows, failed = measured(lab, names, QUICK if options.quick else Plan())
    spent = time.perf_counter() - began
    print(as_document(rows, spent) if options.json else f"{table(rows)}\n{spent:.0f} seconds")
    for what, why in failed.items():
        _say(f"failed: {what}: {why}")


if __name__ == "__main__":
    main()
