"""Is the answer the JSON that was asked for."""

from __future__ import annotations

from decimal import Decimal
from math import isinf
from typing import Any

from evals.scorer import Measure, Scorer
from evals.types import Case, Cause, Output, Score

LONGEST_POINTER = 200
"""Characters of a pointer that a reason holds: names in it may be the model's own."""
FENCE = "```"


def json_schema() -> Scorer:
    """1 when the answer is JSON and nothing besides, and fits the schema; else 0, and where it does not fit.

    Needs `expected.json_schema`.
    """
    return Measure("json_schema", "2", lambda case: case.expected.json_schema is not None, _score)


def _score(case: Case, output: Output) -> Score:
    looked_at = f"{len(output.text)} characters"
    if output.verdict == "block":
        return Score.of(0.0, "guardrails blocked the reply", looked_at=looked_at)
    wrong = _wrong(case.expected.json_schema, output.text)
    if wrong is None:
        return Score.unscored(
            "the schema takes too many steps for this answer", Cause.SCORER, looked_at=looked_at
        )
    fenced = _fenced(output.text)
    if wrong and fenced is not None:
        inside = _wrong(case.expected.json_schema, fenced)
        told = {None: "", "": ", which fits inside it"}.get(inside, f"; inside it, {inside}")
        return Score.of(0.0, f"the answer is in a code fence{told}", looked_at=looked_at)
    return Score.of(float(not wrong), wrong, looked_at=looked_at)


def _fenced(text: str) -> str | None:
    """What stands in the one code fence that a text consists of; None where it does not."""
    bare = text.strip()
    head, line, rest = bare.partition("\n")
    if not (line and head.startswith(FENCE) and rest.endswith(FENCE)):
        return None
    return rest[: -len(FENCE)]


def _wrong(schema: Any, text: str) -> str | None:
    """What is wrong with an answer, without a word of it but names on the way; empty when nothing is.

    None when it takes too long to say.
    """
    from guardrails.checks.tool_json import pointer, read
    from guardrails.checks.tool_keywords import TooMuch
    from guardrails.checks.tool_schema import Schema

    if not text.strip():
        return "the answer is empty"
    found = read(text)
    if not found.is_json:
        return "the answer is not JSON"
    if found.doubled:
        return "an object in the answer has two members of one name"
    if _overflows(found.value):
        return "the answer holds a number that is too large to be read"
    try:
        place = Schema(schema).fault(found.value, len(text))
    except TooMuch:
        return None
    if place is None:
        return ""
    where = pointer(place)
    cut = where if len(where) <= LONGEST_POINTER else f"{where[:LONGEST_POINTER]}…"
    return f"{cut} does not fit the schema" if where else "the answer as a whole does not fit the schema"


def _overflows(value: Any) -> bool:
    """Whether a number stands in a value that programs read as infinite, such as 1e999: JSON has no infinity."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            left += each.values()
        elif isinstance(each, list):
            left += each
        elif isinstance(each, Decimal) and isinf(float(each)):
            return True
    return False
