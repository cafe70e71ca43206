"""What somebody's own scorer returned, as a score that a run can hold: each field has its type, or there is none."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, TypeVar

from evals.foreign import Failed, settled
from evals.types import Cause, Evidence, Score, ScoreSpan, Status, Usage

Word = TypeVar("Word", bound=StrEnum)


class Malformed(Exception):
    """It is no score; the text says why, and copies nothing of it."""


def checked(found: Any) -> Score:
    """The score with plain values: numbers of other packages are floats, `True` is 1. Raises Malformed."""
    if not isinstance(found, Score):
        raise Malformed(f"returned {type(found).__name__} and no Score")
    try:
        read: Score | Malformed = settled(_tried, found)
    except Failed as failure:
        raise Malformed(f"returned a Score that cannot be read: it {failure}") from None
    if isinstance(read, Malformed):
        raise read
    return read


def _tried(found: Score) -> Score | Malformed:
    try:
        return _read(found)
    except Malformed as why:
        return why


def _read(found: Score) -> Score:
    scored = _one_of(Status, found.status, "status") is Status.SCORED
    if scored != (found.value is not None):
        raise Malformed("returned a Score whose status and value contradict each other")
    cause = _one_of(Cause, found.cause, "cause")
    return Score(
        Status.SCORED if scored else Status.UNSCORED,
        _number(found.value, "value") if scored else None,
        _text(found.reason, "reason"),
        Cause.NONE if scored else cause or Cause.SCORER,
        tuple(map(_span, _each(found.spans))),
        _text(found.looked_at, "looked_at"),
        _share(found.coverage),
        _usage(found.usage),
        _text(found.reply, "reply"),
    )


def _wrong(field: str, value: Any, wanted: str) -> Malformed:
    return Malformed(f"returned a Score whose {field} is {type(value).__name__} and no {wanted}")


def _one_of(kind: type[Word], value: Any, field: str) -> Word:
    if not isinstance(value, str) or str.__str__(value) not in {word.value for word in kind}:
        raise _wrong(field, value, kind.__name__)
    return kind(str.__str__(value))


def _text(value: Any, field: str) -> str:
    """A text that can be written as UTF-8."""
    if not isinstance(value, str):
        raise _wrong(field, value, "text")
    return str.__str__(value).encode("utf-8", "backslashreplace").decode("utf-8")


def _number(value: Any, field: str) -> float:
    if isinstance(value, str | bytes | bytearray) or not hasattr(type(value), "__float__"):
        raise _wrong(field, value, "number")
    try:
        number: float = settled(float, value)
    except Failed:
        raise _wrong(field, value, "number") from None
    if not math.isfinite(number):
        raise Malformed(f"returned a Score whose {field} is not finite")
    return number


def _share(value: Any) -> float | None:
    if value is None:
        return None
    share = _number(value, "coverage")
    if not 0 <= share <= 1:
        raise Malformed("returned a Score whose coverage is not within 0 and 1")
    return share


def _count(value: Any, field: str) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise _wrong(field, value, "whole number") from None
    if number < 0:
        raise Malformed(f"returned a Score whose {field} is below 0")
    return int(number)


def _usage(value: Any) -> Usage | None:
    if value is None:
        return None
    if not isinstance(value, Usage):
        raise _wrong("usage", value, "Usage")
    return Usage(_count(value.prompt_tokens, "usage"), _count(value.completion_tokens, "usage"))


def _each(spans: Any) -> list[Any]:
    if isinstance(spans, str | bytes) or not isinstance(spans, Iterable):
        raise _wrong("spans", spans, "tuple")
    return list(spans)


def _span(value: Any) -> ScoreSpan:
    if not isinstance(value, ScoreSpan):
        raise Malformed(f"returned a Score whose spans hold {type(value).__name__} and no ScoreSpan")
    start, end = _place(value)
    evidence = value.evidence
    if evidence is not None:
        if not isinstance(evidence, Evidence):
            raise _wrong("evidence", evidence, "Evidence")
        evidence = Evidence(_count(evidence.context, "evidence"), *_place(evidence))
    return ScoreSpan(start, end, _text(value.kind, "kind of span"), evidence)


def _place(value: ScoreSpan | Evidence) -> tuple[int, int]:
    start, end = _count(value.start, "span"), _count(value.end, "span")
    if end < start:
        raise Malformed("returned a Score with a span that ends before it starts")
    return start, end
