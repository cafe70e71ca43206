"""What two runs gave for one case, side by side: both outputs with their words compared, hits, scores. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.eval_scores import Key, key_of, record, records, text
from proxy.review.compare import Row
from proxy.review.compare_texts import Side, word_diff
from proxy.review.runs import Hit, cases_of, hits_of

Json = Mapping[str, Any]
_LONGEST = 600
"""Code points of a question, an expected answer or a reason that are shown."""


@dataclass(frozen=True, slots=True)
class Given:
    """What one run gave for a case, the first time it was asked."""

    side: Side
    error: str
    reason: str
    """Why the metric scored it so: a judge's words, or a scorer's."""
    trace_id: str
    hits: list[Hit]
    calls: list[str]


@dataclass(frozen=True, slots=True)
class Card:
    """One row of the comparison with both outputs."""

    row: Row
    question: str
    expected: str
    before: Given
    after: Given


def sides(before: Json, after: Json, rows: Sequence[Row]) -> list[Card]:
    """The rows of a page with what both runs gave."""
    items = _first_items(before), _first_items(after)
    cases = cases_of(before), cases_of(after)
    found = []
    for row in rows:
        pair = [side.get(row.key, {}) for side in items]
        case = cases[1].get(row.key[0]) or cases[0].get(row.key[0]) or {}
        texts = word_diff(*(text(record(item.get("output")).get("text")) for item in pair))
        given = [_given(item, side, row.metric, case) for item, side in zip(pair, texts, strict=True)]
        question, expected = (text(case.get(name))[:_LONGEST] for name in ("question", "expected"))
        found.append(Card(row, question, expected, *given))
    return found


def _first_items(run: Json) -> dict[Key, Json]:
    found: dict[Key, Json] = {}
    for item in records(run.get("items")):
        found.setdefault(key_of(item), item)
    return found


def _given(item: Json, side: Side, metric: str, case: Json) -> Given:
    output = record(item.get("output"))
    score = record(record(item.get("scores")).get(metric))
    return Given(
        side=side,
        error=text(output.get("error"))[:_LONGEST],
        reason=text(score.get("reason"))[:_LONGEST],
        trace_id=text(output.get("trace_id")),
        hits=hits_of(item, case),
        calls=[
            f"{text(call.get('name'))}({text(call.get('arguments'))})"[:_LONGEST]
            for call in records(output.get("tool_calls"))[:10]
        ],
    )
