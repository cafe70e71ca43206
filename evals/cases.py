"""The cases of a run as its page shows them: those that need a look first, as many as a page can hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.compare import PASSING, graded
from evals.facts import trace_url
from evals.run import Run, RunCase, RunItem
from evals.types import Cause, Score, ScoreSpan

MARKS = ("lost", "gained", "failing", "unmeasured", "flaky")
"""What may be said of a case, the worst first."""
MOST_CASES = 1_000
MOST_CHARACTERS = 1_500_000
"""Of the texts of all cases that a page shows."""
ANSWER = 3_000
"""Characters of one answer that are shown."""
MOST_MESSAGES, MESSAGE = 60, 1_000
"""Messages of a scenario, and characters of each, that are shown."""
_OVERHEAD = 600
"""Characters that a case takes besides its texts."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a case, in one or more repeats that gave the same."""

    repeats: str
    """Numbers of the repeats, e.g. `0, 2`."""
    pieces: tuple[tuple[str, str], ...]
    """Text, and what a scorer says is wrong with it; empty where nothing is."""
    cut: int
    """Characters of the text that are not shown."""
    calls: tuple[str, ...]
    said: tuple[tuple[str, str], ...]
    """Role and text of each message of a scenario."""
    hits: str
    """What was found, in a few words; empty when nothing was searched."""
    verdict: str
    error: str
    traces: tuple[tuple[str, str], ...]
    """Id and address of each exchange; the address is empty where it is not known."""


@dataclass(frozen=True, slots=True)
class Told:
    """One case with everything that is shown of it."""

    id: str
    question: str
    expected: str
    tags: tuple[str, ...]
    marks: tuple[str, ...]
    scores: tuple[tuple[str, tuple[str, ...], str, str], ...]
    """Metric, its value in each repeat, the first reason that was given, and what the scorer looked at."""
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """The cases that a page shows, and how many there are by mark."""

    cases: tuple[Told, ...]
    total: int
    counts: Mapping[str, int]
    """Cases by mark, those that are not shown included."""


def shown(run: Run) -> Shown:
    """The cases that need a look first, then the others by id, until the page is full."""
    items: dict[str, list[RunItem]] = {}
    for item in run.items:
        items.setdefault(item.id, []).append(item)
    marks = marked(run, items)
    described = {case.id: case for case in run.cases}
    rank = {mark: place for place, mark in enumerate(MARKS)}
    order = sorted(items, key=lambda case: (min((rank[m] for m in marks[case]), default=len(rank)), case))
    found: list[Told] = []
    left = MOST_CHARACTERS
    for case in order[:MOST_CASES]:
        told = _told(run, described.get(case), items[case], marks[case])
        left -= _size(told)
        if left < 0 and found:
            break
        found.append(told)
    counts = {mark: sum(mark in each for each in marks.values()) for mark in MARKS}
    return Shown(tuple(found), len(items), counts)


def marked(run: Run, items: Mapping[str, Sequence[RunItem]]) -> dict[str, tuple[str, ...]]:
    """What is to be said of each case."""
    flips = run.baseline.flips if run.baseline else ()
    lost, gained = ({flip.id for flip in flips if flip.lost is side} for side in (True, False))
    flaky = {each.id for each in run.flaky}
    passing = graded(run)
    found = {}
    for case, asked in items.items():
        says = {
            "lost": case in lost,
            "gained": case in gained,
            "failing": _fails(asked, passing),
            "unmeasured": any(
                item.output.error
                or any(s.value is None and s.cause is not Cause.EMPTY for s in item.scores.values())
                for item in asked
            ),
            "flaky": case in flaky,
        }
        found[case] = tuple(mark for mark in MARKS if says[mark])
    return found


def pieces(text: str, spans: Iterable[ScoreSpan]) -> tuple[tuple[str, str], ...]:
    """A text in pieces: what no scorer points at, and what one does, with the kind of it. Joined they are the text."""
    found: list[tuple[str, str]] = []
    done = 0
    for span in sorted(spans, key=lambda each: (each.start, each.end)):
        start, end = max(span.start, done), min(span.end, len(text))
        if start < end:
            found += [(text[done:start], ""), (text[start:end], span.kind)]
            done = end
    return tuple(piece for piece in (*found, (text[done:], "")) if piece[0])


def _fails(asked: Sequence[RunItem], passing: set[str]) -> bool:
    values: dict[str, list[float]] = {}
    for item in asked:
        for name, score in item.scores.items():
            if score.value is not None and name in passing:
                values.setdefault(name, []).append(score.value)
    return any(sum(each) / len(each) < PASSING for each in values.values())


def _told(run: Run, case: RunCase | None, asked: Sequence[RunItem], marks: tuple[str, ...]) -> Told:
    same: dict[tuple[object, ...], list[RunItem]] = {}
    for item in asked:
        output = item.output
        key = (output.text, output.tool_calls, output.verdict, output.error, str(output.transcript))
        same.setdefault(key, []).append(item)
    names = list(dict.fromkeys(name for item in asked for name in item.scores))
    return Told(
        id=asked[0].id,
        question=case.question if case else "",
        expected=case.expected if case else "",
        tags=case.tags if case else (),
        marks=marks,
        scores=tuple((name, *_score(name, asked)) for name in names),
        answers=tuple(_answer(run, group) for group in same.values()),
    )


def _score(name: str, asked: Sequence[RunItem]) -> tuple[tuple[str, ...], str, str]:
    found = [item.scores.get(name) for item in asked]
    values = tuple("" if s is None else "–" if s.value is None else f"{s.value:.3g}" for s in found)
    reason = next((score.reason for score in found if score is not None and score.reason), "")
    return values, reason, next((told for score in found if score is not None and (told := _seen(score))), "")


def _seen(score: Score) -> str:
    """What a scorer looked at, and how much of it where that was not all; empty when it does not say."""
    part = f"{score.coverage:.0%} read" if score.coverage is not None and score.coverage < 1 else ""
    return ", ".join(said for said in (score.looked_at, part) if said)


def _answer(run: Run, group: Sequence[RunItem]) -> Answer:
    first = group[0]
    output = first.output
    spans = [span for score in first.scores.values() for span in score.spans]
    hits = output.hits
    found = "" if hits is None else ", ".join(hit.doc_id for hit in hits[:10]) or "nothing was found"
    return Answer(
        repeats=", ".join(str(item.repeat) for item in group),
        pieces=pieces(output.text[:ANSWER], spans),
        cut=max(0, len(output.text) - ANSWER),
        calls=tuple(f"{call.name}({call.arguments[:600]})" for call in (output.tool_calls or ())[:20]),
        said=tuple(map(_said, output.transcript[:MOST_MESSAGES])),
        hits=found,
        verdict=output.verdict or "",
        error=output.error,
        traces=tuple((i.output.trace_id, trace_url(run, i.output)) for i in group if i.output.trace_id),
    )


def _said(message: Mapping[str, Any]) -> tuple[str, str]:
    """A message's role, and its text with the calls that it makes."""
    content, calls = message.get("content"), message.get("tool_calls")
    parts = [content if isinstance(content, str) else "" if content is None else str(content)]
    for call in calls if isinstance(calls, list | tuple) else ():
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            parts.append(f"calls {function.get('name')}({function.get('arguments')})")
    return str(message.get("role", "")), "\n".join(part for part in parts if part)[:MESSAGE]


def _size(told: Told) -> int:
    said = sum(len(text) for answer in told.answers for text, _ in answer.pieces)
    called = sum(len(call) for answer in told.answers for call in answer.calls)
    called += sum(len(text) + 100 for answer in told.answers for _, text in answer.said)
    reasons = sum(len(why) + len(seen) + 160 + 30 * len(values) for _, values, why, seen in told.scores)
    return _OVERHEAD * (1 + len(told.answers)) + said + called + reasons + 2 * len(told.question)
