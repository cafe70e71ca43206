"""A trace document as a conversation."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxy.review import views
from proxy.review.marks import shown
from tests.proxy.review import documents
from tests.proxy.review.test_marks import HOSTILE, Reader

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["role", "content", "text", "type", "tool_calls", "id", "function", "name", "arguments", "tool_call_id"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def read(part: views.Part) -> str:
    """What a part says."""
    return Reader(str(part.body)).text


def test_a_call_stands_with_its_result() -> None:
    """A tool's answer is shown in the card of the call it answers, not as a turn of its own."""
    detail = views.detail(documents.agent())
    roles = [message.role for message in detail.messages]
    [call] = detail.messages[2].calls

    assert roles == ["system", "user", "assistant"]
    assert [read(part) for part in call.result] == [documents.RESULT]
    assert [(place, read(part)) for place, part in call.arguments] == [
        ("order", "NW-48213"), ("customer/email", "EMAIL_ADDRESS_5c20d9a7f1"), ("customer/notify", "true"),
        ("fields/0", "status"), ("fields/1", "carrier"), ("fields/2", "eta"),
    ]  # fmt: skip


def test_every_finding_with_a_place_is_marked_there() -> None:
    """In messages, inside arguments, in results and in retrieved texts; the marked words are the masked ones."""
    detail = views.detail(documents.agent())

    assert [found.placed for found in detail.findings] == [True] * 8
    assert detail.messages[1].numbers == [1, 2, 3, 4, 8]
    assert detail.messages[2].numbers == [5, 6]
    assert 'data-n="7"' in detail.hits[2].body.body
    assert ">EMAIL_ADDRESS_5c20d9a7f1</mark>" in detail.messages[2].calls[0].arguments[1][1].body


def test_a_finding_without_a_place_is_only_listed() -> None:
    """No place, a place outside the text, or a text that is not there: it is in the table alone."""
    text = "masked"
    finding = documents.finding("/messages/0/content", text, text)
    lost = [
        finding | {"masked_start": None, "masked_end": None},
        finding | {"masked_start": 90, "masked_end": 99},
        finding | {"pointer": "/messages/7/content"},
        finding | {"within": "/nowhere"},
    ]
    document = documents.masked(0, text) | {"findings": lost}

    detail = views.detail(document)

    assert [found.placed for found in detail.findings] == [False] * 4
    assert "<mark" not in detail.messages[0].parts[0].body


def test_a_finding_outside_the_conversation_is_shown_with_its_address() -> None:
    """Any other string of the request in which something was found is shown too."""
    document = documents.trace(0, request={"messages": [], "user": "[EMAIL_ADDRESS]"})
    document["findings"] = [documents.finding("/user", "[EMAIL_ADDRESS]", "[EMAIL_ADDRESS]")]

    [(pointer, part)] = views.detail(document).elsewhere

    assert (pointer, read(part)) == ("/user", "[EMAIL_ADDRESS]")


def test_a_later_answer_is_linked() -> None:
    """A call of the reply that a later trace answers shows that result and where it came from."""
    call = {"id": "c1", "type": "function", "function": {"name": "go", "arguments": "not json"}}
    document = documents.trace(0, response=documents.reply(None, tool_calls=[call]))
    document["tool_calls"] = [
        {"call_id": "c1", "name": "go", "arguments": "not json", "result": "done", "state": "answered", "answered_by": "t2"}
    ]  # fmt: skip

    [shown_call] = views.detail(document).replies[0].calls

    assert [(place, read(part)) for place, part in shown_call.arguments] == [("", "not json")]
    assert ([read(part) for part in shown_call.result], shown_call.answered_by) == (["done"], "t2")


def test_parts_reasoning_and_refusals_are_told_apart() -> None:
    """Text parts are text; a picture is named and left to the JSON; reasoning and refusals say so."""
    content = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "https://evil.example/x.png"}},
    ]
    document = documents.trace(0, request={"messages": [{"role": "user", "content": content}]})
    document["response"] = documents.reply("no", reasoning_content="thinking", refusal="sorry")

    detail = views.detail(document)

    assert [part.name for part in detail.messages[0].parts] == ["", "image"]
    assert "evil" not in "".join(part.body for part in detail.messages[0].parts)
    assert [(part.name, read(part)) for part in detail.replies[0].parts] == [
        ("", "no"), ("reasoning", "thinking"), ("refusal", "sorry"),
    ]  # fmt: skip


def test_a_very_long_text_is_cut_and_says_so() -> None:
    """The page stays readable; what is left out is counted."""
    document = documents.masked(0, "x" * (views.LONGEST + 5))

    [part] = views.detail(document).messages[0].parts

    assert (len(read(part)), part.hidden) == (views.LONGEST, 5)


@given(messages=ANY, message=ANY, text=st.text(max_size=20))
def test_any_stored_shape_can_be_shown(messages: Any, message: Any, text: str) -> None:
    """A document of any shape neither breaks the page nor gets a tag of its own onto it."""
    request = {"messages": [messages, {"role": "user", "content": text + HOSTILE}], "tools": messages}
    document = documents.trace(0, request=request, response={"choices": [{"message": message}, messages]})

    detail = views.detail(document)

    said = [read(part) for part in detail.messages[-1].parts]
    assert said == [shown(text + HOSTILE)]
    for each in (*detail.messages, *detail.replies):
        assert each.role in (*views.ROLES, "other")


def test_deeply_nested_arguments_are_text() -> None:
    """What no parser takes apart, and what has too many members, is cut short instead of breaking the page."""
    deep = "[" * 5_000 + "]" * 5_000
    wide = json.dumps({str(n): n for n in range(views.MOST_ROWS + 50)})
    for text, rows in ((deep, 1), (wide, views.MOST_ROWS + 1)):
        call = {"id": "c", "function": {"name": "f", "arguments": text}}
        document = documents.trace(0, response=documents.reply(None, tool_calls=[call]))
        assert len(views.detail(document).replies[0].calls[0].arguments) == rows
