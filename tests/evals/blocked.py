"""A run that lost ten of thirty cases, with hostile texts: what tests of reports look at."""

from __future__ import annotations

from dataclasses import replace

from evals.gate import judge
from evals.run import Flaky, Gating, Quarantined, Run, RunCase, Slice
from tests.evals.conftest import make_run, missing

HOSTILE = (
    "</pre><script>alert(1)</script> [red]x[/red] | `cmd` \x1b[31m \x00 \ufffe \ud800 \u202e @everyone ]]>"
)


def blocked(
    texts: tuple[str, str] = ("Refunds take five days.", "Refunds take ten days."), **fields: object
) -> Run:
    """Judged against its baseline; both texts are of the first case, all others are hostile."""
    names = [f"c{n}" for n in range(30)]
    hostile = dict.fromkeys(names, HOSTILE)
    before = make_run({"exact": {name: [1.0] for name in names}}, id="old", texts=hostile | {"c0": texts[0]})
    values = {name: [float(n >= 10)] for n, name in enumerate(names)}
    after = make_run(
        {"exact": values, "f1": {**values, "c29": [missing()]}},
        gating=[Gating("exact")],
        texts=hostile | {"c0": texts[1]},
        suite=HOSTILE,
        cases=(RunCase("c0", "sha-c0", "How long?", "five days"), RunCase("c1", "sha-c1", HOSTILE, HOSTILE)),
    )
    judged = judge(after, before)
    part = Slice("refunds", "exact", 12, 0.5, 0.75, -0.25, -0.5, -0.01)
    told = {
        "gate": replace(judged.gate, slices=(part,)),
        "flaky": (Flaky("c7", "exact", 1, 2),),
        "quarantined": (Quarantined("c99", "sam", "2025-12-31", "waits for prices"),),
    }
    return replace(judged, **(told | fields))  # type: ignore[arg-type]


def sunk(**fields: object) -> Run:
    """Blocked by a loss in every case of which none crosses the pass mark, with one gain; with texts of the worst."""
    names = [f"c{n:02}" for n in range(30)]
    texts = {"c00": "Refunds take five days."}, {"c00": "Refunds take ten days."}
    before = make_run({"f1": {key: [0.9] for key in names}}, id="old", texts=texts[0])
    values = {name: [0.6 + n / 100] for n, name in enumerate(names)} | {"c29": [0.95]}
    after = make_run({"f1": values}, gating=[Gating("f1")], texts=texts[1], **fields)
    return judge(after, before)


def failed() -> Run:
    """Invalid: three calls of thirty failed."""
    values = {f"c{n:02}": [1.0] for n in range(30)}
    lost = {f"c{n:02}": [missing()] for n in range(3)}
    run = make_run({"exact": values | lost}, gating=[Gating("exact")], errors=sorted(lost))
    return judge(run, make_run({"exact": values}))
