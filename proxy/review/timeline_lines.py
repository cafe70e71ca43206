"""A run's timeline as lines: each step, and below it what it asked for, found and was fed, with bars. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.review.axis import WIDTH, Axis, Pause, Span, axis
from proxy.review.words import count, duration

Json = Mapping[str, Any]

STATES = {"answered": "answered", "requested": "not answered yet", "orphan": "never answered", "ran": "ran"}
"""What became of a tool call, in words."""
STRIP_HEIGHT = 40.0


@dataclass(frozen=True, slots=True)
class Bar:
    """When something was, on the axis."""

    x: float
    width: float
    tone: str
    dashed: bool = False
    """Whether its end or its place is only inferred."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline."""

    kind: str
    """`llm`, `tool`, `hits`, `guardrail`, `app` or `pause`: reaches a class attribute, as `of-KIND`."""
    anchor: str
    at: str
    """How long after the run began."""
    took: str
    bar: Bar | None
    document: Json
    """What it tells of, as in the JSON."""
    inferred: str = ""
    """Why its time is only an estimate; empty where it is known."""
    notes: tuple[str, ...] = ()
    """Warnings in words: an orphan, a repeat, an error."""
    number: int = 0
    """Of a step, counted from 1 in the whole run; 0 where that is not known."""


@dataclass(frozen=True, slots=True)
class Column:
    """One part of the strip that shows the whole run."""

    x: float
    width: float
    height: float
    bad: float
    """Height of what failed or was blocked."""
    words: str
    after: str
    """Cursor of the page that begins there."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that the page of a run shows beyond the document's plain fields."""

    lines: list[Line]
    pauses: tuple[Pause, ...]
    strip: list[Column]
    window: tuple[float, float] | None
    """Where this page is in the strip: left edge and width."""
    span: str
    """How long the page's axis is, without what was cut."""
    width: float = field(default=WIDTH)


def timeline(run: Json) -> Timeline:
    """The document of `proxy.store.timeline.read_timeline`, ready to be shown."""
    steps = run["steps"]
    spans = [span for step in steps for span in _spans(step)]
    scale = axis(spans)
    again = {
        (one["span_id"], one["seq"]): (place, loop["times"])
        for loop in run["loops"]
        for place, one in enumerate(loop["calls"], 1)
    }
    began = run.get("started_us") or (steps[0]["started_us"] if steps else 0)
    drawing = _Drawing(scale, began, again)
    lines: list[Line] = []
    pauses = list(scale.pauses)
    for place, step in enumerate(steps):
        while pauses and pauses[0].to_us <= step["started_us"]:
            lines.append(drawing.pause(pauses.pop(0)))
        lines += drawing.step(step, (run["first"] or 0) + place + 1 if run["first"] is not None else 0)
    strip, window = _strip(run)
    return Timeline(lines, scale.pauses, strip, window, duration(scale.shown_us))


def _spans(step: Json) -> Iterator[Span]:
    yield step["started_us"], step["started_us"] + (step["duration_us"] or 0)
    for call in step["calls"]:
        if (span := _of_call(call)) is not None:
            yield span
    for one in step["outside"]:
        yield one["started_us"], one["ended_us"] or one["started_us"]


def _of_call(call: Json) -> Span | None:
    """When a tool ran, as far as is known."""
    ran = call.get("ran")
    if ran:
        return ran["started_us"], ran["ended_us"] or ran["started_us"]
    if call["ready_us"] is None or call["answered_us"] is None:
        return None
    return call["ready_us"], max(call["ready_us"], call["answered_us"])


def _began(call: Json) -> int:
    """When a tool began as far as is known; 0 where nothing is."""
    span = _of_call(call)
    return span[0] if span else call["ready_us"] or call["answered_us"] or 0


@dataclass(frozen=True, slots=True)
class _Drawing:
    """What every line is drawn with."""

    scale: Axis
    began_us: int
    again: Mapping[tuple[str, int], tuple[int, int]]
    """Of a call that is asked for again and again: the how-manieth it is, and of how many."""

    def step(self, step: Json, number: int) -> Iterator[Line]:
        """The line of an exchange and those below it, in the order in which they were."""
        start, took = step["started_us"], step["duration_us"]
        tone = {"failed": "amber", "blocked": "red", "cancelled": "grey"}.get(step["outcome"], "blue")
        bar = self._bar((start, start + (took or 0)), tone)
        before = [one for one in step["outside"] if one["started_us"] <= start]
        for one in before:
            yield self._app(one)
        yield Line("llm", f"step-{step['id']}", self._at(start), duration(took), bar, step, number=number)
        if step["retrieval"]:
            yield Line("hits", "", "", "", None, step)
        if step["guardrails"]:
            yield Line("guardrail", "", "", "", None, step)
        later = [(_began(call), self._call(step, call)) for call in step["calls"]]
        later += [(one["started_us"], self._app(one)) for one in step["outside"] if one["started_us"] > start]
        yield from (line for _, line in sorted(later, key=lambda each: each[0]))

    def pause(self, pause: Pause) -> Line:
        """The line of a time in which nothing ran."""
        took = duration(pause.to_us - pause.from_us)
        return Line("pause", "", self._at(pause.from_us), took, None, {})

    def _call(self, step: Json, call: Json) -> Line:
        span, ran = _of_call(call), call.get("ran")
        notes = []
        repeated = self.again.get((step["id"], call["seq"])) if call["requested_by"] else None
        if repeated:
            notes.append(f"the same again: {repeated[0]} of {count(repeated[1])} times")
        if ran and ran["error"]:
            notes.append("the app says it failed")
        inferred = ""
        if span is not None and not ran:
            inferred = "at most: from the reply that asked to the request that answered"
        elif ran and ran["linked_by"] != "trace":
            inferred = f"tied to this run by its {ran['linked_by']}"
        took = "" if span is None else ("≤ " if not ran else "") + duration(span[1] - span[0])
        tone = "red" if call["state"] == "orphan" or (ran and ran["error"]) else "teal"
        bar = None if span is None else self._bar(span, tone, dashed=bool(inferred))
        anchor = f"call-{step['id']}-{call['seq']}"
        return Line("tool", anchor, self._at(_began(call)), took, bar, call, inferred, tuple(notes))

    def _app(self, one: Json) -> Line:
        known = one["ended_us"] is not None
        span = (one["started_us"], one["ended_us"] if known else one["started_us"])
        inferred = "" if one["linked_by"] == "trace" else f"tied to this run by its {one['linked_by']}"
        took = duration(span[1] - span[0]) if known else ""
        bar = self._bar(span, "red" if one["error"] else "violet", dashed=bool(inferred) or not known)
        notes = ("the app says it failed",) if one["error"] else ()
        return Line("app", "", self._at(span[0]), took, bar, one, inferred, notes)

    def _bar(self, span: Span, tone: str, *, dashed: bool = False) -> Bar:
        return Bar(*self.scale.bar(span), tone, dashed)

    def _at(self, us: Any) -> str:
        after = us - self.began_us
        if not us or not after:
            return "0 s" if us else ""
        return ("−" if after < 0 else "+") + duration(abs(after))


def _strip(run: Json) -> tuple[list[Column], tuple[float, float] | None]:
    told = run.get("strip")
    if not told:
        return [], None
    columns = told["columns"]
    places = max(column["place"] for column in columns) + 1
    most = max(column["n"] for column in columns)
    room = WIDTH / places
    found = []
    for column in columns:
        start = told["from_us"] + column["place"] * told["width_us"]
        height = max(2.0, STRIP_HEIGHT * column["n"] / most)
        bad = height * column["bad"] / column["n"]
        words = f"+{duration(start - told['from_us'])}: {count(column['n'])} steps"
        words += f", {count(column['bad'])} failed or blocked" if column["bad"] else ""
        x = round(column["place"] * room, 1)
        found.append(Column(x, round(room, 1), round(height, 1), round(bad, 1), words, f"{start}.0"))
    steps = run["steps"]
    if not steps or (run["next"] is None and run["previous"] is None):
        return found, None
    whole = told["width_us"] * places
    left = WIDTH * (steps[0]["started_us"] - told["from_us"]) / whole
    right = WIDTH * (steps[-1]["started_us"] - told["from_us"]) / whole
    return found, (round(left, 1), round(max(4.0, right - left), 1))
