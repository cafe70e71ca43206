"""A verdict laid out for a terminal."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from guardrails import cli_show
from guardrails.cli_show import SHORT, WIDE, plain, rows, shown
from guardrails.sample import Sample
from guardrails.trial import Trial
from guardrails.types import Action, CheckFailure, Edit, Finding, Mode, Stage, Verdict


def found(
    start: int, end: int, entity: str = "E", action: Action = Action.REDACT, mode: Mode = Mode.ENFORCE
) -> Finding:
    """A finding of a rule `r`."""
    return Finding("r", "words", entity, Stage.INPUT, "", start, end, 0.5, action, mode)


def layout(text: str, *findings: Finding) -> list[str]:
    """The text as it is laid out without colours."""
    return [line for row in rows(text, findings) for line in plain(row, 2, cell_len)]


def test_carets_stand_below_what_was_found() -> None:
    """One line of them a finding; wide characters count as two, escapes as they are written."""
    assert layout("a \x1b漢字 bc", found(3, 5), found(6, 8, "F")) == [
        " 1 | a \\x1b漢字 bc",
        "   |       ^^^^ E",
        "   |            ^^ F",
    ]


def test_what_spans_lines_is_marked_in_each_and_named_in_the_last() -> None:
    """A key in several lines is one finding."""
    assert layout("ab\ncd\nef", found(1, 7)) == [
        " 1 | ab",
        "   |  ^",
        " 2 | cd",
        "   | ^^",
        " 3 | ef",
        "   | ^ E",
    ]


def test_of_long_texts_and_long_lines_only_what_is_marked_is_shown() -> None:
    """With the line's number, and dots where something is left out."""
    text = "\n".join(f"line {number}" for number in range(SHORT + 1))
    start = text.index("line 9")
    wide = "x" * 500 + "needle" + "y" * 500

    assert layout(text, found(start, start + 4)) == ["10 | line 9", "   | ^^^^ E"]
    [line, carets] = layout(wide, found(500, 506))
    assert (line[5], line[-1]) == ("…", "…")
    assert len(line) < WIDE + 10
    assert line[carets.index("^") : carets.rindex("^") + 1] == "needle"


TEXTS = st.text(st.characters() | st.sampled_from("\x1b\x07\r\n\t\u202e\u200b\ud800漢\u0301"), max_size=60)


@settings(max_examples=150)
@given(TEXTS, st.data())
def test_nothing_of_a_text_can_drive_the_terminal_and_marks_cover_what_was_found(
    text: str, data: st.DataObject
) -> None:
    """No control, direction or invisible character is left; the marks joined are the finding, escaped."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    told = list(rows(text, [found(start, end)] if end > start else []))

    for row in told:
        assert not {unicodedata.category(char) for char in row.text} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
        row.text.encode("utf-8")
    if len(told) == text.count("\n") + 1:
        marked = "".join(row.text[mark.start : mark.end] for row in told for mark in row.marks)
        assert marked == shown(text[start:end].replace("\n", ""))


RESULT = Trial(
    Sample("mail \x1b[31m"),
    "[E] \x1b[31m",
    Verdict(
        Action.REDACT,
        findings=(found(0, 4, "A\x1b", Action.REDACT), found(5, 6, "B", Action.BLOCK, Mode.SHADOW)),
        failures=(CheckFailure("slow", "words", "timeout", "TimeoutError", Action.ALLOW),),
        edits=(Edit("", 0, 4, "[E]"),),
        timings={"r": 1.234},
    ),
)


def test_a_verdict_tells_all_that_is_known() -> None:
    """The action, the marked text, what is released, a table, failures and times."""
    assert [line.plain for line in cli_show.verdict(RESULT, colour=False)] == [
        "redact",
        "  1 | mail \\x1b[31m",
        "    | ^^^^ A\\x1b",
        "    |      ^^^^ B",
        "  released: [E] \\x1b[31m",
        "  rule  entity  place  score  action",
        "  r     A\\x1b   1:0-4  0.50   redact",
        "  r     B       1:5-6  0.50   block   shadow",
        "  rule slow could not run (timeout: TimeoutError), allow",
        "  r 1.23 ms",
    ]


def test_colours_are_the_only_escapes() -> None:
    """Marked on the line itself, without carets."""
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", no_color=False)
    with console.capture() as captured:
        for line in cli_show.verdict(RESULT, colour=True):
            console.print(line, soft_wrap=True)

    assert "\x1b[4;35mmail\x1b[0m" in captured.get()
    assert "\\x1b[31m" in captured.get()
    assert "\x1b[31m" not in captured.get()
    assert "^^" not in captured.get()


LONG = [
    ("x", ["  released: x"]),
    ("x\ny", ["  released:", "    x", "    y"]),
    ("\n".join(["x"] * SHORT), ["  released:", *["    x"] * SHORT]),
    (
        "\n".join(["x"] * (SHORT + 5)),
        ["  released:", *["    x"] * SHORT, "    (10 more characters; --json has them all)"],
    ),
    ("x" * 5000, ["  released: " + "x" * 4000, "    (1000 more characters; --json has them all)"]),
]


@pytest.mark.parametrize(("text", "told"), LONG, ids=["line", "lines", "twenty", "more", "wide"])
def test_of_a_long_text_the_beginning_of_what_is_released_is_shown(text: str, told: list[str]) -> None:
    """And how much more there is."""
    printed = [line.plain for line in cli_show.verdict(Trial(Sample("x"), text, Verdict()), colour=False)]

    assert printed[1:] == told
