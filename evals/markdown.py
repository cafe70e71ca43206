"""A run for a pull request: Markdown that shows hostile text as text, and always fits into a comment.

GitHub and GitLab make mentions and links of plain text even where it is escaped, but not inside `pre` and `code`.
So what a model wrote stands there alone, and in our own sentences such places are parted by a space of no width.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from evals import facts, words
from evals.facts import Flipped, plain
from evals.run import Run

MOST_CHARACTERS = 60_000
"""A comment on GitHub takes 65,536."""
MOST_ROWS = 40
_NOTE = 300
"""Characters that the sentence about what was left out may take."""
_REFERENCE = re.compile(
    r"(?<=[@#!$%~&])(?=\w)|(?<=\w)(?=@)|(?<=:)(?=//)|(?<=www)(?=\.)|(?<=GH)(?=-)", re.IGNORECASE
)
"""Places between the parts of what becomes a mention, a reference or a link."""
_TAGS = {words.SAME: "", words.GONE: "del", words.NEW: "ins"}


def render(run: Run, baseline: str = "") -> str:
    """The summary: verdict and exit code, what differs, gate, scores, and what flipped as far as there is room.

    `baseline` is the baseline's file as a reader beside `run.json` would name it; empty where it is not known.
    """
    lines = [*_head(run), *_gate(run), *_scores(run), *_slices(run), *_unsure(run)]
    foot = _foot(run, baseline)
    room = MOST_CHARACTERS - len("\n".join([*lines, *foot])) - 2 * _NOTE
    flips = _flips(facts.flipped(run), room)
    moved = _moved(facts.moved(run), room - len("\n".join(flips)))
    text = "\n".join([*lines, *flips, *moved, *foot]) + "\n"
    return text.encode("utf-8", "replace").decode("utf-8")


def inline(text: str, limit: int = 300) -> str:
    """A text that Markdown shows as it is, on one line: no formatting, link, mention or reference."""
    flat = " ".join(plain(text, limit).split())
    parted = _REFERENCE.sub("\u200b", flat)
    escaped = re.sub(r"([\\`*_{}\[\]|#~$])", r"\\\1", escape(parted, quote=False))
    return re.sub(r"^([-+=](?=\D|$)|\d+(?=[.)]\s))", _unlisted, escaped)


def _unlisted(found: re.Match[str]) -> str:
    """What would begin a list or a line at the start of a line, and no longer does."""
    return found[0] + "\u200b" if found[0].isdigit() else "\\" + found[0]


def _head(run: Run) -> list[str]:
    lines = [
        f"## Eval: {run.gate.verdict.value} ({facts.exit_code(run)})",
        "",
        inline(run.gate.reason, 1000),
        "",
    ]
    if run.unfinished:
        lines += [f"**Unfinished:** {inline(run.unfinished)}", ""]
    if why := facts.failed_because(run):
        lines += [f"**Failed:** {inline(why, 1000)}", ""]
    lines += [inline(facts.heading(run), 600), ""]
    if run.baseline and run.baseline.differences:
        lines += ["Besides the outputs, the runs differ in:", ""]
        lines += [*_capped([f"- {inline(difference)}" for difference in run.baseline.differences]), ""]
    return lines


def _gate(run: Run) -> list[str]:
    if not run.gate.metrics:
        return []
    head = ("Gate", "Verdict", "Delta", "Interval", "p", "Cases", "Why")
    lines = _table(head, [facts.gate_row(metric, run) for metric in run.gate.metrics])
    told = [facts.compared(run), facts.detectable(run)]
    return [*lines, "", *(f"{inline(each, 600)}  " for each in told if each), ""]


def _scores(run: Run) -> list[str]:
    if not run.summary:
        return []
    head = ("Metric", "Mean", "95 % interval", "Cases", "Unscored")
    rows = [facts.summary_row(facts.named(run, name), summary) for name, summary in run.summary.items()]
    advisory = [f"- {inline(line, 600)}" for line in facts.advisory_lines(run)]
    return [*_table(head, rows), "", *([*_capped(advisory), ""] if advisory else [])]


def _slices(run: Run) -> list[str]:
    if not run.gate.slices:
        return []
    head = ("Slice", "Metric", "Cases", "Before", "Now", "Delta", "Interval")
    table = _table(head, [facts.slice_row(part) for part in run.gate.slices])
    return [*_folded(facts.number_of(len(run.gate.slices), "slice"), table), ""]


def _unsure(run: Run) -> list[str]:
    """What could not be relied on: missing scores, flaky and quarantined cases."""
    lines: list[str] = []
    if absent := facts.missing(run):
        head = ("Metric", "Scored", "Nothing to measure", "Target failed", "Scorer failed", "Delta at worst")
        rows = [
            [
                part.metric,
                *map(str, (part.scored, part.empty, part.target, part.scorer)),
                facts.number(part.worst, signed=True),
            ]
            for part in absent
        ]
        why = facts.failures(run)
        told = [f"Failed: {inline(why, 1000)}", ""] if why else []
        lines += [*_folded("Scores without a value", [*told, *_table(head, rows)]), ""]
    if run.flaky:
        rows = [[each.id, each.metric, str(each.passed), str(each.failed)] for each in run.flaky]
        table = _table(("Case", "Metric", "Passed", "Failed"), rows)
        lines += [*_folded(f"Cases that disagree with themselves: {len(rows):,}", table), ""]
    if run.quarantined:
        rows = [[each.id, each.owner, each.until, each.reason] for each in run.quarantined]
        table = _table(("Case", "Owner", "Until", "Reason"), rows)
        lines += [*_folded(f"Cases in quarantine: {len(rows):,}", table), ""]
    return lines


def _foot(run: Run, baseline: str) -> list[str]:
    at = f", commit {run.commit}" if run.commit else ""
    seed = "" if run.seed is None else f", seed {run.seed}"
    versions = facts.versions(run) | {"judge": run.judge.model if run.judge else ""}
    asked = "".join(f"{kind} {name}, " for kind, name in versions.items() if name)
    told = (
        f"Run {run.id}: suite {run.suite}, golden set {run.golden.name} {run.golden.version} "
        f"({run.golden.content_sha256[:12]}), {asked}repeats {facts.repeated(run)}{seed}{at}."
    )
    return [
        inline(facts.cost_line(run), 600),
        "",
        inline(told, 800),
        f"The same verdict from the files of this run, without a call: {_again(run, baseline)}. "
        "All of it: `report.html`.",
    ]


def _again(run: Run, baseline: str) -> str:
    """The command that judges the run once more."""
    if not run.baseline:
        return "`guardhouse eval gate run.json`"
    if re.fullmatch(r"[\w./ -]+", baseline) and len(baseline) <= _NOTE:
        file = f"'{baseline}'" if " " in baseline else baseline
        return f"`guardhouse eval compare {file} run.json`"
    whose = inline(run.baseline.id, 100)
    return f"`guardhouse eval compare BASELINE.json run.json` with the file of run {whose} for BASELINE.json"


def _flips(found: Sequence[Flipped], room: int) -> list[str]:
    """Cases that changed sides, as many as there is room for."""
    lost = sum(bool(each.lost) for each in found)
    return _cases(
        f"### {facts.number_of(lost, 'case')} lost, {len(found) - lost} gained", found, room, "❌✅"
    )


def _moved(found: Sequence[Flipped], room: int) -> list[str]:
    """Cases that changed without that, as many as there is room for."""
    return _cases("### Largest changes of other cases", found, room, "📉📈")


def _cases(title: str, found: Sequence[Flipped], room: int, signs: str) -> list[str]:
    """Cases, each folded, as many as there is room for."""
    if not found:
        return []
    lines = [title, ""]
    left = room - len(lines[0])
    for place, each in enumerate(found):
        sign = signs[0] if each.lost else signs[1]
        block = "\n".join(_folded(f"{sign} {_title(each)}", [_compared(each)]))
        if len(block) + 2 > left:
            return [*lines, f"… and {len(found) - place} more in `report.html`.", ""]
        left -= len(block) + 2
        lines += [block, ""]
    return lines


def _title(each: Flipped) -> str:
    flips = [*each.lost, *each.gained]
    told = ", ".join(f"{flip.metric} {flip.before:.3g} → {flip.after:.3g}" for flip in flips[:8])
    return f"<code>{escape(_flat(each.id, 120))}</code> <code>{escape(_flat(told, 200))}</code>"


def _compared(each: Flipped) -> str:
    if each.before_text == each.after_text:
        return (
            f"The text is the same in both:\n\n<pre>{escape(plain(each.after_text, 600), quote=False)}</pre>"
        )
    pieces = words.excerpt(words.diff(plain(each.before_text), plain(each.after_text)), limit=1500)
    told = "".join(_piece(kind, text) for kind, text in pieces)
    return f"<pre>{told}</pre>"


def _piece(kind: str, text: str) -> str:
    shown, tag = escape(text, quote=False), _TAGS[kind]
    return f"<{tag}>{shown}</{tag}>" if tag else shown


def _flat(text: str, limit: int) -> str:
    """A text for an inline `code`, which Markdown still reads: its signs stand as entities."""
    flat = " ".join(plain(text, limit).split())
    return re.sub(r"(?<=[@#:.])(?=\S)", "\u200b", flat)


def _folded(title: str, lines: Iterable[str]) -> list[str]:
    return [f"<details><summary>{title}</summary>", "", *lines, "", "</details>"]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return [
        *lines,
        *_capped([f"| {' | '.join(inline(cell, 200) for cell in row)} |" for row in rows], len(head)),
    ]


def _capped(lines: list[str], columns: int = 0) -> list[str]:
    """The first lines, and how many more there are."""
    if len(lines) <= MOST_ROWS:
        return lines
    more = f"… and {len(lines) - MOST_ROWS} more in `report.html`"
    return [*lines[:MOST_ROWS], f"| {more} |{' |' * (columns - 1)}" if columns else f"- {more}"]
