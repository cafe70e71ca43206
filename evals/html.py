"""A run as one HTML file that opens offline: no script, nothing from elsewhere, everything escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals import cases, facts, plots, words
from evals.compare import MOST_GAINS, MOST_LOSSES, graded
from evals.facts import Flipped, plain, visible
from evals.run import GateMetric, Run

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"
MOST_ROWS = 300
"""Rows of a table; how many more there are is told."""
MOST_FLIPS = 200
"""Cases that changed sides and are shown word by word."""
MOST_TEXT = 6_000
"""Characters of each of two texts that are compared."""
_CODES = re.compile("‹U\\+[0-9A-F]{4,6}(?: U\\+[0-9A-F]{4,6})*(?: and [0-9]+ more)?›")


@dataclass(frozen=True, slots=True)
class Gate:
    """One metric of the gate as the page shows it."""

    metric: GateMetric
    interval: plots.Interval | None
    row: list[str]


@dataclass(frozen=True, slots=True)
class FlippedCase:
    """A case that changed, with its words compared."""

    flip: Flipped
    before: tuple[tuple[str, bool], ...]
    """The baseline's text in pieces, and whether this run's has something else there."""
    after: tuple[tuple[str, bool], ...]
    question: str
    expected: str
    traces: tuple[tuple[str, str], ...]


def render(run: Run) -> str:
    """The whole page."""
    page = _templates().get_template("report.html").render(**_page(run))
    return page.encode("utf-8", "replace").decode("utf-8")


@cache
def _templates() -> Environment:
    """The templates, compiled once."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["plain"] = shown
    found.filters["bare"] = plain
    found.filters["marked"] = marked
    return found


def shown(text: str, limit: int = 4000) -> Markup:
    """A text as HTML, cut at a limit, with codes for the signs that nobody would see. Not for attributes."""
    return marked(plain(visible(text[: 2 * limit]), limit))


def marked(text: str) -> Markup:
    """A text as HTML in which the codes of unseen signs are dimmed."""
    from markupsafe import Markup, escape

    return Markup(_CODES.sub(r'<span class="sign">\g<0></span>', str(escape(text))))  # noqa: S704  (escaped)


def gates(run: Run, *, gating: bool) -> list[Gate]:
    """The metrics that gate, or those that are only reported. Those with the scale of 0 to 1 share an axis."""
    metrics = [metric for metric in run.gate.metrics if metric.gating is gating]
    higher, shared = facts.better_when_higher(run), graded(run)
    together = [metric for metric in metrics if metric.metric in shared]
    axis = plots.reach(together, [metric.margin for metric in together if gating])
    found = []
    for metric in metrics:
        margin = metric.margin if gating and metric.margin > 0 else None
        reach = axis if metric.metric in shared else plots.reach([metric], [margin or 0.0])
        up = higher.get(metric.metric, True)
        drawn = plots.interval(metric, reach, higher_is_better=up, margin=margin)
        found.append(Gate(metric, drawn, facts.gate_row(metric, run)))
    return found


def flipped(run: Run) -> list[FlippedCase]:
    """The cases that changed sides, as many as the page shows."""
    return _compared(run, facts.flipped(run)[:MOST_FLIPS])


def moved(run: Run) -> list[FlippedCase]:
    """The cases that changed most without that, as many as the page shows."""
    return _compared(run, facts.moved(run)[:MOST_FLIPS])


def _compared(run: Run, wanted: Sequence[Flipped]) -> list[FlippedCase]:
    described = {case.id: case for case in run.cases}
    ids = {each.id for each in wanted}
    traces: dict[str, list[tuple[str, str]]] = {}
    for item in run.items:
        if item.id in ids and item.output.trace_id:
            traces.setdefault(item.id, []).append((item.output.trace_id, facts.trace_url(run, item.output)))
    found = []
    for each in wanted:
        texts = [plain(visible(text[:MOST_TEXT]), MOST_TEXT) for text in (each.before_text, each.after_text)]
        pieces = words.diff(*texts)
        before = tuple((text, kind == words.GONE) for kind, text in pieces if kind != words.NEW)
        after = tuple((text, kind == words.NEW) for kind, text in pieces if kind != words.GONE)
        case = described.get(each.id)
        question, expected = (case.question, case.expected) if case else ("", "")
        found.append(FlippedCase(each, before, after, question, expected, tuple(traces.get(each.id, ()))))
    return found


def _page(run: Run) -> dict[str, Any]:
    """What the template is given."""
    every = facts.flipped(run)
    slices = [
        (facts.slice_row(part), plots.interval(part, _slice_reach(run, part.metric), higher_is_better=up))
        for part in run.gate.slices[:MOST_ROWS]
        for up in [facts.better_when_higher(run).get(part.metric, True)]
    ]
    unscored = facts.unscored_rows(run)
    return {
        "run": run,
        "exit_code": facts.exit_code(run),
        "heading": facts.heading(run),
        "tiles": _tiles(run, every),
        "identities": facts.identities(run),
        "differences": run.baseline.differences if run.baseline else (),
        "compared": facts.compared(run),
        "detectable": facts.detectable(run),
        "gating": gates(run, gating=True),
        "reported": gates(run, gating=False),
        "summary": [_score(run, name) for name in run.summary],
        "advisory": facts.advisory_lines(run),
        "slices": slices,
        "flips": flipped(run),
        "n_flips": len(every),
        "moved": moved(run),
        "failed": facts.failed_because(run),
        "unscored_groups": facts.unscored_groups(run)[:MOST_ROWS],
        "missing": facts.missing(run),
        "unscored": unscored[:MOST_ROWS],
        "n_unscored": len(unscored),
        "cost": facts.cost_rows(run),
        "shown": cases.shown(run),
        "most": MOST_ROWS,
        "most_losses": MOST_LOSSES,
        "most_gains": MOST_GAINS,
        "plot": {"width": plots.WIDTH, "height": plots.HEIGHT, "axis": plots.AXIS},
    }


def _score(run: Run, name: str) -> tuple[list[str], str, list[plots.Bar]]:
    """A metric's row, the baseline's mean, and its histogram."""
    before = run.baseline.means.get(name) if run.baseline else None
    row = facts.summary_row(facts.named(run, name), run.summary[name])
    return row, facts.number(before), plots.histogram(run, name)


def _slice_reach(run: Run, metric: str) -> float:
    return plots.reach(part for part in run.gate.slices if part.metric == metric)


def _tiles(run: Run, flips: Sequence[Flipped]) -> list[tuple[str, str, str]]:
    """The numbers that are looked at first: name, value, what it says besides."""
    found = []
    if run.baseline and run.baseline.compared:
        lost = sum(bool(each.lost) for each in flips)
        found.append(("Compared", f"{run.baseline.compared:,}", "cases that are identical in both runs"))
        found.append(("Lost", f"{lost:,}", "cases that passed a metric and fail it now"))
        found.append(("Gained", f"{len(flips) - lost:,}", "cases that failed and pass now"))
        seen = [m.detectable for m in run.gate.metrics if m.gating and m.detectable is not None]
        if seen:
            least = f"{max(seen):.3g}"
            found.append(
                ("Would have seen", least, "a loss of this size on any gating metric, at 80 % power")
            )
    elif not run.items:
        found.append(("Answers", "0", "nothing was answered, so nothing was measured"))
    else:
        found.append(("Cases", f"{run.golden.n:,}", _alone(run)))
    failed = sum(part.target + part.scorer for part in facts.missing(run))
    if failed:
        found.append(("Not measured", f"{failed:,}", "scores that failed"))
    if run.ledger.usd is not None:
        found.append(("Cost", f"{run.ledger.usd:,.3g} USD", "at the prices that were given"))
    return found


def _alone(run: Run) -> str:
    """Why there is no comparison."""
    if run.unfinished:
        return (
            f"of which {len({item.id for item in run.items}):,} were asked: an unfinished run is not compared"
        )
    if run.baseline:
        return "nothing was compared: the verdict says why"
    return "without a baseline: judged by fixed thresholds alone"
