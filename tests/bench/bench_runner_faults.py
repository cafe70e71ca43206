"""An eval against a hostile provider: `python tests/bench/bench_runner_faults.py [--quick] [--json]`.

Of the calls 30 % are throttled with `Retry-After`, 5 % get a 500, 2 % never an answer, by chance and whatever the load is. Every item
must end with an answer or a reason, without a retry storm, and the run's ledger must say what the provider has counted itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evals import document
from tests.bench.eval_sets import counts, mock, write
from tests.bench.processes import ROOT, module
from tests.bench.report import Row, command

FAULTS = {"throttled": 0.30, "broken": 0.05, "hanging": 0.02, "retry_after": "0.05", "delay_s": 0.02}
TIMEOUT_S = 2.0


def measure(quick: bool) -> Sequence[Row]:
    """The figures."""
    n = 60 if quick else 1000
    with tempfile.TemporaryDirectory() as name, mock(**FAULTS) as url:
        folder = Path(name)
        golden = write(folder / "golden", n)
        told = {"url": url, "golden": str(golden), "out": str(folder / "out"), "timeout_s": TIMEOUT_S}
        subprocess.run(module("eval_run", json.dumps(told)), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        run, counted = document.load(folder / "out" / "run.json"), counts(url)
    ended = sum(bool(item.output.text) != bool(item.output.error) for item in run.items)
    ledger = run.ledger
    off = abs(ledger.attempts - counted["calls"])
    tokens = abs(ledger.prompt_tokens - counted["prompt_tokens"])
    tokens += abs(ledger.completion_tokens - counted["completion_tokens"])
    kinds = ", ".join(
        f"{counted.get(kind, 0)} {kind}" for kind in ("answered", "throttled", "broken", "hanging")
    )
    return [
        Row("items with an answer or a reason", ended, "", n, least=True, must=True, note=f"of {n}"),
        Row("items without an answer", ledger.failures, note="each with its reason"),
        Row("calls an item", counted["calls"] / n, "", 1.6, must=True, note=kinds),
        Row("ledger: calls off the provider's count", off, "", 0, must=True),
        Row("ledger: tokens off the provider's count", tokens, "", 0, must=True),
        Row(
            "seconds of asking",
            ledger.seconds,
            "s",
            note=f"Retry-After {FAULTS['retry_after']} s, {TIMEOUT_S:g} s a try",
        ),
    ]


if __name__ == "__main__":
    command(__doc__, measure)
