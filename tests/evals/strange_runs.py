"""Runs of any shape that the types allow, for readers that must stand all of them."""

from __future__ import annotations

from hypothesis import strategies as st

from evals.run import (
    BaselineRef,
    Canaries,
    Flaky,
    Flip,
    GateMetric,
    GateResult,
    GateVerdict,
    Gating,
    GoldenRef,
    Grading,
    JudgeRef,
    Ledger,
    PromptRef,
    Quarantined,
    Run,
    RunCase,
    RunItem,
    ScorerRef,
    Slice,
    Summary,
    TargetRef,
)
from evals.types import Cause, Hit, Output, Score, ScoreSpan, ToolCall, Usage

ATTACKS = (
    "</pre></style></title><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x="',
    "javascript:alert(1)",
    "]]></failure><evil/>",
    "| a | b |\n|---|---|\n# heading",
    "```\n@everyone #1 www.evil.example https://evil.example [x](http://evil.example) ![y](http://evil.example/p.png)",
    "$\\unicode{x}$ <!-- GH-12 --> foo@evil.example",
    "\x00\x1b[31mred\x1b]8;;http://evil.example\x07\u202e\u200b\ud800\ufffe\U000e0041",
    "{{ 7 * 7 }} {% raw %} [red]markup[/red]",
    "</details></summary></code></del>",
)
TEXT = st.one_of(st.text(max_size=30), st.sampled_from(ATTACKS), st.just(""))
NUMBER = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.floats(-1, 1), st.sampled_from([0.0, 1.0, -0.0])
)
MAYBE = st.one_of(st.none(), NUMBER)
COUNT = st.integers(0, 10_000)
NAME = st.sampled_from(("exact", "f1", "latency", ATTACKS[0], ATTACKS[6]))
ID = st.sampled_from(("a", "b", "c-3", *ATTACKS))


def several(part: st.SearchStrategy, most: int = 3) -> st.SearchStrategy:
    """A tuple of a few."""
    return st.lists(part, max_size=most).map(tuple)


SCORE = st.one_of(
    st.builds(
        Score.of,
        NUMBER,
        TEXT,
        several(st.builds(ScoreSpan, st.integers(-3, 40), st.integers(-3, 40), TEXT, st.none())),
    ),
    st.builds(Score.unscored, TEXT, st.sampled_from([Cause.EMPTY, Cause.TARGET, Cause.SCORER])),
)
OUTPUT = st.builds(
    Output,
    text=TEXT,
    tool_calls=several(st.builds(ToolCall, TEXT, TEXT)),
    hits=st.one_of(st.none(), several(st.builds(Hit, TEXT, NUMBER, TEXT, COUNT))),
    verdict=st.one_of(st.none(), TEXT),
    usage=st.one_of(st.none(), st.builds(Usage, COUNT, COUNT)),
    latency_ms=NUMBER,
    trace_id=TEXT,
    error=TEXT,
    attempts=COUNT,
    transcript=several(st.fixed_dictionaries({"role": TEXT, "content": st.one_of(TEXT, st.none())})),
)
ITEM = st.builds(RunItem, ID, TEXT, st.integers(0, 3), OUTPUT, st.dictionaries(NAME, SCORE, max_size=3))
GOLDEN = st.builds(GoldenRef, TEXT, TEXT, TEXT, COUNT)
PROMPT = st.builds(PromptRef, TEXT, TEXT, TEXT)
TARGET = st.builds(
    TargetRef,
    TEXT,
    st.one_of(TEXT, st.sampled_from(["http://127.0.0.1:4000/v1", "https://[", "javascript:alert(1)//http"])),
    TEXT,
    several(TEXT),
    TEXT,
)
METRIC = st.builds(
    GateMetric,
    NAME,
    st.sampled_from(GateVerdict),
    TEXT,
    NUMBER,
    COUNT,
    *[MAYBE] * 6,
    TEXT,
    MAYBE,
    st.booleans(),
    MAYBE,
    MAYBE,
)
BASELINE = st.builds(
    BaselineRef,
    id=TEXT,
    created_at=TEXT,
    golden=GOLDEN,
    prompt=PROMPT,
    target=TARGET,
    repeats=COUNT,
    compared=COUNT,
    only_baseline=COUNT,
    only_candidate=COUNT,
    differences=several(TEXT),
    flips=several(st.builds(Flip, ID, NAME, NUMBER, NUMBER, TEXT, TEXT)),
    means=st.dictionaries(NAME, NUMBER, max_size=3),
    moved=several(st.builds(Flip, ID, NAME, NUMBER, NUMBER, TEXT, TEXT)),
)
RUNS = st.builds(
    Run,
    id=TEXT,
    created_at=st.one_of(TEXT, st.just("2026-01-01T00:00:00Z")),
    suite=TEXT,
    golden=GOLDEN,
    prompt=PROMPT,
    target=TARGET,
    repeats=COUNT,
    scorers=several(st.builds(ScorerRef, NAME, TEXT, st.booleans(), st.one_of(st.just(""), TEXT), TEXT)),
    summary=st.dictionaries(NAME, st.builds(Summary, MAYBE, COUNT, COUNT, MAYBE, MAYBE), max_size=3),
    items=several(ITEM, 5),
    cases=several(
        st.builds(RunCase, ID, TEXT, TEXT, TEXT, several(TEXT), TEXT, TEXT, TEXT, several(TEXT), NUMBER)
    ),
    gating=several(st.builds(Gating, NAME, NUMBER)),
    canaries=st.builds(Canaries, several(ID), several(NAME)),
    gate=st.builds(
        GateResult,
        st.sampled_from(GateVerdict),
        TEXT,
        several(METRIC),
        several(st.builds(Slice, TEXT, NAME, COUNT, NUMBER, *[MAYBE] * 4)),
    ),
    baseline=st.one_of(st.none(), BASELINE),
    screen=COUNT,
    seed=st.one_of(st.none(), COUNT),
    commit=TEXT,
    flaky=several(st.builds(Flaky, ID, NAME, COUNT, COUNT)),
    quarantined=several(st.builds(Quarantined, ID, TEXT, TEXT, TEXT)),
    ledger=st.builds(Ledger, *[COUNT] * 7, MAYBE, NUMBER),
    judge=st.one_of(
        st.none(), st.builds(JudgeRef, TEXT, TEXT, several(TEXT), st.dictionaries(NAME, TEXT, max_size=3))
    ),
    grading=st.one_of(st.none(), st.builds(Grading, *[COUNT] * 6, MAYBE)),
    unfinished=TEXT,
)
"""Any run; what is in it need not fit together."""
