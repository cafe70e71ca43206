"""Start-up: `python tests/bench/bench_start.py [--quick] [--json]`.

Each command in a process of its own, as a shell starts it, with warm file caches: `guardhouse --help`, and `guardhouse
eval compare` of two runs with 500 items each, three metrics of which two gate. Wall time, the best of several rounds in
which all take turns, and the least CPU time; beside it what `python -c pass` and `import typer` cost on this machine,
for a second here is no second elsewhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evals import document
from evals.run import Gating, Run
from tests.bench.processes import ROOT
from tests.bench.report import Row, command, interleaved
from tests.evals.conftest import make_run

ITEMS = 500
METRICS = ("exact", "f1", "contains")
ABSENT = ("torch", "litellm", "llama_index", "faiss", "pandas")
RUN = [sys.executable, "-m", "guardhouse"]


def example(seed: int) -> Run:
    """A run as a model gives it: it answers four of five rightly, in a paragraph."""
    luck = Random(seed)
    ids = [f"case-{at:04}" for at in range(ITEMS)]
    values = {metric: {name: [float(luck.random() < 0.8)] for name in ids} for metric in METRICS}
    texts = {name: " ".join(["An answer of some length."] * 10) for name in ids}
    return make_run(values, texts=texts, gating=(Gating("exact"), Gating("f1")))


def started(*words: str) -> None:
    """Runs it to its end; a comparison may end with a verdict."""
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    if done.returncode not in (0, 1, 3):
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}: {done.stderr}")


def heavy(*arguments: str) -> int:
    """How many of the absent ones a command loads after all."""
    program = (
        "import sys, json, os, guardhouse\n"
        "kept, sys.stdout = sys.stdout, open(os.devnull, 'w')\n"
        "try: guardhouse.main()\n"
        "except SystemExit: pass\n"
        f"print(json.dumps([name for name in {ABSENT!r} if name in sys.modules]), file=kept)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return len(json.loads(done.stdout))


def measure(quick: bool) -> Sequence[Row]:
    """The figures."""
    cpu: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, seed in (("baseline", 1), ("candidate", 2)):
            document.save(example(seed), Path(folder) / f"{name}.json")
            files.append(str(Path(folder) / f"{name}.json"))
        works = {
            "python": [sys.executable, "-c", "pass"],
            "typer": [sys.executable, "-c", "import typer"],
            "help": [*RUN, "--help"],
            "compare": [*RUN, "eval", "compare", *files],
            "import": [
                sys.executable,
                "-c",
                "import evals.golden, evals.gate, evals.session, evals.document",
            ],
        }

        def timed(name: str) -> None:
            before = os.times()
            started(*works[name])
            after = os.times()
            used = after.children_user + after.children_system - before.children_user - before.children_system
            cpu.setdefault(name, []).append(used)

        spent = interleaved(
            {name: lambda _, name=name: timed(name) for name in works}, 5 if quick else 15, time.perf_counter
        )
        best = {name: min(seconds) for name, seconds in spent.items()}
        absent = heavy("--help") + heavy("eval", "compare", *files)
    note = {name: f"{min(seconds):.2f} s of CPU" for name, seconds in cpu.items()}
    return [
        Row("`guardhouse --help`", best["help"], "s", 0.3, note=note["help"]),
        Row("  against `python -c pass`", best["help"] / best["python"], "times"),
        Row("  against `import typer`", best["help"] / best["typer"], "times"),
        Row(
            f"`eval compare` of two runs with {ITEMS} items", best["compare"], "s", 1.0, note=note["compare"]
        ),
        Row("  against `python -c pass`", best["compare"] / best["python"], "times"),
        Row("  against `import typer`", best["compare"] / best["typer"], "times"),
        Row("importing what evals are made of", best["import"], "s", 0.3, note=note["import"]),
        Row(f"of {', '.join(ABSENT)}: loaded by either", absent, "", 0, must=True),
    ]


if __name__ == "__main__":
    command(__doc__, measure)
