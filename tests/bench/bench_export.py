"""Exports of traces: `python tests/bench/bench_export.py [--quick] [--json]`.

A database on SQLite of 100,000 traces (`--quick`: 2,000): chats of four messages with 2 KB of text, every third with
a tool call and hits. Each format is exported by the command line in a process of its own, to a file. Told are traces
a second, the process's greatest RSS, and that of one that exports a twentieth: flat memory does not know how many.
Also told: what the rollups add to a trace as it is stored, and how long a chart of 30 days takes to read.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from proxy.export.formats import MEDIA_TYPES
from proxy.store import db
from proxy.store.charts import Asked, chart
from proxy.store.db import Store, open_store, url_of
from proxy.store.derived import follow
from proxy.store.keyfile import load_key
from proxy.store.rollups import HOUR_US
from tests.bench.report import Row, command
from tests.proxy.store.test_rollups import NOON, trace

ROOT = Path(__file__).resolve().parents[2]
GROUP = 100
_GROWN_MB = 30.0
"""How much more memory twenty times the traces may take."""
_RUN = (
    "import sys, guardhouse; sys.argv[0] = 'guardhouse'\n"
    "try: guardhouse.main()\n"
    "except SystemExit as end: assert not end.code, end.code\n"
    # Not ru_maxrss: that begins with the memory of the process that started this one.
    "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
)


def one(number: int, of: int) -> dict[str, Any]:
    """A trace; all of them lie in 30 days."""
    text = f"{number} " + "word after word " * 30
    messages = [
        {"role": role, "content": f"{role} {text}"} for role in ("system", "user", "assistant", "user")
    ]
    more: dict[str, Any] = {}
    if number % 3 == 0:
        call = {
            "call_id": f"c{number}",
            "name": "search",
            "arguments": "{}",
            "result": "found",
            "state": "answered",
        }
        hit = {"rank": 1, "doc_id": "d", "score": 0.5, "text": text, "source": "inline"}
        more = {"tool_calls": [call], "retrieval": [hit], "found": []}
    return trace(
        more,
        id=f"{number:032x}",
        started_us=NOON + number * (30 * 24 * HOUR_US // of),
        model=f"model-{number % 5}",
        request={"model": "m", "messages": messages},
    )


def filled(folder: Path, traces: int) -> Store:
    """A store with so many traces."""
    store = open_store(url_of(folder, None), load_key(folder))
    for first in range(0, traces, GROUP):
        assert store.write([one(number, traces) for number in range(first, min(first + GROUP, traces))]) == []
    return store


def exported(folder: Path, format: str) -> tuple[float, float, int]:
    """Seconds, MB of RSS and bytes of an export."""
    file = folder / "out"
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _RUN, "traces", "export", "--format", format, "-o", str(file), "--data-dir", str(folder)],
        capture_output=True, text=True, cwd=ROOT, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return time.perf_counter() - began, int(done.stdout.split()[-1]) / 1024, file.stat().st_size


def counting(traces: int) -> float:
    """Microseconds of CPU that the rollups add to a trace, in groups of 100: the median of pairs of runs."""
    documents = [{**one(number, traces), "started_us": NOON + number} for number in range(traces)]

    def written(counted: bool) -> float:
        with tempfile.TemporaryDirectory() as name:
            store = open_store(url_of(Path(name), None), load_key(Path(name)))
            db.follow = follow if counted else lambda connection, fresh: None  # type: ignore[attr-defined]
            began = time.process_time()
            for first in range(0, traces, GROUP):
                store.write(documents[first : first + GROUP])
            spent = time.process_time() - began
            db.follow = follow  # type: ignore[attr-defined]
            store.close()
            return spent / traces * 1e6

    return statistics.median(-written(False) + written(True) for _ in range(3))


def measure(quick: bool) -> Sequence[Row]:
    """The figures."""
    traces = 2_000 if quick else 100_000
    few_traces = max(1_000, traces // 20)
    load = f"load of the machine {os.getloadavg()[0]:.1f} of {os.cpu_count()}"
    rows = [Row("rollups: CPU added to a trace stored", counting(1_000 if quick else 3_000), "us", note=load)]
    with tempfile.TemporaryDirectory() as small, tempfile.TemporaryDirectory() as large:
        filled(Path(small), few_traces).close()
        store = filled(Path(large), traces)
        began = time.perf_counter()
        told = chart(store, Asked("requests", "model", NOON, NOON + 30 * 24 * HOUR_US, "hour"))
        rows.append(
            Row("a chart of 30 days by the hour and model", (time.perf_counter() - began) * 1e3, "ms")
        )
        assert sum(each["total"] for each in told["series"]) == traces
        store.close()
        for format in MEDIA_TYPES:
            _, few, _ = exported(Path(small), format)
            seconds, most, size = exported(Path(large), format)
            rows += [
                Row(
                    f"{format}: {traces} traces",
                    traces / seconds,
                    "traces/s",
                    note=f"{size / traces:.0f} bytes each",
                ),
                Row(f"{format}: RSS", most, "MB"),
                Row(f"{format}: RSS beyond that of {few_traces}", most - few, "MB", _GROWN_MB),
            ]
    return rows


if __name__ == "__main__":
    command(__doc__, measure)
