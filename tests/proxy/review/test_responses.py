"""A trace of the Responses dialect reads as a conversation."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from proxy.review import views
from tests.proxy.review import documents
from tests.proxy.review.test_views import ANY, read

CARD = "[CARD]"
ASKED = {"type": "function_call", "call_id": "c1", "name": "find", "arguments": '{"who": "Ada"}'}
TOLD = {"type": "function_call_output", "call_id": "c1", "output": f"found {CARD}"}
ANSWER = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Fine."}]}
THOUGHT = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}


def trace(given: Any, output: Any = None, **over: Any) -> dict[str, Any]:
    """A trace document of the dialect."""
    request = {"model": "m", "instructions": "Be brief.", "input": given}
    response = {"status": "completed", "output": output or []}
    return documents.trace(1, dialect="responses", request=request, response=response, **over)


def test_items_are_turns_and_a_result_stands_in_its_calls_card() -> None:
    """Instructions first, then each item; the finding in the result is marked there."""
    found = documents.finding("/input/2/output", TOLD["output"], CARD)

    detail = views.detail(
        trace([{"role": "user", "content": "Who?"}, ASKED, TOLD], [THOUGHT, ANSWER], findings=[found])
    )

    assert [message.role for message in detail.messages] == ["system", "user", "assistant"]
    [call] = detail.messages[2].calls
    assert [(place, read(part)) for place, part in call.arguments] == [("who", "Ada")]
    assert [read(part) for part in call.result] == [f"found {CARD}"]
    assert detail.findings[0].placed
    assert detail.messages[2].numbers == [1]
    assert [read(part) for message in detail.replies for part in message.parts] == ["hm", "Fine."]
    assert detail.replies[-1].note == "completed"
    assert [message.label for message in detail.replies] == ["reply · reasoning", "reply"]


def test_what_was_found_outside_of_items_is_counted_at_its_turn() -> None:
    """In the instructions, and in an input that is a string."""
    found = [documents.finding(place, f"x {CARD}", CARD) for place in ("/instructions", "/input")]
    asked = trace(f"x {CARD}", findings=found)
    asked["request"]["instructions"] = f"x {CARD}"

    assert [message.numbers for message in views.detail(asked).messages] == [[1], [2]]


def test_every_kind_of_item_says_what_it_holds() -> None:
    """A string as input, refusals, searches, media, and what nobody knows."""
    search = {
        "type": "file_search_call",
        "id": "f",
        "queries": ["q"],
        "results": [{"file_id": "f1", "text": "found"}],
    }
    picture = {
        "role": "user",
        "content": [{"type": "input_image", "omitted": True}, {"type": "refusal", "refusal": "no"}],
    }
    listed = views.detail(trace([TOLD, picture, {"type": "tomorrow", "said": "x"}], [search]))
    plain = views.detail(trace("Hello"))

    assert [message.role for message in listed.messages] == ["system", "tool", "user", "other"]
    assert [part.name for part in listed.messages[2].parts] == ["image", "refusal"]
    assert read(listed.messages[3].parts[0]) == "x"
    [call] = listed.replies[0].calls
    assert [read(part) for _, part in call.arguments] == ["q"]
    assert "found" in [read(part) for part in call.result]
    assert read(plain.messages[1].parts[0]) == "Hello"


def test_tools_are_listed_with_their_descriptions() -> None:
    """They stand flat in this dialect."""
    document = trace("Hello")
    document["request"]["tools"] = [
        {"type": "function", "name": "find", "description": "Finds."},
        {"type": "web_search"},
    ]

    assert [(name, read(part)) for name, part in views.detail(document).tools] == [
        ("find", "Finds."),
        ("web_search", ""),
    ]


@given(ANY, ANY)
def test_whatever_was_kept_is_shown(given_: Any, output: Any) -> None:
    """No shape of a body makes the page fail."""
    items = given_ if isinstance(given_, list) else [given_]
    views.detail(trace(items, output if isinstance(output, list) else [output]))
