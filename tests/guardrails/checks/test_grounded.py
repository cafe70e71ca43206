"""Groundedness on live traffic: evidence from the conversation, spans in the reply."""

from __future__ import annotations

import pytest

from guardrails.checks.grounded import UNGROUNDED, grounding
from guardrails.checks.grounding import score
from guardrails.checks.grounding_t1 import score as score_t1
from guardrails.conversation import Conversation
from guardrails.engine import Guard
from guardrails.errors import CheckError
from guardrails.policy import parse
from guardrails.pseudonyms import Vault
from guardrails.types import Segment, Stage, Verdict

DOCUMENT = "The Harbour library opens at nine in the morning and closes at six. Members may borrow ten books."
QUESTION = "When does the library open, and how many books may I borrow?"
GOOD = "The Harbour library opens at nine in the morning. Members may borrow ten books."
BAD = (
    "The Harbour library opens at nine in the morning. The museum next door charges forty dollars on Sundays."
)
GUARD = Guard(
    parse("name: p\nrules: [{id: g, check: grounding, stages: [output], action: flag, threshold: 0}]\n"), b"k"
)


def said(channel: str = "retrieved:d1") -> Conversation:
    """A question and a document."""
    texts = [
        Segment(DOCUMENT, "/guardhouse/retrieval/0/text", Stage.RETRIEVAL, channel),
        Segment(QUESTION, "/messages/0/content", Stage.INPUT),
    ]
    return Conversation(texts, texts)


async def judged(answer: str, pointer: str = "/choices/0/message/content", **more: str) -> Verdict:
    """The verdict on an answer."""
    segment = Segment(answer, pointer, Stage.OUTPUT, "assistant")
    return await GUARD.inspect([segment], reply=True, conversation=said(**more))


@pytest.mark.parametrize("channel", ["retrieved:d1", "tool:search"])
async def test_spans_are_those_of_the_evals_scorer(channel: str) -> None:
    """One measure, two uses: the same sentences with the same scores."""
    for answer in (GOOD, BAD):
        expected = [(s.start, s.end, s.score) for s in score(QUESTION, [DOCUMENT], answer).spans]
        found = (await judged(answer, channel=channel)).findings
        assert [(f.start, f.end, f.score) for f in found] == expected
        assert {f.entity for f in found} <= {UNGROUNDED}
    assert expected, "the invented sentence is found"


@pytest.mark.parametrize(
    ("answer", "pointer", "channel"),
    [
        (BAD, "/choices/0/message/refusal", "retrieved:d1"),
        (BAD, "/choices/0/message/reasoning_content", "retrieved:d1"),
        (BAD, "/choices/0/message/content", "user"),
        ("No idea.", "/choices/0/message/content", "retrieved:d1"),
    ],
    ids=["refusal", "reasoning", "no evidence", "short"],
)
async def test_what_is_no_answer_to_evidence_is_let_through(answer: str, pointer: str, channel: str) -> None:
    """There is nothing to measure it by."""
    assert (await judged(answer, pointer, channel=channel)).findings == ()


async def test_a_stream_is_judged_at_its_end_with_values_in_place_of_pseudonyms() -> None:
    """A name that the model knows by its token is the name in the evidence."""
    vault = Vault(b"k", "t", "s")
    token = vault.mint("PERSON", "Harbour")
    stream = GUARD.stream("/choices/0/message/content", vault, "assistant", said())
    stream.push(GOOD.replace("Harbour", token))
    await stream.finish()
    plain = await judged(GOOD)
    assert [f.score for f in stream.verdict.findings] == [f.score for f in plain.findings]


def test_options_that_make_no_sense_are_refused() -> None:
    """No sources, or a length below zero."""
    for options in ({"sources": []}, {"min_chars": -1}):
        with pytest.raises(CheckError, match="grounding"):
            grounding(**options)  # type: ignore[arg-type]


async def test_tier_t1_gives_the_spans_of_t1() -> None:
    """The option chooses the measure, and nothing else."""
    policy = "name: p\nrules: [{id: g, check: grounding, with: {tier: T1}, stages: [output], action: flag, threshold: 0, timeout_ms: 60000}]\n"
    segment = Segment(BAD, "/choices/0/message/content", Stage.OUTPUT, "assistant")
    found = (await Guard(parse(policy), b"k").inspect([segment], reply=True, conversation=said())).findings

    expected = score_t1(QUESTION, [DOCUMENT], BAD).spans
    assert [(f.start, f.end, f.score) for f in found] == [(s.start, s.end, s.score) for s in expected]
    assert expected
