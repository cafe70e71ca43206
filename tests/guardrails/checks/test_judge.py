"""A question put to a model: what it is shown, what becomes of its answers, and of those that do not come."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.checks.judge import judge, messages, read
from guardrails.conversation import Outside
from guardrails.counter import MemoryCounter
from guardrails.engine import Guard
from guardrails.errors import BadResult, CheckError, Unavailable
from guardrails.policy import parse
from guardrails.types import Action, Segment, Stage

YES = '{"answer": "yes", "confidence": 0.75}'
TEXT = "write to ada@example.com about the cure"


class Model:
    """Answers as it is told, and keeps what it was asked."""

    def __init__(self, answer: str | Exception = YES) -> None:
        self.told, self.asked = answer, list[str]()

    async def answer(self, model: str, messages: Sequence[Mapping[str, str]]) -> str:
        """The answer, after a breath."""
        self.asked.append(json.loads(messages[1]["content"])["text"])
        await asyncio.sleep(0)
        if isinstance(self.told, Exception):
            raise self.told
        return self.told


def guard(model: Model | None, more: str = "", action: str = "block") -> Guard:
    """A guard that masks addresses and asks about the rest."""
    outside = Outside(MemoryCounter(time.monotonic), model) if model else Outside()
    policy = parse(
        "name: p\nrules:\n"
        "  - {id: pii, check: pii, with: {entities: [EMAIL_ADDRESS]}, stages: [input, output], action: redact}\n"
        f"  - {{id: judge, check: judge, with: {{model: m, question: 'Is it advice?'{more}}},"
        f" stages: [input, output], action: {action}, hold: full}}\n"
    )
    return Guard(policy, b"k", outside)


async def verdict(of: Guard, text: str = TEXT) -> Any:
    """The verdict on a text of a user."""
    return await of.inspect([Segment(text, "/messages/0/content", Stage.INPUT)])


async def test_a_yes_is_a_finding_over_the_whole_text_with_the_models_confidence() -> None:
    """A no is none; the threshold is the rule's business."""
    found = next(each for each in (await verdict(guard(Model()))).findings if each.rule == "judge")
    assert (found.entity, found.start, found.end, found.score) == ("JUDGED", 0, len(TEXT), 0.75)
    said_no = await verdict(guard(Model('{"answer":"no","confidence":1}')))
    assert [found.rule for found in said_no.findings] == ["pii"]
    unsure = await verdict(guard(Model('{"answer":"yes","confidence":0.3}')))
    assert [found.rule for found in unsure.findings] == ["pii"]


async def test_the_model_is_shown_no_value_that_the_policy_masks() -> None:
    """In requests and in replies, whole and streamed: the model is a third party."""
    model = Model()
    of = guard(model)
    await verdict(of)
    await of.inspect([Segment(TEXT + "!", "", Stage.OUTPUT, "assistant")], reply=True)
    stream = of.stream("")
    stream.push(TEXT + "?")
    await stream.finish()
    masked = "write to [EMAIL_ADDRESS] about the cure"
    assert model.asked == [masked, masked + "!", masked + "?"]


async def test_answers_are_remembered_and_failures_are_not() -> None:
    """A text that was judged costs nothing; one whose judgement failed is asked about again."""
    model = Model()
    of = guard(model)
    await verdict(of)
    await verdict(of)
    assert len(model.asked) == 1
    model.told = Unavailable()
    assert (await verdict(of, "another")).failures[0].kind == "unavailable"
    model.told = YES
    assert (await verdict(of, "another")).failures == ()


@pytest.mark.parametrize(
    ("model", "more", "kind"),
    [
        (None, "", "unavailable"),
        (Model(Unavailable()), "", "unavailable"),
        (Model("perhaps"), "", "error"),
        (Model('{"answer": "yes", "confidence": 7}'), "", "error"),
        (Model(RuntimeError("ada@example.com")), "", "error"),
        (Model(), ", max_chars: 5", "over_budget"),
    ],
    ids=["no model", "unavailable", "no answer", "no confidence", "raises", "too long"],
)
async def test_no_judgement_is_no_pass(model: Model | None, more: str, kind: str) -> None:
    """The request is blocked, and the failure says nothing of the text."""
    told = await verdict(guard(model, more))
    (failure,) = told.failures
    assert (told.action, failure.kind) == (Action.BLOCK, kind)
    assert "ada" not in failure.reason


async def test_the_budget_is_kept_over_all_callers() -> None:
    """Beyond it the rule fails; what was judged before is still known."""
    model = Model('{"answer":"no"}')
    of = guard(model, ", calls_per_minute: 3")
    told = [await verdict(of, f"text {number}") for number in range(5)]
    assert [bool(each.failures) for each in told] == [False, False, False, True, True]
    assert (await verdict(of, "text 0")).failures == ()
    assert len(model.asked) == 3


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        (YES, 0.75),
        ('{"answer":"no","confidence":0.9}', 0.0),
        ('Let me think. {"answer": "YES"}', 1.0),
        ('```json\n{"answer": "yes", "confidence": 1}\n```', 1.0),
        ('{"answer":"no"} and then {"answer":"yes","confidence":0.5}', 0.5),
        ("Yes, it does.", 1.0),
        (" no", 0.0),
    ],
)
def test_answers_are_read_as_models_write_them(answer: str, score: float) -> None:
    """JSON with words around it, the last object of several, or a plain word."""
    assert read(answer) == score


@given(st.text(max_size=200))
def test_reading_any_answer_gives_a_score_or_says_that_it_is_none(answer: str) -> None:
    """Nothing else, and never a number outside 0 to 1."""
    try:
        assert 0 <= read(answer) <= 1
    except BadResult:
        pass


@given(st.text(max_size=200))
def test_a_text_stands_in_the_question_as_one_string(text: str) -> None:
    """Whatever it holds, it cannot end the string it stands in."""
    asked = messages("Is it?", text)
    assert json.loads(asked[1]["content"]) == {"text": text}
    assert text not in asked[0]["content"] or text in messages("Is it?", "")[0]["content"]


@pytest.mark.parametrize(
    "options",
    [
        {"model": "", "question": "q"},
        {"model": "m", "question": " "},
        {"model": "m", "question": "q" * 4001},
        {"model": "m", "question": "q", "entity": "a b"},
        {"model": "m", "question": "q", "max_chars": 0},
        {"model": "m", "question": "q", "calls_per_minute": 0},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    """When the policy is loaded, not when the first text comes."""
    with pytest.raises(CheckError, match="judge"):
        judge(**options)
