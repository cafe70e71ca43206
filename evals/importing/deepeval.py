"""Goldens as DeepEval saves them: JSON, JSON Lines or CSV, of one turn or of several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evals.golden import canonical
from evals.importing.drafts import Draft, Notes, leftover, list_of, texts_of
from evals.importing.records import Document, Record
from evals.importing.talk import TOOLS_UNTOLD, expected_calls, scenario

SIGNS = {
    *("expected_output", "expectedOutput", "actual_output", "actualOutput", "retrieval_context"),
    *("retrievalContext", "expected_tools", "expectedTools", "additional_metadata", "additionalMetadata"),
    *("scenario", "expected_outcome", "expectedOutcome"),
}
"""Fields that only DeepEval's files have."""

_RECORDED = {
    *(
        "actual_output",
        "actualOutput",
        "retrieval_context",
        "retrievalContext",
        "tools_called",
        "toolsCalled",
    ),
    *("token_cost", "tokenCost", "input_token_count", "inputTokenCount", "output_token_count"),
    *("outputTokenCount", "completion_time", "completionTime"),
}
"""What an application once gave back: an output, not an expectation."""

_KEPT = {
    "name": ("name",),
    "metadata": ("additional_metadata", "additionalMetadata"),
    "custom": ("custom_column_key_values", "customColumnKeyValues"),
    "persona": ("persona", "user_description", "userDescription"),
    "scenario": ("scenario",),
}
"""What an item keeps under `source`, by the names that DeepEval gives it."""

_SYNTHESIZED = ("evolutions", "context_quality", "synthetic_input_quality")
"""Metadata that its synthesizer writes."""

_READ = {
    *("id", "input", "expected_output", "expectedOutput", "context", "expected_tools", "expectedTools"),
    *("turns", "expected_outcome", "expectedOutcome", "comments", "source_file", "sourceFile", "tags"),
    *("expectations", "expected_labels", "expectedLabels"),
    *(name for names in _KEPT.values() for name in names),
}


def drafts(document: Document, notes: Notes) -> Iterator[Draft]:
    """What each golden says. Raises GoldenError with row and field."""
    leftover(document.records, _READ | _RECORDED, notes)
    for record in document.records:
        for name in sorted(_RECORDED):
            if record.first(name)[0]:
                notes.add(f"{name!r} is a recorded output, not imported", record)
        asked = _input(record, notes)
        if asked is not None:
            yield _draft(record, asked, notes)


def _input(record: Record, notes: Notes) -> dict[str, Any] | None:
    """What is asked; None, with a note, when an item cannot ask it."""
    if record.first("scenario", "turns")[0]:
        turns = list_of(record, "turns")
        if turns:
            return scenario(record, "turns", turns, notes)
        notes.add("has a scenario but no turns, left out: no user is simulated here", record)
        return None
    question = record.text("input")
    if not question:
        raise record.error("is missing", "input", "give each golden an input, or a scenario with turns")
    if "[DEEPEVAL:IMAGE:" in question or "[DEEPEVAL:PDF:" in question:
        notes.add("asks about an image or a PDF, left out", record)
        return None
    return {"question": question}


def _draft(record: Record, asked: dict[str, Any], notes: Notes) -> Draft:
    draft = Draft(record, asked, id=record.text("id"), note=record.text("comments"))
    if answer := record.text("expected_output", "expectedOutput"):
        draft.expected["answer"] = answer
    if outcome := record.text("expected_outcome", "expectedOutcome"):
        notes.add("'expected_outcome' needs a judge: kept under `criteria`, no scorer reads it", record)
        draft.criteria.append(outcome)
    name, _ = record.first("expected_tools", "expectedTools")
    if name:
        calls, words = expected_calls(record, name, list_of(record, name, ";"))
        if calls is None:
            notes.add("expected tools without arguments: kept under `criteria`, no scorer reads it", record)
            draft.criteria.append(words)
        else:
            draft.expected["tool_calls"] = calls
            notes.add(TOOLS_UNTOLD, record)
    for name in ("expectations", "expected_labels", "expectedLabels"):
        if record.first(name)[0]:
            value = record.fields[name]
            notes.add(f"{name!r} needs a judge: kept under `criteria`, no scorer reads it", record)
            draft.criteria.append(value if isinstance(value, str) else canonical(value))
    draft.context = texts_of(record, "context", "|")
    draft.cluster = record.text("source_file", "sourceFile")
    for kept, names in _KEPT.items():
        found = record.first(*names)[1]
        if found is not None:
            draft.source[kept] = found
    metadata = draft.source.get("metadata")
    written = canonical(metadata)
    draft.synthetic = any(f'"{sign}"' in written for sign in _SYNTHESIZED) or any(
        sign in metadata for sign in _SYNTHESIZED if isinstance(metadata, str)
    )
    draft.tags = texts_of(record, "tags", "|")
    return draft
