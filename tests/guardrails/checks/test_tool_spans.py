"""A finding about a call always has a text to stand on."""

from __future__ import annotations

import json

import pytest

from guardrails import arguments
from guardrails.checks.tool_json import ROOT, Place
from guardrails.checks.tool_spans import Spans
from guardrails.conversation import Tool, ToolCall
from guardrails.types import Segment, Stage

AT = "/choices/0/message/tool_calls/0/function"
CALL = ToolCall("send", "", f"{AT}/arguments", f"{AT}/name")


def _texts(value: object, named: bool = True) -> list[Segment]:
    texts = arguments.segments(json.dumps(value), CALL.pointer, Stage.TOOL_CALL, "assistant")
    return [*([Segment("send", CALL.name_pointer, Stage.TOOL_CALL, "assistant")] if named else []), *texts]


@pytest.mark.parametrize(
    ("value", "place", "within"),
    [
        ({"a": "x"}, (ROOT, "a"), "/a"),
        ({"a": {"b": ["x", "y"]}}, (ROOT, "a"), "/a/b#"),
        ({"a": [["x"], "y"]}, ((ROOT, "a"), 0), "/a/0/0"),
        ({"a": True}, (ROOT, "a"), "/a#"),
        ({"a": ""}, (ROOT, "a"), "/a#"),
        ({"": ""}, (ROOT, ""), None),
        ({"x/y~#": 5}, (ROOT, "x/y~#"), "/x~1y~0~2"),
        ({"a": "x"}, (ROOT, "gone"), None),
        ({"a": "x"}, ROOT, None),
        ({}, ROOT, None),
    ],
)
def test_a_finding_stands_on_the_value_or_as_near_as_can_be(
    value: object, place: Place, within: str | None
) -> None:
    """On the value, the first text inside it, its member's name, or the tool's name."""
    texts = _texts(value)
    spans = Spans(texts)
    spans.on_value(CALL, place, "X")
    found = [(text, span) for text, each in zip(texts, spans.listed(), strict=True) for span in each]
    ((text, span),) = found
    assert (text.pointer, text.within) == (
        (CALL.name_pointer, "") if within is None else (CALL.pointer, within)
    )
    assert (span.start, span.end, span.entity, span.score) == (0, len(text.text), "X", 1.0)


def test_without_a_name_the_first_text_of_the_call_or_of_any_call_serves() -> None:
    """A finding is never lost as long as there is any text of a call."""
    for texts in (_texts({"a": "x"}, named=False), [Segment("other", "/o", Stage.TOOL_CALL)]):
        spans = Spans(texts)
        assert spans.takes(CALL)
        assert not spans
        spans.on_name(CALL, "X")
        spans.on_name(CALL, "X")
        assert [len(each) for each in spans.listed()] == [1, *[0] * (len(texts) - 1)]
        assert spans
    assert not Spans([Segment("said", "/o", Stage.OUTPUT)]).takes(CALL)


def test_a_doubled_member_is_found_wherever_it_stands_again() -> None:
    """Each later member of the same name is a finding, its name and its value."""
    texts = arguments.segments('{"a":1,"a":2,"b":{"a":3,"a":4}}', CALL.pointer, Stage.TOOL_CALL, "assistant")
    spans = Spans(texts)
    spans.on_doubled(CALL, "X")
    found = [text.within for text, each in zip(texts, spans.listed(), strict=True) if each]
    assert found == ["/a~x2#", "/a~x2", "/b/a~x2#", "/b/a~x2"]


def test_a_tool_is_found_by_its_name() -> None:
    """The segment of a definition's name has the tool's pointer."""
    tool = Tool("rm", "/tools/0/function/name")
    spans = Spans([Segment("rm", tool.pointer, Stage.TOOL_DEFINITION)])
    assert spans.holds(tool)
    assert not spans.holds(CALL)
    spans.on_name(tool, "X")
    assert [span.entity for span in spans.listed()[0]] == ["X"]
