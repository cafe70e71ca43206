"""What is new in a turn, and what the step before already had."""

from __future__ import annotations

from typing import Any

from proxy.review.new_turn import known
from proxy.review.views import detail
from tests.proxy.review import documents


def trace(messages: list[dict[str, Any]], answer: str, **over: Any) -> dict[str, Any]:
    """A trace with these messages."""
    return documents.trace(0, request={"messages": messages}, response=documents.reply(answer), **over)


def flags(now: dict[str, Any], before: dict[str, Any]) -> list[bool]:
    """For each message on the page of `now`."""
    return known(now, before, detail(now).messages)


def user(text: str) -> dict[str, Any]:
    """A message."""
    return {"role": "user", "content": text}


def test_history_and_the_answer_sent_back_are_known() -> None:
    """What is new begins after the reply of the step before."""
    before = trace([user("one")], "two")
    history = [user("one"), {"role": "assistant", "content": "two"}, user("three"), user("one")]
    assert flags(trace(history, "four"), before) == [True, True, False, False]


def test_a_changed_history_is_new_from_there_on() -> None:
    """A conversation that was cut or rewritten is not taken for the old one."""
    before = trace([user("one"), user("two")], "answer")
    assert flags(trace([user("one"), user("2"), user("two")], "x"), before) == [True, False, False]
    assert flags(trace([user("other")], "x"), before) == [False]
    assert flags(before, documents.trace(1, request=None, response=None)) == [False, False]


def test_messages_of_anthropic_are_compared_too() -> None:
    """Whose page shows them in another shape."""
    before = documents.trace(
        0,
        dialect="messages",
        request={"system": "s", "messages": [user("one")]},
        response={"content": [{"type": "text", "text": "two"}]},
    )
    history = [
        user("one"),
        {"role": "assistant", "content": [{"type": "text", "text": "two"}]},
        user("three"),
    ]
    now = documents.trace(0, dialect="messages", request={"system": "s", "messages": history}, response=None)
    assert flags(now, before) == [True, True, True, False]
