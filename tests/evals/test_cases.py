"""Cases on a page: those that need a look first, answers told once, as many as a page can hold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals import cases
from evals.cases import pieces, shown
from evals.run import RunItem
from evals.types import Output, Score, ScoreSpan, ToolCall
from tests.evals.blocked import blocked
from tests.evals.conftest import make_run


def test_cases_that_need_a_look_come_first() -> None:
    """Lost, then failing, then unmeasured, then flaky, then the rest by id; all marks are counted."""
    found = shown(blocked())

    assert [each.marks for each in found.cases[:10]] == [
        ("lost", "failing", "flaky") if n == 7 else ("lost", "failing") for n in range(10)
    ]
    assert found.cases[10].id == "c29"
    assert found.cases[10].marks == ("unmeasured",)
    assert found.cases[11].marks == ()
    assert found.counts == {"lost": 10, "gained": 0, "failing": 10, "unmeasured": 1, "flaky": 1}
    assert found.total == 30


def test_repeats_that_gave_the_same_are_told_once() -> None:
    """By text, tool calls and verdict."""
    run = make_run({"exact": {"a": [1.0, 0.5, 1.0]}}, texts={"a": "yes"})
    other = replace(run.items[1].output, text="no", tool_calls=(ToolCall("look", "{}"),))
    items = (run.items[0], replace(run.items[1], output=other), run.items[2])

    told = shown(replace(run, items=items)).cases[0]

    assert [(answer.repeats, answer.pieces) for answer in told.answers] == [
        ("0, 2", (("yes", ""),)),
        ("1", (("no", ""),)),
    ]
    assert told.answers[1].calls == ("look({})",)
    assert told.scores == (("exact", ("1", "0.5", "1"), "", ""),)


def test_what_a_scorer_looked_at_is_told_with_its_value() -> None:
    """And how much of it, where that was not all."""
    run = make_run({"exact": {"a": [1.0], "b": [1.0]}})
    half = Score.of(1.0, looked_at="3 claims", coverage=0.5)
    whole = Score.of(1.0, looked_at="3 claims", coverage=1.0)
    items = (replace(run.items[0], scores={"exact": half}), replace(run.items[1], scores={"exact": whole}))

    told = shown(replace(run, items=items)).cases

    assert [each.scores[0][3] for each in told] == ["3 claims, 50% read", "3 claims"]


def test_a_page_holds_only_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """By number of cases, by characters; one answer is cut, and how much is told."""
    run = make_run(
        {"exact": {f"c{n:02}": [1.0] for n in range(20)}}, texts={f"c{n:02}": "x" * 5000 for n in range(20)}
    )

    assert shown(run).cases[0].answers[0].cut == 5000 - cases.ANSWER
    monkeypatch.setattr(cases, "MOST_CHARACTERS", 20_000)
    assert 1 < len(shown(run).cases) < 6
    assert shown(run).total == 20
    monkeypatch.setattr(cases, "MOST_CASES", 2)
    assert len(shown(run).cases) == 2


def test_what_a_scorer_points_at_is_told_apart() -> None:
    """Spans in order; what overlaps or lies outside is not told twice."""
    spans = [ScoreSpan(4, 9, "baseless"), ScoreSpan(0, 6, "conflict"), ScoreSpan(30, 40, "baseless")]

    assert pieces("0123456789", spans) == (("012345", "conflict"), ("678", "baseless"), ("9", ""))


@given(st.text(), st.lists(st.builds(ScoreSpan, st.integers(-5, 30), st.integers(-5, 30), st.just("k"))))
def test_the_pieces_are_the_text(text: str, spans: list[ScoreSpan]) -> None:
    """Whatever the spans are."""
    assert "".join(piece for piece, _ in pieces(text, spans)) == text


def test_a_case_that_the_run_does_not_describe_is_shown() -> None:
    """Without its question."""
    item = RunItem("x", "s", 0, Output(text="t"), {"exact": Score.of(1.0)})

    assert shown(make_run({"exact": {"a": [1.0]}}, items=(item,), cases=())).cases[0].question == ""


def test_a_scenario_is_told_message_by_message() -> None:
    """With the calls that a message makes, whatever its shape is."""
    said = (
        {"role": "user", "content": "Where is it?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"function": {"name": "track", "arguments": "{}"}}, 3],
        },
        {"content": [{"type": "text"}], "tool_calls": 7},
    )
    run = make_run({"exact": {"a": [1.0]}})
    item = replace(run.items[0], output=replace(run.items[0].output, transcript=said))

    assert shown(replace(run, items=(item,))).cases[0].answers[0].said == (
        ("user", "Where is it?"),
        ("assistant", "calls track({})"),
        ("", "[{'type': 'text'}]"),
    )
