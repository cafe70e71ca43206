"""What the runner's benchmarks count is there: a call that is repeated, an item that is lost and a fault that is due are told."""

from __future__ import annotations

import json

from tests.bench.bench_runner_killed import _lost, _repeated, different
from tests.bench.mock_chat import Bench, answer


def test_a_call_that_is_begun_after_it_was_kept_is_a_repeat() -> None:
    """One that was under way when the process died is none."""
    lines = ["asked a 0", "asked b 0", "kept a 0", "asked b 0", "kept a 0", "asked a 1", "asked a 0"]

    assert _repeated(lines) == 1


def test_an_item_that_was_kept_and_has_no_answer_is_lost() -> None:
    """Whether its item is missing or empty."""
    report = {
        "items": [
            {"id": "a", "repeat": 0, "output": {"text": "x"}},
            {"id": "b", "repeat": 0, "output": {"text": ""}},
        ]
    }

    assert _lost(["kept a 0", "kept b 0", "kept c 0", "asked d 0"], report) == 2


def test_reports_that_differ_are_told_with_the_place() -> None:
    """Values, lengths and names."""
    first = {"a": 1, "b": [1, {"c": 2}], "d": [1]}
    second = {"a": 1, "b": [1, {"c": 3}], "d": [1, 2], "e": 0}

    assert different(first, second) == ["/b/1/c", "/d", "/e"]
    assert different(first, json.loads(json.dumps(first))) == []


def test_the_mock_fails_as_often_as_it_is_told_and_the_same_each_time() -> None:
    """Shares of ten thousand calls, from one seed."""
    told = [Bench(throttled=0.3, broken=0.05, hanging=0.02) for _ in range(2)]
    drawn = [[bench.fate() for _ in range(10_000)] for bench in told]

    assert drawn[0] == drawn[1]
    shares = {name: drawn[0].count(name) / 10_000 for name in ("throttled", "broken", "hanging")}
    assert {name: round(part, 1) for name, part in shares.items()} == {
        "throttled": 0.3,
        "broken": 0.1,
        "hanging": 0.0,
    }
    assert 0.04 < shares["broken"] < 0.06
    assert 0.01 < shares["hanging"] < 0.03


def test_equal_questions_get_equal_answers_with_their_tokens() -> None:
    """So that two runs can be compared."""
    asked = {"messages": [{"role": "user", "content": "What about it?"}]}
    body, prompt, completion = answer(asked)

    assert answer(asked) == (body, prompt, completion)
    usage = json.loads(body)["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (prompt, completion)
    assert answer({"messages": [{"role": "user", "content": "Else?"}]})[0] != body
