"""What spans say, in the names of OpenInference, of OpenTelemetry's GenAI conventions and of OpenLLMetry."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.otlp.conventions import MOST_DOCUMENTS, Document, told

GENAI_MESSAGES = json.dumps(
    [
        {"role": "user", "parts": [{"type": "text", "content": "first"}]},
        {"role": "user", "parts": [{"type": "text", "content": "why?"}]},
    ]
)


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        *(({"openinference.span.kind": word}, kind) for word, kind in {
            "RETRIEVER": "retrieval", "TOOL": "tool", "LLM": "llm", "CHAIN": "chain", "AGENT": "agent",
            "EMBEDDING": "embedding", "RERANKER": "reranker", "GUARDRAIL": "guardrail", "?": "other",
        }.items()),
        *(({"gen_ai.operation.name": word}, kind) for word, kind in {
            "chat": "llm", "embeddings": "embedding", "execute_tool": "tool", "invoke_agent": "agent",
            "retrieval": "retrieval",
        }.items()),
        ({"traceloop.span.kind": "tool"}, "tool"),
        ({"traceloop.span.kind": 7}, "other"),
        ({}, "other"),
    ],
)  # fmt: skip
def test_kinds(attributes: dict[str, Any], kind: str) -> None:
    """Each convention's word for each kind."""
    assert told(attributes).kind == kind


@pytest.mark.parametrize(
    "attributes",
    [
        {
            "openinference.span.kind": "RETRIEVER",
            "input.value": "q",
            "retrieval.documents.10.document.id": "c",
            "retrieval.documents.2.document.id": "b",
            "retrieval.documents.2.document.content": "text",
            "retrieval.documents.2.document.score": 0.5,
        },
        {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.retrieval.query.text": "q",
            "gen_ai.retrieval.documents": json.dumps(
                [{"id": "b", "score": 0.5, "content": "text"}, {"id": "c"}]
            ),
        },
        {
            "openinference.span.kind": "RERANKER",
            "reranker.query": "q",
            "reranker.output_documents.0.document.id": "b",
            "reranker.output_documents.0.document.content": "text",
            "reranker.output_documents.0.document.score": 0.5,
            "reranker.output_documents.1.document.id": "c",
        },
    ],
)
def test_hits_come_in_their_order(attributes: dict[str, Any]) -> None:
    """Ranked by their number, not by how the numbers sort as text; what is not said is empty."""
    found = told(attributes)

    assert found.query == "q"
    assert found.documents == (Document(1, "b", 0.5, "text"), Document(2, "c", None, ""))


def test_ids_that_only_the_output_or_the_metadata_has() -> None:
    """LangChain's instrumentation leaves the ids in the output; a loader leaves them in the metadata."""
    span = {
        "openinference.span.kind": "RETRIEVER",
        "retrieval.documents.0.document.content": "a",
        "retrieval.documents.1.document.content": "b",
        "output.value": json.dumps(
            {
                "documents": [
                    {"id": "x", "page_content": "a"},
                    {"metadata": {"source": "b.md"}, "page_content": "b"},
                ]
            }
        ),
    }

    assert [one.id for one in told(span).documents] == ["x", "b.md"]


def test_documents_are_bounded() -> None:
    """The first 200 are kept, the others counted."""
    many = {f"retrieval.documents.{n}.document.id": str(n) for n in range(MOST_DOCUMENTS + 5)}
    found = told({"openinference.span.kind": "RETRIEVER", **many})

    assert (len(found.documents), found.left_out, found.documents[-1].id) == (200, 5, "199")


@pytest.mark.parametrize(
    "attributes",
    [
        {"openinference.span.kind": "TOOL", "tool.name": "t", "tool_call.id": "c", "input.value": "in", "output.value": "out"},
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t", "gen_ai.tool.call.id": "c",
         "gen_ai.tool.call.arguments": "in", "gen_ai.tool.call.result": "out"},
    ],
)  # fmt: skip
def test_tools(attributes: dict[str, Any]) -> None:
    """Name, call id, arguments and result."""
    found = told(attributes)

    assert (found.tool, found.call_id, found.arguments, found.result) == ("t", "c", "in", "out")


@pytest.mark.parametrize(
    "attributes",
    [
        {
            "openinference.span.kind": "LLM",
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": "first",
            "llm.input_messages.10.message.role": "user",
            "llm.input_messages.10.message.contents.0.message_content.text": "why?",
            "llm.input_messages.11.message.role": "assistant",
            "llm.input_messages.11.message.content": "because",
        },
        {"openinference.span.kind": "LLM", "llm.prompts": ["why?"]},
        {"gen_ai.operation.name": "chat", "gen_ai.input.messages": GENAI_MESSAGES},
        {"gen_ai.operation.name": "chat", "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "why?"},
    ],
)
def test_what_was_asked_last(attributes: dict[str, Any]) -> None:
    """The last text of the user's, however it is written."""
    assert told({**attributes, "gen_ai.response.id": "chatcmpl-1"}).asked == "why?"
    assert told({**attributes, "gen_ai.response.id": "chatcmpl-1"}).response_id == "chatcmpl-1"


@pytest.mark.parametrize("odd", [None, 7, [], {}, "{", True, [1, {"a": None}]])
def test_odd_values_are_read_over(odd: Any) -> None:
    """An attribute may hold anything."""
    for name in ("retrieval.documents.0.document.id", "retrieval.documents.0.document.score", "gen_ai.retrieval.documents",
                 "input.value", "output.value", "llm.prompts", "gen_ai.input.messages", "session.id"):  # fmt: skip
        for kind in ("RETRIEVER", "TOOL", "LLM"):
            told({"openinference.span.kind": kind, name: odd})
