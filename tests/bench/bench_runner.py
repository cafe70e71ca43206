"""How fast an eval asks, and in how much memory: `python tests/bench/bench_runner.py [--quick] [--install] [--json]`.

1,000 items, three times each, 64 calls at a time, against a mock that answers after 50 ms: ideal is 3,000 x 50 ms / 64. `asking` is the
time that the run itself tells (calls, journal, scores); `command` is the whole process, start and reports included, which is
also what is taken of promptfoo and DeepEval, in turn with ours on the same items and mock. They are measured where they
are installed: `--install` fetches them with npm and pip. Last, 20,000 cases in one process, and the most memory it took.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evals.types import Case
from tests.bench import eval_peers
from tests.bench.eval_sets import cases, counts, mock, write
from tests.bench.processes import ROOT, module
from tests.bench.report import Row, command, median

REPEATS, AT_ONCE, DELAY_S = 3, 64, 0.05
PEERS = {"promptfoo": eval_peers.promptfoo, "deepeval": eval_peers.deepeval}


def measure(quick: bool, install: bool = False, lab: Path = eval_peers.LAB) -> Sequence[Row]:
    """The figures."""
    for problem in eval_peers.install(lab) if install else ():
        print(problem, file=sys.stderr)
    names = [name for name in PEERS if not quick and eval_peers.installed(lab, name)]
    return [
        *throughput(200 if quick else 1000, 1 if quick else 3, names, lab),
        *memory(2000 if quick else 20_000),
    ]


def throughput(n: int, rounds: int, names: Sequence[str], lab: Path) -> Iterator[Row]:
    """Seconds of asking and of the whole command, ours and the peers' in turn."""
    ideal = n * REPEATS * DELAY_S / AT_ONCE
    whole: dict[str, list[float]] = {name: [] for name in ("ours", *names)}
    asking: list[float] = []
    cpu: list[float] = []
    with tempfile.TemporaryDirectory() as name, mock(delay_s=DELAY_S) as url:
        folder = Path(name)
        items = cases(folder / "golden", n)
        for each in range(rounds):
            for who in whole:
                before, began = counts(url).get("calls", 0), time.perf_counter()
                if who == "ours":
                    out = folder / f"out{each}"
                    cpu.append(ours(url, folder / "golden", out, REPEATS)["cpu"])
                    asking.append(json.loads((out / "run.json").read_text("utf-8"))["ledger"]["seconds"])
                else:
                    peer(lab, who, url, items)
                whole[who].append(time.perf_counter() - began)
                if (made := counts(url)["calls"] - before) != n * REPEATS:
                    raise SystemExit(f"{who} made {made} calls instead of {n * REPEATS}")
    yield Row(
        "asking, against ideal",
        min(asking) / ideal,
        "times",
        1.25,
        note=_spread(asking, f"ideal {ideal:.2f} s, best"),
    )
    calls = n * REPEATS
    yield Row("CPU of a call", min(cpu) / calls * 1000, "ms", note="client, journal, scores; best")
    yield Row("command, ours", median(whole["ours"]), "s", note=_spread(whole["ours"], "median"))
    for who in names:
        yield Row(f"command, {who}", median(whole[who]), "s", note=_spread(whole[who], "median"))
        times = median(whole[who]) / median(whole["ours"])
        yield Row(f"{who} against ours", times, "times", 1, least=True)


def memory(n: int) -> Iterator[Row]:
    """The most that one process took from reading the set to the last report."""
    with tempfile.TemporaryDirectory() as name, mock(delay_s=0.0) as url:
        folder = Path(name)
        peak = ours(url, write(folder / "golden", n), folder / "out", 1)["memory"]
    yield Row(f"memory with {n:,} cases", peak, "MB", 250, note="peak of resident memory, reports included")


def ours(url: str, golden: Path, out: Path, repeats: int) -> dict[str, float]:
    """One eval in a process of its own: `cpu` of asking in seconds, and `memory`, the most that it took, in MB."""
    told = {"url": url, "golden": str(golden), "out": str(out), "repeats": repeats, "at_once": AT_ONCE}
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        module("eval_run", json.dumps(told)), cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def peer(lab: Path, name: str, url: str, items: Sequence[Case]) -> None:
    """The same by another runner. That items fail its assertion is no matter here."""
    pairs = [(item.question or "", item.expected.answer or "") for item in items]
    line = PEERS[name](lab, url, pairs, REPEATS, AT_ONCE)
    environment: Mapping[str, str] = eval_peers.environment(lab, name)
    with (lab / f"{name}.log").open("wb") as log:
        subprocess.run(line, cwd=lab / name, env=environment, stdout=log, stderr=log, check=False)


def _spread(values: Sequence[float], what: str) -> str:
    return f"{what} of {', '.join(f'{each:.2f}' for each in sorted(values))} s"


if __name__ == "__main__":
    command(__doc__, measure, {"install": "fetch promptfoo and DeepEval first"})
