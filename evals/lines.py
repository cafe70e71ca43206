"""Scores without a run: one JSON object a line in, one score a line out, in order."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from evals.document import score_line
from evals.golden_item import checked_schema
from evals.runner import score
from evals.scorer import Scorer
from evals.types import Case, Cause, Expected, Hit, Output, Score


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    question: str = ""
    context: str | list[str] = []
    answer: str
    expected: str | None = None
    aliases: list[str] = []
    refusal: bool | None = None
    json_schema: dict[str, Any] | None = None

    _is_schema = field_validator("json_schema")(checked_schema)


async def score_lines(scorer: Scorer, lines: Iterable[str]) -> AsyncIterator[tuple[dict[str, Any], bool]]:
    """A score per line that is not blank, and whether the line could be read. A bad line is unscored."""
    for line in lines:
        if not line.strip():
            continue
        try:
            case, output = _read(line)
        except (ValueError, RecursionError) as error:
            unread = Score.unscored(f"the line cannot be read: {_told(error)}", Cause.SCORER)
            yield score_line(unread, scorer.name, scorer.version), False
            continue
        scores = await score(case, output, [scorer])
        unsaid = Score.unscored("the line does not say what is expected", Cause.EMPTY)
        yield score_line(scores.get(scorer.name, unsaid), scorer.name, scorer.version), True


def _read(line: str) -> tuple[Case, Output]:
    read = _Line.model_validate(json.loads(line))
    texts = [read.context] if isinstance(read.context, str) else read.context
    hits = tuple(Hit(str(rank), 0.0, text, rank) for rank, text in enumerate(texts, start=1) if text)
    expected = Expected(read.expected, tuple(read.aliases), read.refusal, json_schema=read.json_schema)
    return Case("line", "", question=read.question, expected=expected), Output(text=read.answer, hits=hits)


def _told(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(str(part) for part in first['loc']) or 'line'}: {first['msg']}"
    return "not JSON"
