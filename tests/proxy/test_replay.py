"""Stored traffic judged by another policy."""

from __future__ import annotations

from typing import Any

import pytest

from guardrails.engine import Guard
from guardrails.policy import parse
from proxy.document import document
from proxy.replay import Replayed, Summary, replay
from tests.proxy.exchanges import masked


def guard(*rules: str) -> Guard:
    """A guard with these rules."""
    return Guard(parse("name: p\nrules:\n" + "".join(f"  - {rule}\n" for rule in rules)), b"k")


MAIL = "{id: pii, check: pii, with: {entities: [EMAIL_ADDRESS]}, stages: [input, output], action: redact}"
BLOCK = MAIL.replace("redact", "block")
FLAG = MAIL.replace("redact", "flag")
DONE = "{id: done, check: words, with: {deny: [done]}, stages: [output], action: block}"
SEEN = "{id: seen, check: words, with: {deny: [found]}, stages: [retrieval], action: flag}"


async def replayed(document: dict[str, Any], old: Guard, new: Guard) -> tuple[Replayed, Summary]:
    """One document replayed."""
    summary = Summary()
    (told,) = [each async for each in replay([document], old, new, summary)]
    return told, summary


async def test_a_masked_value_is_judged_again_as_what_it_was() -> None:
    """Stricter and weaker are told by action, on the side where it changed."""
    for old, new, change in ((MAIL, BLOCK, "stricter"), (BLOCK, MAIL, "weaker"), (MAIL, MAIL, "same")):
        told, summary = await replayed(document(masked()), guard(old), guard(new))
        assert (told.change, summary.changes) == (change, {change: 1})
    assert told.sides[0].gone == told.sides[0].come == ()


async def test_a_change_in_the_reply_is_seen_unless_the_request_is_blocked() -> None:
    """What the new policy blocks at the door it need not judge on the way out."""
    told, summary = await replayed(document(masked()), guard(MAIL), guard(MAIL, DONE))
    assert [(side.side, side.old, side.new, side.come) for side in told.sides] == [
        ("input", "redact", "redact", ()),
        ("output", "allow", "block", ("done DENIED_WORD",)),
    ]
    assert summary.rules == {"+done DENIED_WORD": 1}
    told, _ = await replayed(document(masked()), guard(BLOCK), guard(BLOCK, DONE))
    assert [side.side for side in told.sides] == ["input"]


async def test_retrieved_texts_are_judged_too_and_findings_alone_are_another_change() -> None:
    """They are kept apart from the request."""
    kept = document(masked())
    kept["retrieval"] = [{"doc_id": "d", "rank": 1, "text": "a thing was found", "score": None}]
    told, summary = await replayed(kept, guard(FLAG), guard(FLAG, SEEN))
    assert told.change == "other"
    assert summary.rules == {"+seen DENIED_WORD": 1}


async def test_what_cannot_be_replayed_is_counted() -> None:
    """Traces without texts, masks without a stand-in, and rules that cannot be asked."""
    without = document(masked())
    without["request"] = None
    odd = document(masked("[SOME_KEY]"))
    judge = (
        "{id: j, check: judge, with: {model: m, question: q}, stages: [input], action: flag, on_error: allow}"
    )
    summary = Summary()
    told = [each async for each in replay([without, odd], guard(MAIL), guard(MAIL, judge), summary)]
    assert (len(told), summary.traces, summary.skipped) == (1, 1, 1)
    assert summary.left == {"SOME_KEY": 1}
    assert summary.failures == {"j": 1}


@pytest.mark.parametrize(
    ("dialect", "request_", "response"),
    [
        (
            "completions",
            {"prompt": ["mail [EMAIL_ADDRESS]", {"type": "tokens", "omitted": True}]},
            {"choices": []},
        ),
        ("embeddings", {"input": "mail [EMAIL_ADDRESS]"}, {"data": {"type": "vectors", "count": 1}}),
        (
            "moderations",
            {"input": [{"type": "text", "text": "mail [EMAIL_ADDRESS]"}]},
            {"results": [{"flagged": True}]},
        ),
    ],
)
async def test_traces_without_messages_are_replayed(dialect: str, request_: Any, response: Any) -> None:
    """What was kept of prompts and inputs is judged like any text, notes and all."""
    kept = document(masked()) | {"dialect": dialect, "request": request_, "response": response}

    told, summary = await replayed(kept, guard(MAIL), guard(BLOCK))

    assert (told.change, summary.traces, summary.skipped) == ("stricter", 1, 0)
