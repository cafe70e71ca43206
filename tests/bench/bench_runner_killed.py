"""An eval killed in the middle: `python tests/bench/bench_runner_killed.py [--quick] [--json]`.

An eval of 500 cases, three times each, 16 calls at a time, is killed (`SIGKILL`) at 20 random points and started again each time
with the same folder. Its own process tells, outside the journal, when a call is begun and when the runner says that an item is
kept. What was kept must never be asked again and must be in the end; the last report must be that of an eval that nobody killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.eval_sets import counts, mock, write
from tests.bench.processes import ROOT, module
from tests.bench.report import Row, command

SEED, REPEATS, AT_ONCE = 35, 3, 16


def measure(quick: bool) -> Sequence[Row]:
    """The figures."""
    n, kills = (60, 4) if quick else (500, 20)
    with tempfile.TemporaryDirectory() as name, mock() as whole, mock() as broken:
        folder = Path(name)
        golden = write(folder / "golden", n)
        _finished(told(whole, golden, folder / "whole"))
        killed = told(broken, golden, folder / "broken", str(folder / "witness"))
        points = sorted(Random(SEED).sample(range(n * REPEATS), kills))
        happened = sum(_killed_at(killed, point) for point in points)
        _finished(killed)
        lines = (folder / "witness").read_text().splitlines()
        first, second = (_report(folder / each) for each in ("whole", "broken"))
        asked = counts(broken)["calls"]
    return [
        Row("kills", happened, note=f"{n} cases x {REPEATS}, {AT_ONCE} calls at a time"),
        Row("kept and not in the last report", _lost(lines, second), "", 0, must=True),
        Row("kept and asked again", _repeated(lines), "", 0, must=True),
        Row(
            "fields of the report that differ",
            len(different(first, second)),
            "",
            0,
            must=True,
            note=_some(first, second),
        ),
        Row(
            "calls under way when killed, asked again",
            asked - n * REPEATS,
            "",
            happened * AT_ONCE,
            must=True,
            note="nobody had read their answers",
        ),
    ]


def told(url: str, golden: Path, out: Path, witness: str = "") -> dict[str, Any]:
    """What the process is told."""
    said = {"url": url, "golden": str(golden), "out": str(out), "repeats": REPEATS, "at_once": AT_ONCE}
    return said | ({"witness": witness} if witness else {})


def _started(said: dict[str, Any]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        module("eval_run", json.dumps(said)),
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )


def _finished(said: dict[str, Any]) -> None:
    if code := _started(said).wait():
        raise SystemExit(f"the eval ended with {code}")


def _killed_at(said: dict[str, Any], point: int) -> bool:
    """Whether the eval was killed once so many items were kept in its process or an earlier one; False: it was faster."""
    process, witness = _started(said), Path(said["witness"])
    while process.poll() is None:
        if witness.exists() and len(set(_kept(witness.read_text()))) >= point:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.002)
    return process.returncode == -signal.SIGKILL


def _kept(text: str) -> list[str]:
    return [line[5:] for line in text.splitlines() if line.startswith("kept ")]


def _repeated(lines: Sequence[str]) -> int:
    """Calls that were begun after their item was kept."""
    kept: set[str] = set()
    repeated = 0
    for line in lines:
        what, _, name = line.partition(" ")
        if what == "kept":
            kept.add(name)
        else:
            repeated += name in kept
    return repeated


def _lost(lines: Sequence[str], report: dict[str, Any]) -> int:
    """Items that were said to be kept, and have no answer in the end."""
    there = {f"{item['id']} {item['repeat']}" for item in report["items"] if item["output"]["text"]}
    return len(set(_kept("\n".join(lines))) - there)


def _report(folder: Path) -> dict[str, Any]:
    """The run document without what tells the time."""
    report: dict[str, Any] = json.loads((folder / "run.json").read_text("utf-8"))
    for name in ("id", "created_at", "target"):
        del report[name]
    del report["ledger"]["seconds"]
    for item in report["items"]:
        del item["output"]["latency_ms"]
    return report


def different(first: Any, second: Any, place: str = "") -> list[str]:
    """The places in which two JSON values differ."""
    if isinstance(first, dict) and isinstance(second, dict):
        names = sorted({*first, *second})
        return [
            each for name in names for each in different(first.get(name), second.get(name), f"{place}/{name}")
        ]
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        return [
            each
            for at, pair in enumerate(zip(first, second, strict=True))
            for each in different(*pair, f"{place}/{at}")
        ]
    return [] if first == second else [place]


def _some(first: dict[str, Any], second: dict[str, Any]) -> str:
    return ", ".join(different(first, second)[:3]) or "of run.json, but for timestamps and latencies"


if __name__ == "__main__":
    command(__doc__, measure)
