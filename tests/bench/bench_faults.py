"""Breaks a detector in the middle of requests: `python -m tests.bench.bench_faults [--quick] [--json]`.

Through the proxy and a provider on real sockets, two callers at a time. Enforced, every request must be refused and
the provider must be sent nothing; in shadow mode every request must be served and the failure recorded.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.acceptance.faults import FAULTS, Outcome, meet, proxied
from tests.bench.report import Row, command
from tests.servers import Upstream


def measure(quick: bool) -> Sequence[Row]:
    """The shares over all faults."""
    times = 2 if quick else 20
    upstream = Upstream()
    met: dict[str, list[Outcome]] = {}
    for mode in ("enforce", "shadow"):
        with tempfile.TemporaryDirectory() as folder, proxied(Path(folder), upstream, mode) as running:
            met[mode] = [meet(running, upstream, fault, times) for fault in (*FAULTS, "pool")]
    upstream.stop()
    return [
        _row("enforced: refused", met["enforce"], "refused"),
        Row(
            "enforced: requests at the provider",
            sum(one.upstream for one in met["enforce"]),
            bar=0,
            must=True,
        ),
        _row("enforced: recorded with the failure", met["enforce"], "recorded"),
        _row("shadow: served", met["shadow"], "upstream"),
        _row("shadow: recorded with the failure", met["shadow"], "recorded"),
        Row(
            "texts in errors and failures",
            sum(one.leaks for each in met.values() for one in each),
            bar=0,
            must=True,
        ),
    ]


def _row(name: str, outcomes: Sequence[Outcome], of: str) -> Row:
    requests = sum(one.requests for one in outcomes)
    share = 100 * sum(getattr(one, of) for one in outcomes) / requests
    return Row(name, share, "%", 100, least=True, must=True, note=f"{requests} requests")


if __name__ == "__main__":
    command(__doc__, measure)
