"""What a span tells, in the names of OpenInference, OpenTelemetry's GenAI conventions or OpenLLMetry.

Reads attributes by name only: whatever has no name here is left where it is. Pure, and raw: what comes out of it
has not been looked at by any rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

Attributes = Mapping[str, Any]

MOST_DOCUMENTS = 200
"""Documents of one span that are kept; `documents_left_out` counts the rest."""
_MOST_MESSAGES = 10_000
_KINDS = {
    "RETRIEVER": "retrieval",
    "TOOL": "tool",
    "LLM": "llm",
    "CHAIN": "chain",
    "AGENT": "agent",
    "EMBEDDING": "embedding",
    "RERANKER": "reranker",
    "GUARDRAIL": "guardrail",
}
_OPERATIONS = {
    "chat": "llm",
    "text_completion": "llm",
    "generate_content": "llm",
    "embeddings": "embedding",
    "execute_tool": "tool",
    "invoke_agent": "agent",
    "create_agent": "agent",
    "invoke_workflow": "chain",
    "retrieval": "retrieval",
}
_OPENLLMETRY = {"workflow": "chain", "task": "chain", "agent": "agent", "tool": "tool"}
_ID_NAMES = ("id", "doc_id", "document_id", "source", "file_path")
"""Members of a document's metadata that name it, where it has no id."""
PLAIN = (
    "llm.model_name",
    "embedding.model_name",
    "reranker.model_name",
    "reranker.top_k",
    "gen_ai.operation.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "gen_ai.data_source.id",
    "gen_ai.agent.name",
    "gen_ai.tool.type",
)
"""Attributes that are kept under their own name, once the rules have seen them."""


@dataclass(frozen=True, slots=True)
class Document:
    """A retrieved document, at its place in the list."""

    rank: int
    id: str
    score: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a span says, of what we keep."""

    kind: str
    query: str | None = None
    documents: tuple[Document, ...] = ()
    left_out: int = 0
    """Documents beyond the first MOST_DOCUMENTS."""
    tool: str | None = None
    call_id: str | None = None
    arguments: str | None = None
    result: str | None = None
    asked: str | None = None
    """The last text that an LLM was asked."""
    response_id: str | None = None
    session: str | None = None
    user: str | None = None


def told(attributes: Attributes) -> Told:
    """What a span with these attributes says."""
    kind = kind_of(attributes)
    session = _text(attributes, "session.id", "gen_ai.conversation.id")
    user = _text(attributes, "user.id", "enduser.id")
    if kind in ("retrieval", "reranker"):
        documents = _documents(attributes)
        return Told(
            kind,
            query=_text(attributes, "gen_ai.retrieval.query.text", "reranker.query", "input.value"),
            documents=tuple(documents[:MOST_DOCUMENTS]),
            left_out=max(0, len(documents) - MOST_DOCUMENTS),
            session=session,
            user=user,
        )
    if kind == "tool":
        return Told(
            kind,
            tool=_text(attributes, "tool.name", "gen_ai.tool.name", "traceloop.entity.name"),
            call_id=_text(attributes, "tool_call.id", "gen_ai.tool.call.id"),
            arguments=_text(
                attributes,
                "gen_ai.tool.call.arguments", "tool_call.function.arguments", "input.value",
                "tool.parameters", "traceloop.entity.input",
            ),
            result=_text(attributes, "gen_ai.tool.call.result", "output.value", "traceloop.entity.output"),
            session=session,
            user=user,
        )  # fmt: skip
    if kind == "llm":
        response_id = _text(attributes, "gen_ai.response.id", "llm.response.id")
        return Told(kind, asked=_asked(attributes), response_id=response_id, session=session, user=user)
    return Told(kind, session=session, user=user)


def kind_of(attributes: Attributes) -> str:
    """One of the words for `outside_span.kind`."""
    for name, words in (
        ("openinference.span.kind", _KINDS),
        ("gen_ai.operation.name", _OPERATIONS),
        ("traceloop.span.kind", _OPENLLMETRY),
    ):
        value = attributes.get(name)
        found = words.get(value.upper() if words is _KINDS else value) if isinstance(value, str) else None
        if found is not None:
            return found
    return "other"


def _text(attributes: Attributes, *names: str) -> str | None:
    """The first of some attributes that is there, as text; what is not text, as JSON."""
    for name in names:
        value = attributes.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list | dict):
            return as_json(value)
    return None


def as_json(value: Any) -> str:
    """A value as JSON; as Python writes it where JSON has no word for it."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        return str(value)


def _parsed(value: Any) -> Any:
    """A value that may come as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


def _documents(attributes: Attributes) -> list[Document]:
    for prefix in ("retrieval.documents", "reranker.output_documents"):
        flat = _flat(attributes, prefix, "document")
        if flat:
            _add_ids(flat, _parsed(attributes.get("output.value")))
            return [_document(number, one) for number, one in enumerate(flat, 1)]
    given = _parsed(attributes.get("gen_ai.retrieval.documents"))
    if not isinstance(given, list):
        return []
    return [_document(number, one) for number, one in enumerate(given, 1) if isinstance(one, dict)]


def _flat(attributes: Attributes, prefix: str, noun: str) -> list[dict[str, Any]]:
    """`prefix.N.noun.name` attributes as one mapping a number, in the order of the numbers."""
    found: dict[int, dict[str, Any]] = {}
    for name, value in attributes.items():
        if not name.startswith(prefix + "."):
            continue
        number, _, rest = name[len(prefix) + 1 :].partition(".")
        if number.isascii() and number.isdigit() and len(number) < 7 and rest.startswith(noun + "."):
            found.setdefault(int(number), {})[rest[len(noun) + 1 :]] = value
    return [found[number] for number in sorted(found)]


def _add_ids(flat: list[dict[str, Any]], output: Any) -> None:
    """Gives documents their ids where only the span's output has them, as LangChain's instrumentation leaves it."""
    given = output.get("documents") if isinstance(output, dict) else output
    if not isinstance(given, list) or len(given) != len(flat):
        return
    for one, other in zip(flat, given, strict=True):
        if isinstance(other, dict) and other.get("page_content", other.get("content")) == one.get("content"):
            one.setdefault("id", other.get("id"))
            one.setdefault("metadata", other.get("metadata"))


def _id(given: Mapping[str, Any]) -> str:
    """A document's id; else what its metadata has for one; empty when nothing names it."""
    metadata = _parsed(given.get("metadata"))
    named = [metadata.get(name) for name in _ID_NAMES] if isinstance(metadata, dict) else []
    for id in (given.get("id"), *named):
        if isinstance(id, str | int) and not isinstance(id, bool) and id != "":
            return str(id)
    return ""


def _score(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e300:
        return None
    return float(value)


def _document(rank: int, given: Mapping[str, Any]) -> Document:
    text = given.get("content", given.get("text"))
    return Document(
        rank=rank,
        id=_id(given),
        score=_score(given.get("score")),
        text=text if isinstance(text, str) else "" if text is None else as_json(text),
    )


def _asked(attributes: Attributes) -> str | None:
    """The last text of the user's that an LLM span was given; of a completion, its prompt."""
    texts = list(_user_texts(attributes))
    if texts:
        return texts[-1]
    prompts = attributes.get("llm.prompts")
    if isinstance(prompts, list) and prompts and isinstance(prompts[-1], str):
        return prompts[-1]
    flat = _flat(attributes, "llm.prompts", "prompt")
    if flat and isinstance(flat[-1].get("text"), str):
        return str(flat[-1]["text"])
    return None


def _user_texts(attributes: Attributes) -> Iterator[str]:
    flat = _flat(attributes, "llm.input_messages", "message")
    for message in flat[-_MOST_MESSAGES:]:
        if message.get("role") == "user":
            yield from _said(message)
    given = _parsed(attributes.get("gen_ai.input.messages")) if not flat else None
    for message in given if isinstance(given, list) else ():
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            parts = message.get("parts", content if isinstance(content, list) else ())
            if isinstance(content, str):
                yield content
            elif text := _joined(part.get("content", part.get("text")) for part in _dicts(parts)):
                yield text
    for number in range(_MOST_MESSAGES):
        # OpenLLMetry before it took the conventions' messages.
        if f"gen_ai.prompt.{number}.role" not in attributes:
            break
        content = attributes.get(f"gen_ai.prompt.{number}.content")
        if attributes[f"gen_ai.prompt.{number}.role"] == "user" and isinstance(content, str):
            yield content


def _said(message: Mapping[str, Any]) -> Iterator[str]:
    content = message.get("content")
    if isinstance(content, str):
        yield content
        return
    parts = _flat({f"_.{name}": value for name, value in message.items()}, "_.contents", "message_content")
    if text := _joined(part.get("text") for part in parts):
        yield text


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list | tuple) else []


def _joined(texts: Iterator[Any]) -> str:
    return "\n".join(text for text in texts if isinstance(text, str))
