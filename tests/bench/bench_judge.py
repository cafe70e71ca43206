"""What becomes of a judge's bad replies: `python tests/bench/bench_judge.py [--quick] [--json]`.

An eval is run with the product's own command against a target and a judge on real sockets. One ruling in five is corrupted, in eight ways in
turn: first in every reply to it, then in the first reply only, so that the repair can mend it. Six ways say nothing that may become a number;
two, a fence and prose around the JSON, are to be read. Then the judge throttles, fails and hangs, and the run is made once more.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evals import document
from evals.run import Grading, Run
from tests.bench.eval_sets import guardhouse, write
from tests.bench.processes import ROOT
from tests.bench.report import Row, command
from tests.evals.judging.judge_server import BROKEN, RECOVERED, JudgeServer, Reply, said, serving, verdict

WAYS = [*RECOVERED.items(), *BROKEN.items()]
SHARE = 5
"""One ruling in so many is corrupted."""
_MATTER = re.compile(r"matter (\d+) of")


def target(request: dict[str, Any]) -> Reply:
    """Every second answer is right."""
    found = _MATTER.search(request["messages"][-1]["content"])
    number = int(found[1]) if found else 0
    text = f"It is matter {number} of the committee in spring." if number % 2 else "That is not known."
    return 200, said(text, model="target-1"), {}


def number(request: dict[str, Any]) -> int:
    """Which question a ruling is about."""
    found = _MATTER.search(request["messages"][1]["content"])
    return int(found[1]) if found else 0


def corrupted(place: int) -> str:
    """The way in which the ruling on a question is corrupted; empty when it is not."""
    return WAYS[place // SHARE % len(WAYS)][0] if place % SHARE == 0 else ""


def corrupting(once: bool) -> Any:
    """A judge that corrupts every reply to those rulings, or only the first."""
    ways = dict(WAYS)

    def script(request: dict[str, Any]) -> Reply:
        good, way = verdict(request), corrupted(number(request))
        if not way or (once and len(request["messages"]) > 2):
            return 200, said(good), {}
        return 200, said(ways[way](good)), {}

    return script


def failing() -> Any:
    """A judge that throttles 30 % of its calls and fails on 5 %."""
    random = Random(7)

    def script(request: dict[str, Any]) -> Reply:
        drawn = random.random()
        if drawn < 0.30:
            return 429, "", {"retry-after": "0.05"}
        if drawn < 0.35:
            return 500, "", {}
        return 200, said(verdict(request)), {}

    return script


def run(place: Path, asked: JudgeServer, judge: JudgeServer, out: str) -> Run:
    """One eval by the product's command."""
    told = ("--base-url", asked.base_url, "--model", "t", "--judge-url", judge.base_url, "--judge-model", "j")
    line = guardhouse("eval", "run", "--golden", place / "golden", *told, "--out", place / out)
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
    if not (place / out / "run.json").is_file():
        raise SystemExit(done.stderr)
    return document.load(place / out / "run.json")


def grading(told: Run) -> Grading:
    """What judging took."""
    assert told.grading is not None
    return told.grading


def by_way(told: Run) -> dict[str, list[float | None]]:
    """The values of the rulings that were corrupted, by way; those of the others under no name."""
    found: dict[str, list[float | None]] = {}
    for item in told.items:
        score = item.scores["answer_judged"]
        found.setdefault(corrupted(int(item.id.removeprefix("q"))), []).append(score.value)
    return found


def measure(quick: bool) -> Sequence[Row]:
    """The figures."""
    n = 200 if quick else 1000
    with tempfile.TemporaryDirectory() as name, serving(target) as asked, serving() as judge:
        place = Path(name)
        golden = write(place / "golden", n)
        (golden / "suite.yaml").write_text("name: bench\nscorers: [answer_judged]\n", "utf-8")
        judge.script = corrupting(once=False)
        always = run(place, asked, judge, "always")
        judge.script = corrupting(once=True)
        once = run(place, asked, judge, "once")
        judge.script, judge.requests = failing(), []
        hostile = run(place, asked, judge, "hostile")
        calls, judge.requests = len(judge.requests), []
        run(place, asked, judge, "hostile")
        again = len(judge.requests)
    values, mended = by_way(always), by_way(once)
    rows = []
    for way, _ in WAYS:
        scored = sum(value is not None for value in values[way])
        good = way in RECOVERED
        name = f"{way}: {'read' if good else 'became numbers'}"
        bar = len(values[way]) if good else 0
        later = sum(value is not None for value in mended[way])
        note = f"of {len(values[way])}; {later} where the repair is a good one"
        rows.append(Row(name, scored, "", bar, least=good, must=True, note=note))
    right = [float(place % 2) for place in range(n) if not corrupted(place)]
    off = sum(value != told for value, told in zip(values[""], right, strict=True))
    failed = sum(item.scores["answer_judged"].value is None for item in hostile.items)
    return [
        *rows,
        Row("other rulings that are off", off, "", 0, must=True, note=f"of {len(right)}"),
        Row("calls a ruling, 20 % corrupted", grading(always).calls / n, note="a refusal is not asked again"),
        Row("calls a ruling, 30 % throttled, 5 % failing", calls / n, "", 1.7, must=True),
        Row("rulings without a verdict then", failed, "", 0, must=True, note=f"of {n}"),
        Row("calls off the judge's own count", abs(calls - grading(hostile).calls), "", 0, must=True),
        Row("calls when that run is made again", again, "", 0, must=True),
    ]


if __name__ == "__main__":
    command(__doc__, measure)
