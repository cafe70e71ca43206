"""A trace of messages reads as a conversation, with every finding in its place."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxy.document import at
from proxy.review import views
from proxy.review.messages_view import ORIGINAL, as_chat
from tests.proxy.review import documents
from tests.proxy.review.test_views import read

MASK = "EMAIL_ADDRESS_5c20d9a7f1"
TEXT = f"Write to {MASK}."
REQUEST: dict[str, Any] = {
    "model": "claude",
    "system": [{"type": "text", "text": TEXT}],
    "tools": [{"name": "send", "description": TEXT, "input_schema": {"type": "object"}}],
    "messages": [
        {"role": "user", "content": TEXT},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": TEXT, "signature": "s"},
                {"type": "text", "text": TEXT},
                {"type": "tool_use", "id": "toolu_1", "name": "send", "input": {"to": TEXT}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "text", "text": TEXT}],
                },
                {"type": "document", "title": TEXT, "source": {"type": "text", "data": TEXT}},
                {"type": "search_result", "source": "x", "content": [{"type": "text", "text": TEXT}]},
                {"type": "image", "omitted": True},
            ],
        },
    ],
}
RESPONSE: dict[str, Any] = {
    "type": "message",
    "content": [
        {"type": "text", "text": TEXT},
        {"type": "tool_use", "id": "toolu_2", "name": "send", "input": {"to": TEXT}},
    ],
    "stop_reason": "tool_use",
}
PLACES = {
    "input": [
        "/system/0/text",
        "/tools/0/description",
        "/messages/0/content",
        "/messages/1/content/0/thinking",
        "/messages/1/content/1/text",
        "/messages/2/content/0/content/0/text",
        "/messages/2/content/1/title",
        "/messages/2/content/1/source/data",
        "/messages/2/content/2/content/0/text",
    ],
    "output": ["/content/0/text"],
}


def trace(request: Any = REQUEST, response: Any = RESPONSE, **over: Any) -> dict[str, Any]:
    """A trace of the dialect with a finding in every text."""
    findings = [
        documents.finding(pointer, TEXT, MASK, side=side)
        for side, pointers in PLACES.items()
        for pointer in pointers
    ]
    calls = [
        documents.finding("/messages/1/content/2/input", TEXT, MASK, within="/to"),
        documents.finding("/content/1/input", TEXT, MASK, within="/to", side="output"),
    ]
    return documents.trace(
        1, dialect="messages", request=request, response=response, findings=[*findings, *calls], **over
    )


def test_the_conversation_can_be_read() -> None:
    """System prompt, turns, thoughts, calls with their results, and why it ended."""
    detail = views.detail(trace())

    assert [message.role for message in detail.messages] == ["system", "user", "assistant", "user"]
    [call] = detail.messages[2].calls
    assert [(place, read(part)) for place, part in call.arguments] == [("to", TEXT)]
    assert [read(part) for part in call.result] == [TEXT]
    assert [(part.name, read(part)) for part in detail.messages[2].parts][1] == ("reasoning", TEXT)
    assert detail.messages[3].parts[-1].name == "image"
    [reply] = detail.replies
    assert reply.note == "finished: tool_use"
    assert [name for name, _ in detail.tools] == ["send"]


def test_every_finding_is_marked_where_it_stands() -> None:
    """And the table tells its pointer as the trace has it."""
    detail = views.detail(trace())

    assert [found.where for found in detail.findings if not found.placed] == []
    assert [found.where for found in detail.findings][:9] == PLACES["input"]
    assert [pointer for pointer, _ in detail.elsewhere] == ["/messages/2/content/1/title"]


def test_moved_findings_lead_to_the_same_text() -> None:
    """Whatever was moved, its pointer was moved with it."""
    read_as = as_chat(trace())

    for found in read_as["findings"]:
        side = read_as["request" if found["side"] == "input" else "response"]
        text = at(side, found["pointer"])
        assert text == TEXT or (found["within"] and TEXT in text), found["pointer"]


def test_a_refusal_is_shown_as_one() -> None:
    """A reply with nothing in it still says how it ended; a trace without bodies has no turns."""
    refused = views.detail(trace(response={**RESPONSE, "content": [], "stop_reason": "refusal"}))
    empty = views.detail(trace(request=None, response=None))

    assert [reply.note for reply in refused.replies] == ["finished: refusal"]
    assert (empty.messages, empty.replies) == ([], [])


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["role", "content", "text", "type", "input", "id", "name", "thinking", "source", "data", "tool_use_id"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(system=ANY, messages=ANY, tools=ANY, content=ANY)
def test_any_document_can_be_shown(system: Any, messages: Any, tools: Any, content: Any) -> None:
    """What strangers wrote never breaks the page."""
    views.detail(trace({"system": system, "messages": messages, "tools": tools}, {"content": content}))


def test_what_a_chat_has_no_place_for_keeps_its_pointer() -> None:
    """It is found below the original."""
    moved = as_chat(trace())["findings"][6]["pointer"]

    assert moved == f"{ORIGINAL}/messages/2/content/1/title"
