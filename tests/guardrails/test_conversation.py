"""The conversation around a text: what was sent of it, and which calls came before."""

from __future__ import annotations

from guardrails.conversation import Conversation, ToolCall
from guardrails.types import Edit, Segment, Stage


def test_sent_texts_carry_the_edits_made_for_the_model_and_the_others_stay_the_same_objects() -> None:
    """An edit goes to the one segment at its pointer and within."""
    plain = Segment("hello", "/messages/0/content", Stage.INPUT)
    number = Segment("4711", "/messages/1/content", Stage.INPUT, "user", "/a")
    name = Segment("4711", "/messages/1/content", Stage.INPUT, "user", "/a#")
    sent = (
        Conversation([plain, number, name])
        .edited([Edit("/messages/1/content", 0, 4, "[X]", within="/a")])
        .sent
    )
    assert [text.text for text in sent] == ["hello", "[X]", "4711"]
    assert sent[0] is plain
    assert sent[2] is name


def test_calls_that_were_looked_at_count_as_earlier_ones_when_the_next_are() -> None:
    """A reply's calls are looked at one by one in a stream; none is forgotten."""
    old, first, second = (ToolCall(name, "{}", f"/{name}/arguments", f"/{name}/name") for name in "abc")
    told = Conversation(calls=[old]).calling([first]).calling([second])
    assert [call.name for call in told.calls] == ["a", "b"]
    assert [call.name for call in told.called] == ["c"]
