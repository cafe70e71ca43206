"""Plain tables: a column for the question, one for the answer, and more where they are wanted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from evals.importing.drafts import QUESTION, Draft, Notes, leftover, texts_of
from evals.importing.records import Document, Record

ANSWER = ("answer", "expected", "expected_answer", "expected_output", "reference", "ground_truth", "ideal")
COLUMNS = {
    *QUESTION,
    *ANSWER,
    *("id", "aliases", "refusal", "tags", "cluster", "split", "weight", "note", "kind"),
    *("doc_id", "quote", "grade", "start", "end", "guardrail", "entities", "context"),
}
"""Every column that is read, in lower case."""

ACTIONS = ("allow", "flag", "pseudonymize", "redact", "block")
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def drafts(document: Document, notes: Notes) -> Iterator[Draft]:
    """What each row says. Raises GoldenError with line and column."""
    records = [_lower(record) for record in document.records]
    leftover(records, COLUMNS, notes)
    for record in records:
        yield _draft(record)


def _lower(record: Record) -> Record:
    """A record whose columns are found however they are written: `Doc ID` is `doc_id`."""
    fields: dict[str, Any] = {}
    for name, value in record.fields.items():
        plain = name.strip().lower().replace(" ", "_").replace("-", "_")
        known = plain if plain in COLUMNS else name
        if known in fields:
            raise record.error(f"there are two columns {known!r}", name, "leave one of them out")
        fields[known] = value
    return Record(fields, record.number, record.file, record.line)


def _draft(record: Record) -> Draft:
    question = record.text(*QUESTION)
    if not question:
        raise record.error("is missing", "question", "give each row a question")
    kind = record.text("kind").lower()
    if kind not in ("", "human", "synthetic"):
        raise record.error(f"{kind[:40]!r} is no kind", "kind", "write human or synthetic")
    return Draft(
        record,
        {"question": question},
        _expected(record),
        relevant=_relevant(record),
        context=texts_of(record, "context", "|"),
        id=record.text("id"),
        tags=texts_of(record, "tags", "|"),
        cluster=record.text("cluster"),
        split=record.text("split"),
        weight=_weight(record),
        note=record.text("note"),
        synthetic=kind == "synthetic",
    )


def _expected(record: Record) -> dict[str, Any]:
    expected: dict[str, Any] = {}
    if answer := record.text(*ANSWER):
        expected["answer"] = answer
    if aliases := texts_of(record, "aliases", "|"):
        if not answer:
            raise record.error("stand without an answer", "aliases", "put the first of them under answer")
        expected["aliases"] = aliases
    if refusal := _written(record, "refusal"):
        if refusal not in _TRUTH:
            raise record.error(
                f"{refusal[:40]!r} is neither true nor false", "refusal", "write true or false"
            )
        expected["refusal"] = _TRUTH[refusal]
    if action := _written(record, "guardrail"):
        if action not in ACTIONS:
            raise record.error(f"{action[:40]!r} is no action", "guardrail", f"write {', '.join(ACTIONS)}")
        entities = texts_of(record, "entities", "|")
        expected["guardrail"] = {"action": action} | ({"entities": entities} if entities else {})
    return expected


def _relevant(record: Record) -> list[dict[str, Any]]:
    """The passages of a row: `doc_id` and, where it names several parted by |, as many quotes and grades."""
    ids = texts_of(record, "doc_id", "|")
    alone = len(ids) == 1
    columns = {
        name: texts_of(record, name, "" if alone else "|") for name in ("quote", "grade", "start", "end")
    }
    for name, values in columns.items():
        if values and len(values) != len(ids):
            what = f"has {len(values)} values for {len(ids)} doc_id"
            raise record.error(what, name, "part them with |, one for each doc_id")
    if bool(columns["start"]) != bool(columns["end"]):
        raise record.error("start and end belong together", "start", "give both, or neither")
    found = []
    for position, id in enumerate(ids):
        passage: dict[str, Any] = {"doc_id": id, "grade": 1}
        if columns["quote"]:
            passage["quote"] = columns["quote"][position]
        for name in ("grade", "start", "end"):
            if columns[name]:
                passage[name] = _whole(record, name, columns[name][position])
        if "start" in passage and passage["start"] >= passage["end"]:
            raise record.error("is not before end", "start", "end is exclusive")
        found.append(passage)
    return found


def _written(record: Record, name: str) -> str:
    value = record.fields.get(name)
    return str(value).lower() if isinstance(value, bool) else record.text(name).lower()


def _whole(record: Record, name: str, written: str) -> int:
    if not (written.isascii() and written.isdigit() and len(written) < 10):
        raise record.error(f"{written[:40]!r} is no whole number", name, "write digits alone")
    return int(written)


def _weight(record: Record) -> float | None:
    written = record.text("weight")
    if not written:
        return None
    try:
        weight = float(written)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight > 0):
        raise record.error(f"{written[:40]!r} is no weight", "weight", "write a number above 0")
    return weight
