"""The reports of large runs: `python -m tests.bench.bench_eval_report [--quick] [--json]`.

Made-up runs of 500 cases asked three times and of 20,000 cases asked once, a tenth of which changed sides with texts of
120 words that share little. Each report is made in a fresh process, whose memory is told; the page is opened from disk
in Debian's chromium, from the call to the end of its load event.
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[2]))

from evals import html, report
from evals.run import (
    BaselineRef,
    Flip,
    GateMetric,
    GateResult,
    GateVerdict,
    GoldenRef,
    PromptRef,
    Run,
    RunCase,
    RunItem,
    ScorerRef,
    Summary,
    TargetRef,
)
from evals.types import Output, Score, Usage
from tests.bench.report import Row, command
from tests.browser.conftest import start

METRICS = ("exact", "f1", "groundedness", "recall@5")
WORDS = "the hire counter shuts half an hour before rest of shop so on a weekday last tool goes out refund order".split()  # noqa: SIM905
OPENS_MS, PAGE_MB, COMMENT = 1_000, 3.0, 60_000
ROUNDS = 5


def measure(quick: bool) -> Sequence[Row]:
    """The figures."""
    rows = [*_of(500, 3, quick), *([] if quick else _of(20_000, 1, quick))]
    return rows


def made(cases: int, repeats: int) -> Run:
    """A run that lost a tenth of its cases."""
    random = Random(1)

    def text() -> str:
        return " ".join(random.choice(WORDS) for _ in range(120))

    names = [f"case-{number:05}" for number in range(cases)]
    items = tuple(
        RunItem(
            name,
            "a" * 64,
            repeat,
            Output(text=text(), trace_id=f"{name}-{repeat}", latency_ms=100.0, usage=Usage(10, 20)),
            {metric: Score.of(random.random(), "because") for metric in METRICS},
        )
        for name in names
        for repeat in range(repeats)
    )
    golden, target = GoldenRef("made", "1.0.0", "0" * 64, cases), TargetRef("http", "http://x/v1", "m")
    flips = tuple(Flip(name, "f1", 0.9, 0.2, text(), text()) for name in names[::10])
    before = PromptRef("p", "v1", "1" * 64)
    baseline = BaselineRef(
        "b", "2026-01-01T00:00:00Z", golden, before, target, repeats, cases, 0, 0, (), flips
    )
    metric = GateMetric("f1", GateVerdict.BLOCK, "worse", 0.03, cases, 0.6, 0.5, -0.1, -0.12, -0.08, 0.001)
    return Run(
        id="r",
        created_at="2026-01-02T00:00:00Z",
        suite="made",
        golden=golden,
        prompt=PromptRef("p", "v2", "2" * 64),
        target=target,
        repeats=repeats,
        scorers=tuple(ScorerRef(name, "1") for name in METRICS),
        summary={name: Summary(0.5, cases, 0, 0.4, 0.6) for name in METRICS},
        items=items,
        cases=tuple(RunCase(name, "a" * 64, text()[:200], text()[:100]) for name in names),
        gate=GateResult(GateVerdict.BLOCK, "worse", (metric,)),
        baseline=baseline,
    )


def _of(cases: int, repeats: int, quick: bool) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            spent, grown, comment = pool.apply(_reported, (cases, repeats, str(page)))
        size = page.stat().st_size / 1e6
        opens = _opened(page, Path(folder) / "profile", 2 if quick else ROUNDS)
    of = f"{cases:,} cases x {repeats}"
    return [
        Row(f"{of}: page opens", opens, "ms", OPENS_MS, note="median, load event"),
        Row(f"{of}: page", size, "MB", PAGE_MB, must=True),
        Row(f"{of}: summary for a pull request", comment, "characters", COMMENT, must=True),
        Row(f"{of}: page, JUnit and summary are made in", spent, "s"),
        Row(f"{of}: memory that takes, beside the run", grown, "MB"),
    ]


def _reported(cases: int, repeats: int, page: str) -> tuple[float, float, int]:
    """Seconds, MB by which the process grew at most, and characters of the summary."""
    run = made(cases, repeats)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    Path(page).write_text(html.render(run), "utf-8")
    report.junit(run)
    comment = len(report.markdown(run))
    spent = time.perf_counter() - began
    return spent, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, comment


def _opened(page: Path, profile: Path, rounds: int) -> float:
    """Milliseconds until the page is loaded, the median."""
    browser = start(profile)
    try:
        found = []
        for _ in range(rounds):
            browser.get(page.as_uri())
            found.append(
                browser.execute_script("return performance.getEntriesByType('navigation')[0].loadEventEnd")
            )
        return float(statistics.median(found))
    finally:
        browser.quit()


if __name__ == "__main__":
    command(__doc__, measure)
