"""Policies as targets: what is inspected, and what comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from evals.errors import TargetError
from evals.policy_target import PolicyTarget, policy_target, segments
from evals.types import Case, ScriptedResult
from guardrails.types import Action, CheckFailure, Finding, Mode, Segment, Stage, Verdict

QUESTION = Case("c", "h", question="When?")


def test_the_texts_of_a_chat_are_inspected_where_they_stand() -> None:
    """Strings and text parts, with role as channel; tool results are their own stage."""
    case = Case(
        "c",
        "h",
        messages=(
            {"role": "system", "content": "S"},
            {"role": "user", "content": [{"type": "text", "text": "U"}, {"type": "image_url"}]},
            {"role": "assistant", "content": None},
            {"role": "tool", "name": "f", "content": "R"},
        ),
    )

    assert segments(case) == [
        Segment("S", "/messages/0/content", Stage.INPUT, "system"),
        Segment("U", "/messages/1/content/0/text", Stage.INPUT, "user"),
        Segment("R", "/messages/3/content", Stage.TOOL_RESULT, "tool:f"),
    ]


class Guard:
    """A guard that says what it is told to."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict

    async def inspect(self, segments: Any, vault: Any = None) -> Verdict:
        """Always the same."""
        return self.verdict


async def test_a_policy_answers_with_action_and_entities() -> None:
    """Each entity once, sorted; no model is asked."""
    found = [
        Finding(
            "r", "pii", entity, Stage.INPUT, "/messages/0/content", 0, 1, 1.0, Action.REDACT, Mode.ENFORCE
        )
        for entity in ("PHONE_NUMBER", "EMAIL_ADDRESS", "EMAIL_ADDRESS")
    ]
    target = PolicyTarget(Guard(Verdict(Action.REDACT, Action.REDACT, tuple(found))), "default@1")

    output = await target.ask(QUESTION)

    assert (output.verdict, output.entities) == ("redact", ("EMAIL_ADDRESS", "PHONE_NUMBER"))
    assert target.ref.model == "default@1"
    assert output.guardrail_ms == output.latency_ms


async def test_a_check_that_failed_is_an_error_not_a_verdict() -> None:
    """A policy that could not do its work has not been measured."""
    failure = CheckFailure("r", "pii", "timeout", "TimeoutError", Action.BLOCK)
    output = await PolicyTarget(Guard(Verdict(failures=(failure,))), "p").ask(QUESTION)

    assert output.error == "check pii: timeout"


def test_an_unknown_policy_is_told() -> None:
    """Neither a file nor a built-in name."""
    with pytest.raises(TargetError, match="there is no policy 'nope'"):
        policy_target("nope")


def test_all_that_a_scenario_says_is_inspected() -> None:
    """What the user says turn by turn, and what the tools answer."""
    case = Case("c", "h", turns=("One", "Two"), script=(ScriptedResult("f", "R"),))

    assert segments(case) == [
        Segment("One", "/turns/0", Stage.INPUT, "user"),
        Segment("Two", "/turns/1", Stage.INPUT, "user"),
        Segment("R", "/script/0/result", Stage.TOOL_RESULT, "tool:f"),
    ]
