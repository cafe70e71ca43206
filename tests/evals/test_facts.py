"""What reports say: texts made harmless, rows, links that lead to the proxy alone."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.asking import INTERRUPTED
from evals.facts import (
    compared,
    cost_rows,
    exit_code,
    failed_because,
    failing_items,
    failures,
    flipped,
    heading,
    identities,
    missing,
    moved,
    number,
    plain,
    span,
    trace_url,
    unscored_groups,
    visible,
)
from evals.gate import judge
from evals.run import Canaries, GateResult, GateVerdict, Gating, Ledger, PromptRef, Run, TargetRef
from evals.types import Output, Usage
from tests.evals.blocked import blocked
from tests.evals.conftest import make_run
from tests.evals.conftest import missing as nothing


@given(st.text())
def test_plain_text_is_always_fit_for_xml(text: str) -> None:
    """Whatever the characters; doing it twice changes nothing."""
    element = ElementTree.Element("a", value=plain(text))

    ElementTree.fromstring(ElementTree.tostring(element))
    assert "\x1b" not in plain(text)
    assert plain(plain(text)) == plain(text)


def test_a_long_text_is_cut() -> None:
    """At the limit, with a mark; also where most of it is unseen."""
    assert plain("x" * 10, 4) == "xxx…"
    assert plain("\u200b" * 10 + "x", 4) == "…"
    assert plain("four", 4) == "four"


def test_numbers_have_no_crumbs() -> None:
    """What a sum of floating-point numbers leaves is nought."""
    assert (number(3e-17, signed=True), number(0.12345), number(None)) == ("+0", "0.1235", "")
    assert span(-2e-18, 0.5, signed=True) == "+0 … +0.5"
    assert span(None, 0.5) == ""


@pytest.mark.parametrize(
    ("base_url", "trace", "url"),
    [
        ("http://127.0.0.1:4000/v1", "ab12", "http://127.0.0.1:4000/review/traces/ab12"),
        ("https://x.example/gu\ud800rd/v1/", "ab12", "https://x.example/gu%3Frd/review/traces/ab12"),
        ("https://[::1]:4000/v1", "ab12", "https://[::1]:4000/review/traces/ab12"),
        ("http://127.0.0.1:4000/v1", "a/../b?c", ""),
        ("http://127.0.0.1:4000/v1", "..", ""),
        ("http://127.0.0.1:4000/v1", "a\ud800", ""),
        ("http://127.0.0.1:4000/v1", "", ""),
        ("", "ab12", ""),
        ("javascript:alert(1)//v1", "ab12", ""),
        ("http://user:pass@x.example/v1", "ab12", ""),
        ('http://x"onclick=.example/v1', "ab12", ""),
        ("http://[", "ab12", ""),
    ],
)
def test_links_lead_to_the_trace_at_the_proxy_or_nowhere(base_url: str, trace: str, url: str) -> None:
    """Web addresses without a password in them; the id is one step of the path."""
    run = make_run({"exact": {"a": [1.0]}}, target=TargetRef("http", base_url, "m"))

    assert trace_url(run, Output(trace_id=trace)) == url


def test_a_case_that_flipped_on_several_metrics_is_told_once() -> None:
    """Losses on metrics that gate stand first."""
    found = flipped(blocked())

    assert [each.id for each in found] == sorted(f"c{n}" for n in range(10))
    assert [flip.metric for flip in found[0].lost] == ["exact"]
    assert found[0].gained == ()


def test_what_is_missing_is_counted_by_cause() -> None:
    """The target failed once on one of two metrics; the other is left out."""
    found = {part.metric: part for part in missing(blocked())}

    assert list(found) == ["f1"]
    assert (found["f1"].scored, found["f1"].target, found["f1"].scorer) == (29, 1, 0)
    assert missing(make_run({"exact": {"a": [1.0]}})) == []


def test_a_document_from_before_the_ledger_is_counted_from_its_items() -> None:
    """Answers, failures, tokens; nothing is said of prices that nobody gave."""
    run = make_run({"exact": {"a": [1.0], "b": [0.0]}}, errors=["b"])
    first = replace(run.items[0], output=Output(text="x", usage=Usage(10, 5), latency_ms=20.0))
    told = dict(cost_rows(replace(run, items=(first, run.items[1]))))

    assert (told["answers"], told["calls that failed"], told["tokens"]) == ("1", "1", "10 in, 5 out")
    assert told["latency"] == "median 20 ms, 95 % within 20 ms"
    assert told["cost"] == "no prices were given"


def test_the_ledger_is_told_in_words() -> None:
    """Requests, as many as there were: which of a scenario's are another try is not known. The cache, the cost."""
    run = make_run({"exact": {"a": [1.0]}}, ledger=Ledger(90, 10, 95, 20, 1000, 500, 3, 1.5, 12.34))
    told = dict(cost_rows(run))

    assert told["requests made"] == "95"
    assert told["tokens"] == "1,000 in, 500 out (3 answers told none)"
    assert (told["from the cache"], told["cost"], told["time"]) == ("20", "1.5 USD", "12.3 s")


def test_both_sides_of_a_comparison_are_named() -> None:
    """Each with its golden set, prompt and model; what neither tells is left out."""
    rows = {name: (before, now) for name, before, now in identities(blocked(commit="abc+"))}

    assert rows["Run"] == ("old", "run-1")
    assert rows["Commit"] == ("", "abc+")
    assert "Index" not in rows


def test_a_failing_canary_is_to_blame() -> None:
    """By its scorer; other failing cases are not."""
    run = make_run({"guardrail": {"a": [0.0], "b": [0.0]}}, canaries=Canaries(("a",)))

    assert failing_items(run) == {"a": "canary: guardrail: failed"}


def broken() -> Run:
    """Three calls of thirty failed, and one more score, against a baseline."""
    values = {f"c{n:02}": [1.0] for n in range(30)}
    failed = values | {name: [nothing()] for name in ("c00", "c01", "c02")}
    run = make_run(
        {"exact": failed, "f1": failed | {"c05": [nothing()]}},
        gating=[Gating("exact")],
        errors=["c00", "c01", "c02"],
    )
    return judge(run, make_run({"exact": values, "f1": values}))


def test_failures_are_grouped_by_reason() -> None:
    """A failed call counts once, whatever could not be scored for it; the most frequent reason stands first."""
    run = broken()

    assert run.gate.verdict is GateVerdict.INVALID
    assert failures(run) == failed_because(run) == "3 × down; 1 × f1: gone"
    assert (failures(blocked()), failed_because(blocked())) == ("1 × f1: gone", "")
    assert unscored_groups(run)[0] == (7, "exact, f1", "target", "gone")


def test_many_reasons_are_counted() -> None:
    """The line stays a line."""
    run = make_run({"exact": {f"c{n}": [1.0] for n in range(9)}})
    items = tuple(
        replace(item, output=replace(item.output, error=f"HTTP {500 + n}"))
        for n, item in enumerate(run.items)
    )

    assert failures(replace(run, items=items)).endswith("1 × HTTP 503; 5 for other reasons")


def test_a_loss_that_crosses_no_mark_is_told() -> None:
    """The largest first, then gains; where smaller is better, more is a loss."""
    before = {"f1": {f"c{n:02}": [0.9] for n in range(30)}, "ms": {f"c{n:02}": [10.0] for n in range(30)}}
    after = {
        "f1": {f"c{n:02}": [0.55 + n / 100] for n in range(29)} | {"c29": [0.95]},
        "ms": {f"c{n:02}": [10.0 + n] for n in range(30)},
    }
    runs = [
        replace(run, scorers=tuple(replace(s, higher_is_better=s.name == "f1") for s in run.scorers))
        for run in (make_run(before), make_run(after, gating=[Gating("f1"), Gating("ms", margin=1.0)]))
    ]

    run = judge(runs[1], runs[0])
    found = moved(run)

    assert flipped(run) == []
    assert (found[0].id, found[0].lost[0].metric, found[0].lost[0].before) == ("c00", "f1", 0.9)
    slow = next(each for each in found if each.id == "c28")
    assert [flip.metric for flip in slow.lost] == ["ms"]
    assert [flip.metric for each in found if each.id == "c29" for flip in each.gained] == ["f1"]


@pytest.mark.parametrize(
    ("before", "now", "says", "differs"),
    [
        (
            ("http", "a"),
            ("http", "b"),
            "prompt toy v1 · model b · against model a, run run-1",
            ["model: a -> b"],
        ),
        (
            ("policy", "default@1"),
            ("policy", "strict@2"),
            "policy strict@2 · against policy default@1, run run-1",
            ["policy: default@1 -> strict@2"],
        ),
        (
            ("index", "x7"),
            ("index", "y8"),
            "index y8 · against index x7, run run-1",
            ["retrieval index: x7 -> y8"],
        ),
        (("http", "a"), ("http", "a"), "prompt toy v1 · model a · against run run-1", []),
    ],
)
def test_what_differs_is_named_by_its_kind(
    before: tuple[str, str], now: tuple[str, str], says: str, differs: list[str]
) -> None:
    """A policy is no model, and an index has no prompt."""
    runs = []
    for kind, name in (before, now):
        target = TargetRef(kind, "", "", index=name) if kind == "index" else TargetRef(kind, "", name)
        prompt = PromptRef("toy", "v1", "1") if kind == "http" else PromptRef("none", "", "0")
        runs.append(make_run({"exact": {"a": [1.0], "b": [1.0]}}, target=target, prompt=prompt))
    run = judge(runs[1], runs[0])

    assert heading(run).endswith(f"2 cases x 1 · {says}")
    assert run.baseline
    assert list(run.baseline.differences) == differs
    assert ("Prompt" in {name for name, _, _ in identities(run)}) == (now[0] == "http")


def test_the_exit_code_is_the_one_that_applies() -> None:
    """As shells have it for a run that was interrupted; judging that run again exits as any invalid one."""
    run = make_run({"exact": {"a": [1.0]}}, unfinished=INTERRUPTED)
    stopped = replace(run, gate=GateResult(GateVerdict.INVALID, f"unfinished: {INTERRUPTED}"))

    assert exit_code(stopped) == "exit code 130"
    assert exit_code(judge(run)) == "exit code 2"
    assert compared(judge(run, run)) == "nothing was compared"


def test_signs_that_nobody_sees_are_told_by_their_codes() -> None:
    """Many at once are counted."""
    assert visible("a\u202eb\x1b[1m\n") == "a‹U+202E›b‹U+001B›[1m\n"
    assert visible("\U000e0041" * 9) == "‹U+E0041 U+E0041 U+E0041 and 6 more›"
