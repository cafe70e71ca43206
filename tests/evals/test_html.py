"""The HTML report: one file, no script, everything escaped, everything told."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from evals import html
from evals.gate import judge
from evals.html import flipped, gates, render
from evals.run import GateMetric, GateVerdict, Run, ScorerRef, TargetRef
from tests.evals.blocked import HOSTILE, blocked, failed, sunk
from tests.evals.conftest import make_run
from tests.evals.test_report import read


def said(run: Run) -> str:
    """The text of the page, on one line."""
    return " ".join(read(render(run)).text.split())


def test_hostile_text_stays_text() -> None:
    """No script, no handler, no outside reference, no raw control character, and a policy that forbids all of it."""
    page = render(blocked())

    assert "<script" not in page
    assert "<script>alert(1)</script>" in read(page).text
    assert read(page).links == []
    assert not re.search("[\x00\x1b\u202e]", page)
    assert "default-src &#39;none&#39;" in page or "default-src 'none'; style-src 'unsafe-inline'" in page


def test_the_page_tells_everything_in_its_order() -> None:
    """Verdict, what was compared, what gates, what flipped, and what a reader asks next."""
    text = said(blocked(commit="abc123"))
    parts = ["BLOCK exit code 1", "Lost 10", "What was compared", "abc123", "Metrics that gate"]
    parts += ["Cases that changed sides", "How long?", "Distribution", "Slices", "refunds"]
    parts += ["Cases that cannot be relied on", "2025-12-31 expired", "What could not be measured"]
    parts += ["c29 0 f1 target gone", "What it cost", "All cases (30)"]

    places = [text.index(part) for part in parts[1:]]
    assert text.index(parts[0]) >= 0
    assert places == sorted(places)


def test_words_that_changed_are_marked() -> None:
    """Gone before, new now."""
    page = render(blocked())

    assert "<pre>Refunds take <del>five</del> days.</pre>" in page
    assert "<pre>Refunds take <ins>ten</ins> days.</pre>" in page
    assert "The text is the same" in render(blocked(("one", "one")))


def test_traces_are_linked_at_the_proxy() -> None:
    """Where its address is known; else their ids are told."""
    run = blocked()
    items = tuple(replace(item, output=replace(item.output, trace_id=f"t-{item.id}")) for item in run.items)
    here, nowhere = (
        replace(run, items=items, target=TargetRef("http", base, "m"))
        for base in ("http://x:4000/v1", "nothing")
    )

    assert "http://x:4000/review/traces/t-c0" in read(render(here)).links
    assert read(render(nowhere)).links == []
    assert "t-c0" in said(nowhere)


def test_metrics_of_one_scale_share_an_axis() -> None:
    """Others have their own; the margin is drawn for what gates alone."""
    run = make_run({"exact": {"a": [1.0]}, "f1": {"a": [1.0]}, "latency": {"a": [90.0]}})
    metrics = tuple(
        GateMetric(
            name, GateVerdict.PASS, "", 0.05, delta=delta, low=delta * 2, high=delta / 2, gating=gating
        )
        for name, delta, gating in (("exact", -0.2, True), ("f1", -0.01, True), ("latency", 50.0, False))
    )
    run = replace(
        run,
        gate=replace(run.gate, metrics=metrics),
        scorers=(*run.scorers[:2], ScorerRef("latency", "1", False)),
    )

    exact, f1 = (gate.interval for gate in gates(run, gating=True))
    (latency,) = (gate.interval for gate in gates(run, gating=False))

    assert exact and f1 and latency
    assert exact.reach == f1.reach == pytest.approx(0.4)
    assert exact.margin == f1.margin is not None
    assert (latency.reach, latency.margin, latency.tone) == (100.0, None, "worse")


def test_long_tables_are_cut_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of 20,000 cases stays a page."""
    monkeypatch.setattr(html, "MOST_FLIPS", 3)
    monkeypatch.setattr(html, "MOST_ROWS", 2)
    run = blocked()
    run = replace(run, flaky=run.flaky * 5, gate=replace(run.gate, slices=run.gate.slices * 4))
    text = said(run)

    assert len(flipped(run)) == 3
    assert "… and 7 more cases" in text
    assert "… and 3 more flaky cases" in text
    assert "… and 2 more slices" in text


def test_an_unfinished_run_says_why() -> None:
    """Below the verdict."""
    assert "unfinished interrupted after 5 of 30" in said(blocked(unfinished="interrupted after 5 of 30"))


def test_a_hostile_suite_is_named_in_the_title() -> None:
    """As text."""
    page = render(blocked(suite="</title><script>alert(1)</script>"))

    assert "<title>BLOCK: eval of &lt;/title&gt;" in page
    assert HOSTILE[:6] == "</pre>"


def test_an_invalid_run_says_at_the_top_what_failed() -> None:
    """And below by reason, before the single scores."""
    text = said(failed())

    assert text.index("INVALID") < text.index("Failed: 3 × down") < text.index("What was compared")
    assert "gone 3 exact target 3 scores without a value, one by one" in text


def test_losses_that_cross_no_mark_are_shown_word_by_word() -> None:
    """Where no case changed sides."""
    page = render(sunk())
    text = said(sunk())

    assert "Cases that changed sides" not in text
    assert "Largest changes of other cases (16)" in text
    assert "c00 f1 0.9 → 0.6" in text
    assert "<pre>Refunds take <del>five</del> days.</pre>" in page


def test_an_unfinished_run_is_not_said_to_have_no_baseline() -> None:
    """It has one, and nothing was compared."""
    run = blocked()
    cut = judge(replace(run, unfinished="interrupted"), run)
    text = said(cut)

    assert "an unfinished run is not compared" in text
    assert "nothing was compared" in text
    assert "fixed thresholds" not in text
    assert "Lost" not in text


def test_signs_that_nobody_sees_are_told_by_their_codes() -> None:
    """In the body; attributes and the title stay plain text."""
    page = render(blocked(("say \u202ethis", "say \u202ethat"), suite="a\u202eb"))

    assert '<span class="sign">‹U+202E›</span>' in page
    assert "<title>BLOCK: eval of ab</title>" in page
    assert not re.search('="[^"]*<span', page)
