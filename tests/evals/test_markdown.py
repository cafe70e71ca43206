"""Markdown for a pull request: it fits into a comment, and hostile text does nothing there."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from evals.gate import judge
from evals.markdown import MOST_CHARACTERS, inline, render
from evals.run import Gating, PromptRef, Run, TargetRef
from tests.evals.blocked import HOSTILE, blocked, failed, sunk
from tests.evals.conftest import make_run


def outside(text: str) -> str:
    """The Markdown without what stands in `pre` and `code`, where nothing is made of it."""
    return re.sub(r"<pre>.*?</pre>|<code>.*?</code>|`[^`\n]*`", "", text, flags=re.S)


def with_flips(run: Run, count: int, text: str) -> Run:
    """A run with many cases that changed sides."""
    assert run.baseline
    flip = replace(run.baseline.flips[0], before_text=text, after_text=text + " x")
    flips = tuple(replace(flip, id=f"case-{n}") for n in range(count))
    return replace(run, baseline=replace(run.baseline, flips=flips))


def test_it_says_verdict_exit_code_and_how_to_see_it_again() -> None:
    """First, and last."""
    run = blocked()
    text = render(run, "baseline/run.json")

    assert text.startswith(f"## Eval: block (exit code 1)\n\n{inline(run.gate.reason)}\n")
    assert text.rstrip().endswith(
        "without a call: `guardhouse eval compare baseline/run.json run.json`. All of it: `report.html`."
    )


def test_a_baseline_whose_file_is_not_known_is_named_by_its_run() -> None:
    """And a file whose name is no plain one is not put into a command."""
    told = "`guardhouse eval compare BASELINE.json run.json` with the file of run old for BASELINE.json"

    assert told in render(blocked())
    assert told in render(blocked(), "a`; rm -rf b.json")
    assert "compare 'my runs/a.json' run.json`" in render(blocked(), "my runs/a.json")


def test_flips_are_folded_with_their_words_compared() -> None:
    """A summary that names case and metrics; what is gone and what is new is marked."""
    text = render(blocked())

    assert "### 10 cases lost, 0 gained" in text
    assert "<summary>❌ <code>c0</code> <code>exact 1 → 0</code></summary>" in text
    assert "<pre>Refunds take <del>five</del><ins>ten</ins> days.</pre>" in text
    assert text.count("<details>") == text.count("</details>")


def test_slices_flaky_quarantined_and_missing_are_told() -> None:
    """Each in a table of its own."""
    text = render(blocked())

    for row in (
        "| refunds | exact | 12 |",
        "| c7 | exact | 1 | 2 |",
        "| c99 | sam | 2025-12-31 |",
        "| f1 | 29 | 0 | 1 | 0 |",
    ):
        assert row in text


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("a|b `c` *d* _e_ [f](g)", r"a\|b \`c\` \*d\* \_e\_ \[f\](g)"),
        ("<img src=x> &lt;", "&lt;img src=x&gt; &amp;\u200blt;"),
        ("hi @everyone see #12", "hi @\u200beveryone see \\#\u200b12"),
        ("me@x.example", "me\u200b@\u200bx.example"),
        ("https://x.example www.x.example", "https:\u200b//x.example www\u200b.x.example"),
        ("GH-12", "GH\u200b-12"),
        ("two\n# lines", r"two \# lines"),
        ("- item", r"\- item"),
        ("1. item", "1\u200b. item"),
        ("-0.5", "-0.5"),
        ("$x$ ~y~", "\\$\u200bx\\$ \\~\u200by\\~"),
    ],
)
def test_our_own_lines_make_nothing_of_a_text(text: str, markdown: str) -> None:
    """No format, mention, reference, link, HTML, list, formula."""
    assert inline(text) == markdown


def test_hostile_text_stays_text() -> None:
    """Whole: no tag but ours, no mention outside of what is shown as code, no table that breaks."""
    text = render(blocked((HOSTILE, HOSTILE + "\n\n</pre>\n# no heading\n@someone")))

    assert set(re.findall(r"</?(\w+)", text)) <= {"details", "summary", "code", "pre", "del", "ins"}
    assert not re.search(r"@\w", outside(text))
    assert not re.search("[\x00-\x08\x1b\u202e\ud800]", text)
    rows = [line for line in outside(text).splitlines() if line.startswith("| exact")]
    assert rows


@pytest.mark.parametrize("text", ["word " * 200, "<" * 900, "@everyone\n" * 90, "x"])
@pytest.mark.parametrize("count", [50, 1_500])
def test_it_always_fits_into_a_comment(text: str, count: int) -> None:
    """However many cases flipped, and whatever escaping makes of them; what is left out is counted."""
    run = with_flips(blocked(), count, text)
    many = tuple(f"difference {n}: {text}" for n in range(500))
    assert run.baseline
    run = replace(run, baseline=replace(run.baseline, differences=many), flaky=run.flaky * 500)

    made = render(run)
    shown = made.count("<summary>❌")

    assert len(made) < MOST_CHARACTERS
    assert shown == count or f"… and {count - shown} more in `report.html`." in made
    assert made.count("<details>") == made.count("</details>")


def test_differences_stand_above_the_numbers() -> None:
    """Identity before deltas."""
    before = make_run({"exact": {"a": [1.0], "b": [1.0]}})
    after = make_run({"exact": {"a": [1.0, 1.0], "b": [1.0, 1.0]}}, gating=[Gating("exact")])
    text = render(judge(after, before))

    assert 0 < text.index("repeats: 1") < text.index("Mean")


def test_an_invalid_run_says_what_failed() -> None:
    """Below the verdict."""
    text = render(failed())

    assert 0 < text.index("**Failed:** 3 × down") < text.index("30 cases x 1")


def test_losses_that_cross_no_mark_are_folded_too() -> None:
    """Where no case changed sides; losses first."""
    text = render(sunk())

    assert "cases lost" not in text
    assert "<summary>📉 <code>c00</code> <code>f1 0.\u200b9 → 0.\u200b6</code></summary>" in text
    assert text.index("📉") < text.index("📈 <code>c29</code>")


def test_numbers_of_one_are_worded_so() -> None:
    """And adaptive repeats as what they are."""
    run = blocked(screen=1, repeats=5)
    assert run.baseline
    one = replace(run, baseline=replace(run.baseline, flips=run.baseline.flips[:1]))

    assert "### 1 case lost, 0 gained" in render(one)
    assert "repeats 1 (5 where the runs differ)" in render(one)


def test_what_was_not_asked_is_not_named() -> None:
    """A search has neither prompt nor model."""
    target, prompt = TargetRef("index", "", "", index="x7"), PromptRef("none", "", "0")

    assert "), index x7, repeats 1." in render(
        make_run({"exact": {"a": [1.0]}}, target=target, prompt=prompt)
    )
