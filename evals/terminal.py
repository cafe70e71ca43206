"""A run on a terminal: the verdict first, then why, what flipped, what could be seen, what it cost."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from evals import facts, words
from evals.facts import Flipped, plain
from evals.plots import reach
from evals.run import GateMetric, GateVerdict, Run

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

STYLE = {
    GateVerdict.PASS: "bold green",
    GateVerdict.BLOCK: "bold red",
    GateVerdict.INVALID: "bold magenta",
    GateVerdict.INCONCLUSIVE: "bold yellow",
    GateVerdict.NONE: "bold",
}
MOST_FLIPS = 10
MOST_LOSSES, MOST_GAINS = 5, 2
"""Changes that are no flips."""
SIDES = ("pass -> fail", "fail -> pass")
"""How a case changed sides."""
WAYS = ("worse", "better")
"""How a case changed without that."""
WIDE = 110
"""Columns from which a terminal has room for bars."""
_BAR = 21
"""Columns of an interval's bar; no difference lies in its middle."""
_PIECES = {words.SAME: "dim", words.GONE: "red strike", words.NEW: "green underline"}


def show(run: Run, console: Console) -> None:
    """Prints the run. What a model wrote is never markup, and holds no control character."""
    if not console.options.ascii_only:
        return _show(run, console)
    from rich.console import Console as Other

    kept = io.StringIO()
    _show(run, Other(file=kept, width=console.width, force_terminal=False))
    for line in kept.getvalue().splitlines():
        console.print(
            line.translate(_ASCII).encode("ascii", "replace").decode(), markup=False, highlight=False
        )


def _show(run: Run, console: Console) -> None:
    from rich.text import Text

    def say(text: str, style: str = "") -> None:
        console.print(Text(plain(text), style), highlight=False)

    verdict = run.gate.verdict
    head = Text()
    head.append(verdict.value.upper(), STYLE[verdict])
    head.append(f"  {plain(run.gate.reason)}")
    head.append(f"  ({facts.exit_code(run)})", "dim")
    console.print(head, highlight=False)
    if run.unfinished:
        say(f"unfinished: {run.unfinished}", "magenta")
    if why := facts.failed_because(run):
        say(f"failed: {why}", "magenta")
    say(facts.heading(run), "dim")
    for difference in run.baseline.differences if run.baseline else ():
        say(f"  differs: {difference}")
    if run.baseline:
        say(facts.compared(run), "dim")
    if run.summary:
        console.print(_summary_table(run))
    if run.gate.metrics:
        console.print(_gate_table(run, bars=console.width >= WIDE))
    _flips(run, console)
    for told in _asides(run):
        say(told, "dim")


def _asides(run: Run) -> list[str]:
    """What a reader may want to know besides, one line each."""
    told = [*facts.advisory_lines(run), facts.detectable(run)]
    if (why := facts.failures(run)) and not facts.failed_because(run):
        told.append(f"failed: {why}")
    gating = {rule.metric for rule in run.gating}
    absent = [part for part in facts.missing(run) if part.target + part.scorer]
    for part in absent:
        if part.metric in gating:
            failed, whole = part.target + part.scorer, part.scored + part.empty + part.target + part.scorer
            worst = "" if part.worst is None else f"; delta {part.worst:+.3g} if all were the worst"
            told.append(f"{part.metric}: {failed} of {whole} scores failed{worst}")
    others = sum(part.metric not in gating for part in absent)
    if others:
        have = "metric has" if others == 1 else "metrics have"
        told.append(f"{others} other {have} scores that failed (see report.html)")
    if run.flaky:
        cases = facts.number_of(len({each.id for each in run.flaky}), "case")
        told.append(f"in disagreement with themselves: {cases} (see report.html)")
    if run.quarantined:
        told.append(f"in quarantine: {facts.number_of(len(run.quarantined), 'case')} (see report.html)")
    return [*filter(None, [*told, facts.cost_line(run)])]


def _flips(run: Run, console: Console) -> None:
    found = facts.flipped(run)
    for each in found[:MOST_FLIPS]:
        console.print(_flip(each, SIDES), highlight=False)
    _more(len(found) - MOST_FLIPS, console)
    moved = facts.moved(run)
    losses = [each for each in moved if each.lost][:MOST_LOSSES]
    gains = [each for each in moved if not each.lost][:MOST_GAINS]
    for each in (*losses, *gains):
        console.print(_flip(each, WAYS), highlight=False)
    _more(len(moved) - len(losses) - len(gains), console)


def _more(count: int, console: Console) -> None:
    if count > 0:
        console.print(f"  … and {facts.number_of(count, 'more case')} (see report.html)", style="dim")


def _flip(each: Flipped, ways: tuple[str, str]) -> Text:
    """A case that changed: its metrics, and what changed in the words of the answer."""
    from rich.text import Text

    told = Text()
    for way, flips, style in ((ways[0], each.lost, "red"), (ways[1], each.gained, "green")):
        if flips:
            moved = ", ".join(f"{flip.metric} {flip.before:.3g} -> {flip.after:.3g}" for flip in flips)
            told.append(plain(f"  {way}  {each.id}  {moved}\n", 300), style)
    told.append("    ")
    if each.before_text == each.after_text:
        told.append("the text is the same in both", "dim")
        return told
    for kind, text in words.excerpt(words.diff(plain(each.before_text), plain(each.after_text)), limit=400):
        flat = text.replace("\n", " ")
        marked = f"[-{flat}-]" if kind == words.GONE else f"{{+{flat}+}}" if kind == words.NEW else flat
        told.append(marked, _PIECES[kind])
    return told


def _summary_table(run: Run) -> Table:
    table = _table("metric", "mean", "95 % interval", "cases", "unscored")
    for name, summary in run.summary.items():
        table.add_row(*_cells(facts.summary_row(facts.named(run, name), summary)))
    return table


def _gate_table(run: Run, bars: bool) -> Table:
    from rich.text import Text

    drawn = ("worse | better",) if bars else ()
    table = _table("gate", "verdict", "delta", "interval", *drawn, "p", "cases", "why")
    higher = facts.better_when_higher(run)
    for metric in run.gate.metrics:
        name, verdict, delta, interval, p, cases, why = _cells(facts.gate_row(metric, run))
        styled = Text(verdict.plain, STYLE[metric.verdict] if metric.gating else "dim")
        bar = (_bar(metric, run.gate.metrics, higher),) if bars else ()
        table.add_row(name, styled, delta, interval, *bar, p, cases, why)
    return table


def _bar(metric: GateMetric, metrics: Sequence[GateMetric], higher: Mapping[str, bool]) -> str:
    """An interval between losses on the left and gains on the right: `┊` the margin, `│` no difference, `●` delta."""
    if metric.delta is None or metric.low is None or metric.high is None:
        return ""
    sign = 1 if higher.get(metric.metric, True) else -1
    margin = metric.margin if metric.gating else 0.0
    axis = reach([metric], [margin])

    def place(value: float) -> int:
        share = max(-1.0, min(1.0, sign * value / axis)) if value == value else 0.0
        return round((share + 1) / 2 * (_BAR - 1))

    cells = [" "] * _BAR
    first, last = sorted((place(metric.low), place(metric.high)))
    cells[first : last + 1] = "━" * (last + 1 - first)
    cells[_BAR // 2] = "│"
    if margin > 0:
        cells[place(-sign * margin)] = "┊"
    cells[place(metric.delta)] = "●"
    return "".join(cells)


def _table(first: str, *others: str) -> Table:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(first, overflow="fold")
    for name in others:
        right = name in {"mean", "cases", "unscored", "delta", "p"}
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    return table


def _cells(row: Sequence[str]) -> list[Text]:
    from rich.text import Text

    return [Text(plain(cell)) for cell in row]


_ASCII = str.maketrans({"━": "=", "│": "|", "┊": ":", "●": "o", "·": "-", "…": "~", "→": ">", "×": "x"})
"""What stands for our own signs where a terminal knows no more than ASCII."""
