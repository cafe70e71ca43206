"""A verdict laid out for a terminal: the text with what was found marked in it, then what becomes of it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrails.types import Action, Finding, Mode

if TYPE_CHECKING:
    from rich.text import Text

    from guardrails.trial import Trial

SHORT = 20
"""Lines up to which a text is shown whole."""

WIDE = 160
"""Characters of a line up to which it is shown whole."""

_MOST = 4000
"""Characters that are shown of what is released."""

_AROUND = 40
"""Characters shown on either side of what was found in a longer line."""

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Categories of characters that are not shown as they are: they drive terminals, hide or turn text around."""

_STYLES = {
    Action.ALLOW: "underline",
    Action.FLAG: "underline yellow",
    Action.PSEUDONYMIZE: "underline cyan",
    Action.REDACT: "underline magenta",
    Action.BLOCK: "bold underline red",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """What was found in one row; positions count in the row's text."""

    start: int
    end: int
    finding: Finding
    ends: bool
    """Whether the finding ends in this row."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the given text, or a part of one, as it is shown."""

    number: int
    """1 for the first line."""
    text: str
    marks: tuple[Mark, ...]


def shown(text: str) -> str:
    """The text with characters that are not to be seen written as escapes, so that none reaches the terminal."""
    return "".join(map(_shown, text)) if not (text.isascii() and text.isprintable()) else text


def _shown(char: str) -> str:
    if unicodedata.category(char) not in _HIDDEN:
        return char
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def rows(text: str, findings: Sequence[Finding]) -> Iterator[Row]:
    """The lines of a text with what was found in each; of long texts and long lines only what is marked."""
    lines = text.split("\n")
    begin = 0
    for number, line in enumerate(lines, 1):
        end = begin + len(line)
        here = [each for each in findings if each.start < end and each.end > begin]
        if here or len(lines) <= SHORT:
            for first, last in _windows(line, [(each.start - begin, each.end - begin) for each in here]):
                yield _row(number, line, begin, (first, last), here)
        begin = end + 1


def _windows(line: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The parts of a line that are shown."""
    if len(line) <= WIDE:
        return [(0, len(line))]
    if not spans:
        return [(0, WIDE)]
    windows: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        first = max(0, start - _AROUND)
        last = min(len(line), max(first + WIDE, min(end + _AROUND, first + 2 * WIDE)))
        if windows and first <= windows[-1][1]:
            windows[-1] = (windows[-1][0], max(last, windows[-1][1]))
        else:
            windows.append((first, last))
    return windows


def _row(number: int, line: str, begin: int, window: tuple[int, int], here: Sequence[Finding]) -> Row:
    first, last = window
    before = "…" if first else ""
    pieces = [_shown(char) for char in line[first:last]]
    places = [len(before)]
    for piece in pieces:
        places.append(places[-1] + len(piece))
    marks = []
    for each in here:
        start, end = max(each.start - begin, first), min(each.end - begin, last)
        if start < end:
            ends = each.end - begin <= last
            marks.append(Mark(places[start - first], places[end - first], each, ends))
    return Row(number, before + "".join(pieces) + ("…" if last < len(line) else ""), tuple(marks))


def plain(row: Row, gutter: int, width: Callable[[str], int]) -> list[str]:
    """The row, and below it a line of carets for each finding, as compilers do.

    Args:
        row: what to lay out.
        gutter: width of the line number.
        width: how many cells of a terminal a text takes.
    """
    lines = [f"{row.number:>{gutter}} | {row.text}"]
    for mark in row.marks:
        lead = " " * width(row.text[: mark.start])
        carets = "^" * max(1, width(row.text[mark.start : mark.end]))
        label = f" {shown(mark.finding.entity)}" if mark.ends else ""
        lines.append(f"{'':>{gutter}} | {lead}{carets}{label}")
    return lines


def coloured(row: Row, gutter: int) -> Text:
    """The row with what was found underlined, in the colour of what is done about it; the strictest on top."""
    from rich.text import Text

    lead = f"{row.number:>{gutter}} | "
    line = Text(lead + row.text)
    line.stylize("dim", 0, len(lead))
    for mark in sorted(row.marks, key=lambda each: each.finding.action.rank):
        line.stylize(_STYLES[mark.finding.action], len(lead) + mark.start, len(lead) + mark.end)
    return line


def verdict(result: Trial, colour: bool) -> list[Text]:
    """A verdict as lines: the action, the marked text, what is released, and what was found, failed and spent."""
    from rich.cells import cell_len
    from rich.text import Text

    told = result.verdict
    by = f" by rule {told.blocked_by}" if told.blocked_by else ""
    lines = [Text(f"{told.action}{by}", "bold")]
    given = list(rows(result.sample.text, told.findings)) if told.findings else []
    gutter = len(str(given[-1].number)) + 2 if given else 0
    for row in given:
        lines += [coloured(row, gutter)] if colour else map(Text, plain(row, gutter, cell_len))
    if not told.blocked_by:
        lines += map(Text, _released(result.released))
    lines += map(Text, _table(result, cell_len))
    lines += [
        Text(f"  rule {each.rule} could not run ({each.kind}: {shown(each.reason)}), {each.action}")
        for each in told.failures
    ]
    if told.timings:
        lines.append(Text("  " + ", ".join(f"{rule} {spent:.2f} ms" for rule, spent in told.timings.items())))
    return lines


def _released(text: str) -> list[str]:
    """What would go on: on one line, or indented; of a long text its beginning."""
    kept = text[:_MOST].split("\n")[:SHORT]
    lines, left = [shown(line) for line in kept], len(text) - len("\n".join(kept))
    rest = [f"    ({left} more characters; --json has them all)"] if left > 0 else []
    if len(lines) == 1:
        return [f"  released: {lines[0]}", *rest]
    return ["  released:", *(f"    {line}" for line in lines), *rest]


def _table(result: Trial, width: Callable[[str], int]) -> list[str]:
    """Rule, entity, place, score, action and mode of each finding, aligned; nothing when there is none."""
    if not result.verdict.findings:
        return []
    text = result.sample.text
    body = [
        (
            *(each.rule, shown(each.entity)),
            f"{text.count(chr(10), 0, each.start) + 1}:{each.start}-{each.end}",
            *(f"{each.score:.2f}", each.action.value),
            "shadow" if each.mode is Mode.SHADOW else "",
        )
        for each in result.verdict.findings
    ]
    cells = [("rule", "entity", "place", "score", "action", ""), *body]
    widths = [max(width(line[column]) for line in cells) for column in range(6)]
    return [
        "  "
        + "  ".join(
            cell + " " * (size - width(cell)) for cell, size in zip(line, widths, strict=True)
        ).rstrip()
        for line in cells
    ]
