"""Datasets as Ragas writes them: JSON, JSON Lines or CSV, of today's columns or of those before 0.2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evals.golden import canonical
from evals.importing.drafts import Draft, Notes, leftover, list_of, texts_of
from evals.importing.records import Document, Record
from evals.importing.talk import TOOLS_UNTOLD, expected_calls, scenario

SIGNS = {
    *(
        "user_input",
        "reference_contexts",
        "retrieved_contexts",
        "reference_context_ids",
        "retrieved_context_ids",
    ),
    *("ground_truth", "ground_truths", "synthesizer_name", "evolution_type", "eval_sample"),
    "reference_tool_calls",
}
"""Fields that only Ragas's files have."""

_RECORDED = {"response", "answer", "multi_responses", "retrieved_contexts", "retrieved_context_ids"}
_KEPT = ("persona_name", "query_style", "query_length", "metadata", "name")
_JUDGED = ("rubrics", "rubric", "reference_topics")
_READ = {
    *("id", "user_input", "question", "reference", "ground_truth", "ground_truths", "reference_contexts"),
    *("reference_context_ids", "contexts", "reference_tool_calls", "synthesizer_name", "evolution_type"),
    *("episode_done", "tags", *_KEPT, *_JUDGED),
}


def drafts(document: Document, notes: Notes) -> Iterator[Draft]:
    """What each sample says. Raises GoldenError with row and field."""
    records = [_flat(record) for record in document.records]
    leftover(records, _READ | _RECORDED, notes)
    for record in records:
        yield _draft(record, notes)


def _flat(record: Record) -> Record:
    """A sample out of a test set, where it stands one level lower."""
    inner = record.fields.get("eval_sample")
    if not isinstance(inner, dict):
        return record
    outer = {name: value for name, value in record.fields.items() if name != "eval_sample"}
    return Record({**inner, **outer}, record.number, record.file, record.line)


def _draft(record: Record, notes: Notes) -> Draft:
    draft = Draft(record, _input(record, notes), _expected(record, notes), id=record.text("id"))
    made_by = record.text("synthesizer_name", "evolution_type")
    draft.synthetic = bool(made_by)
    draft.tags = [*texts_of(record, "tags", "|"), *([made_by] if made_by else [])]
    recorded = _RECORDED if made_by else _RECORDED | {"contexts"}
    for name in sorted(recorded):
        if record.first(name)[0]:
            notes.add(f"{name!r} is a recorded output, not imported", record)
    for name in _JUDGED:
        if (value := record.first(name)[1]) is not None:
            notes.add(f"{name!r} needs a judge: kept under `criteria`, no scorer reads it", record)
            draft.criteria.append(value if isinstance(value, str) else canonical(value))
    for name in _KEPT:
        if (value := record.first(name)[1]) is not None:
            draft.source[name] = value
    # Test sets before 0.2 call the passages that a question was made from `contexts`.
    contexts = texts_of(record, "reference_contexts") or (texts_of(record, "contexts") if made_by else [])
    ids = texts_of(record, "reference_context_ids")
    if ids and contexts and len(ids) != len(contexts):
        what = f"names {len(ids)} documents for {len(contexts)} reference_contexts"
        raise record.error(what, "reference_context_ids", "give each context its id")
    if ids:
        quotes = contexts or [""] * len(ids)
        draft.relevant = [
            {"doc_id": id, "grade": 1} | ({"quote": quote} if quote else {})
            for id, quote in dict.fromkeys(zip(ids, quotes, strict=True))
        ]
    else:
        draft.context = contexts
    return draft


def _input(record: Record, notes: Notes) -> dict[str, Any]:
    name, value = record.first("user_input", "question")
    if not name:
        raise record.error("is missing", "user_input", "give each sample a user_input")
    is_talk = isinstance(value, list) or (isinstance(value, str) and value.lstrip().startswith("[{"))
    return (
        scenario(record, name, list_of(record, name), notes) if is_talk else {"question": record.text(name)}
    )


def _expected(record: Record, notes: Notes) -> dict[str, Any]:
    expected: dict[str, Any] = {}
    answers = [record.text("reference", "ground_truth")]
    answers += texts_of(record, "ground_truths")
    answers = list(dict.fromkeys(answer for answer in answers if answer))
    if answers:
        expected["answer"] = answers[0]
        if answers[1:]:
            expected["aliases"] = answers[1:]
    name, _ = record.first("reference_tool_calls")
    if name:
        calls, words = expected_calls(record, name, list_of(record, name))
        if calls is None:
            notes.add(f"{words} without arguments: not imported", record)
        else:
            expected["tool_calls"] = calls
            notes.add(TOOLS_UNTOLD, record)
    return expected
