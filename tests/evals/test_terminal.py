"""The terminal: verdict first, short, and nothing raw of what a model wrote."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from evals.gate import judge
from evals.run import Gating, Run
from evals.terminal import MOST_FLIPS, MOST_LOSSES, show
from tests.evals.blocked import HOSTILE, blocked, failed, sunk
from tests.evals.conftest import make_run


def shown(run: Run, *, colour: bool = False, encoding: str = "utf-8") -> str:
    """What a terminal of 200 columns shows."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding, write_through=True)
    system = "truecolor" if colour else None
    show(run, Console(file=file, width=200, force_terminal=colour, color_system=system))
    return raw.getvalue().decode(encoding)


def test_it_says_the_verdict_first() -> None:
    """Then what was measured, metrics, gate, flips, what would have shown, what it cost."""
    run = blocked()
    text = shown(run)

    parts = [
        f"BLOCK  {run.gate.reason}",
        "(exit code 1)",
        "cases compared",
        "95 % interval",
        "worse | better",
    ]
    parts += ["pass -> fail  c0", "would have shown", "1 other metric has scores", "answers: 30"]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert "\x1b" not in text


def test_words_that_changed_are_marked() -> None:
    """Without colour too."""
    assert "Refunds take [-five-]{+ten+} days." in shown(blocked())
    assert "the text is the same in both" in shown(blocked(("one", "one")))


def test_hostile_text_is_never_markup() -> None:
    """No escape of a model reaches the terminal, and its brackets are no style."""
    text = shown(blocked((HOSTILE, HOSTILE + " more")), colour=True)

    assert "[red]x[/red]" in text
    assert "\x00" not in text
    assert "\ufffd[31m" in text


def test_a_bar_shows_margin_and_difference() -> None:
    """A loss lies left of the middle."""
    bar = next(line for line in shown(blocked()).splitlines() if line.startswith("exact") and "block" in line)

    assert bar.index("●") < bar.index("┊") < bar.index("│")


def test_differences_stand_above_the_numbers() -> None:
    """Identity before deltas."""
    before = make_run({"exact": {"a": [1.0], "b": [1.0]}})
    after = make_run({"exact": {"a": [1.0, 1.0], "b": [1.0, 1.0]}}, gating=[Gating("exact")])
    text = shown(judge(after, before))

    assert 0 < text.index("repeats: 1") < text.index("mean")


def test_many_flips_are_counted() -> None:
    """The first few are shown."""
    run = blocked()
    assert run.baseline
    many = tuple(replace(run.baseline.flips[0], id=f"x{n}") for n in range(MOST_FLIPS + 5))
    text = shown(replace(run, baseline=replace(run.baseline, flips=many)))

    assert text.count("pass -> fail") == MOST_FLIPS
    assert "… and 5 more cases" in text


def test_a_terminal_of_ascii_gets_ascii() -> None:
    """Bars and marks have stand-ins; nothing fails."""
    text = shown(blocked(), encoding="ascii")

    assert "o" in text
    assert "~ and" not in text
    assert "BLOCK" in text


def test_an_invalid_run_says_what_failed() -> None:
    """Below the verdict; on ASCII too. Where the run is valid it is an aside."""
    assert shown(failed()).splitlines()[1] == "failed: 3 × down"
    assert shown(failed(), encoding="ascii").splitlines()[1] == "failed: 3 x down"
    assert "failed: 1 × f1: gone" in shown(blocked()).splitlines()[-5:]


def test_losses_that_cross_no_mark_are_told() -> None:
    """A few, and a gain; the rest is counted."""
    text = shown(sunk())

    assert text.count("worse  c") == MOST_LOSSES
    assert "worse  c00  f1 0.9 -> 0.6" in text
    assert "Refunds take [-five-]{+ten+} days." in text
    assert "better  c29  f1 0.9 -> 0.95" in text
    assert "… and 10 more cases (see report.html)" in text
