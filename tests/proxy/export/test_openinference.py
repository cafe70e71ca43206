"""OpenInference: messages, tool calls, documents and findings under the names that its readers know."""

from __future__ import annotations

import json

from proxy.export.openinference import lines, spans
from proxy.otlp.conventions import told
from tests.proxy.store.test_rollups import trace

HIT = {"rank": 1, "doc_id": "handbook-12", "score": 0.83, "text": "Refunds take 5 days.", "source": "inline"}
CALL = {"id": "c1", "type": "function", "function": {"name": "search", "arguments": '{"q":"x"}'}}


def test_a_chat_is_told_message_by_message() -> None:
    """With tools, calls, their answers, parts, and parameters."""
    request = {
        "model": "small",
        "temperature": 0.5,
        "tools": [{"type": "function", "function": {"name": "search"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url"}]},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "42"},
        ],
    }
    reply = {
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Done."}, "finish_reason": "stop"}
        ]
    }

    own, found, guard = spans(trace(request=request, response=reply, retrieval=[HIT]))

    about = own["attributes"]
    assert {
        name: value
        for name, value in about.items()
        if name.startswith("llm.in") or name.startswith("llm.out")
    } == {
        "llm.invocation_parameters": '{"temperature":0.5}',
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.contents.0.message_content.type": "text",
        "llm.input_messages.0.message.contents.0.message_content.text": "hi",
        "llm.input_messages.0.message.contents.1.message_content.type": "image_url",
        "llm.input_messages.1.message.role": "assistant",
        "llm.input_messages.1.message.tool_calls.0.tool_call.id": "c1",
        "llm.input_messages.1.message.tool_calls.0.tool_call.function.name": "search",
        "llm.input_messages.1.message.tool_calls.0.tool_call.function.arguments": '{"q":"x"}',
        "llm.input_messages.2.message.role": "tool",
        "llm.input_messages.2.message.content": "42",
        "llm.input_messages.2.message.tool_call_id": "c1",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "Done.",
    }
    assert json.loads(about["llm.tools.0.tool.json_schema"])["function"] == {"name": "search"}
    assert (found["span_kind"], guard["span_kind"]) == ("RETRIEVER", "GUARDRAIL")
    assert found["parent_id"] == guard["parent_id"] == own["context"]["span_id"]
    assert len({each["context"]["span_id"] for each in (own, found, guard)}) == 3
    assert guard["attributes"]["guardhouse.findings.0.rule"] == "pii"


def test_our_own_ingest_reads_what_was_retrieved() -> None:
    """The names are those that other programs write too."""
    _, found, *_ = spans(trace(retrieval=[HIT]))

    (one,) = told(found["attributes"]).documents
    assert (one.rank, one.id, one.score, one.text) == (1, "handbook-12", 0.83, "Refunds take 5 days.")


def test_other_dialects_are_told_the_same_way() -> None:
    """Messages of Anthropic's, items of Responses, prompts."""
    anthropic = {"system": "Be brief.", "messages": [{"role": "user", "content": "hi"}]}
    said = {
        "content": [
            {"type": "text", "text": "Hello"},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        ]
    }
    items = {
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "hi"},
            {"type": "function_call_output", "call_id": "c", "output": "42"},
        ],
    }
    output = {"output": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]}
    cases = [
        trace(dialect="messages", request=anthropic, response=said),
        trace(dialect="responses", request=items, response=output),
        trace(
            dialect="completions",
            request={"prompt": ["one", "two"]},
            response={"choices": [{"text": "three"}]},
        ),
    ]

    first, second, third = (
        json.loads(line)["attributes"] for line in (next(lines([each])) for each in cases)
    )

    assert first["llm.input_messages.0.message.content"] == "Be brief."
    assert first["llm.input_messages.1.message.content"] == "hi"
    assert first["llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments"] == '{"a":1}'
    assert second["llm.input_messages.0.message.role"] == "system"
    assert second["llm.input_messages.2.message.tool_call_id"] == "c"
    assert second["llm.output_messages.0.message.tool_calls.0.tool_call.id"] == "c"
    assert [third[f"llm.input_messages.{n}.message.content"] for n in (0, 1)] == ["one", "two"]
    assert third["llm.output_messages.0.message.content"] == "three"
