"""Series over time as the shapes of a small SVG and the cells of a table. Pure: no colour but by name, no script."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy.review.words import moment

WIDTH, HEIGHT = 480, 190
LEFT, RIGHT, TOP, BOTTOM = 62, 472, 12, 166
"""The edges of the plot; what is left of it and below is for words."""
_GAP = 0.22
"""Share of a column's room that is left free."""
_LEAST = 1.5
"""Height of the smallest bar that is anything: one that is there is seen."""

SPARK_WIDTH, SPARK_HEIGHT = 100, 24
"""The room of a small line without words."""

Words = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a column."""

    x: float
    y: float
    width: float
    height: float
    tone: str


@dataclass(frozen=True, slots=True)
class Column:
    """One hour or day: what a pointer over it is told, and its bars."""

    x: float
    width: float
    words: str
    bars: tuple[Bar, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart, ready to be written as SVG, and the same as a table."""

    title: str
    note: str
    columns: list[Column]
    lines: list[tuple[str, list[str]]]
    """(tone, runs of points): a line is broken where nothing is known."""
    dots: list[tuple[str, float, float]]
    """Points that stand alone."""
    marks: list[tuple[float, str]]
    """Where another revision of the policy came into use, and which."""
    ticks: list[tuple[float, str]]
    first: str
    last: str
    legend: list[tuple[str, str, str]]
    """(tone, name, total)."""
    heads: list[str]
    rows: list[list[str]]
    empty: bool = False
    links: Mapping[str, str] = field(default_factory=dict)
    """Where the name of a series leads to."""
    zoom: str = ""
    """JSON of finer values for a script that zooms; empty for a chart that does not."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a chart is to look."""

    title: str
    words: Words
    """Writes a value."""
    tones: Mapping[str, str] = field(default_factory=dict)
    """The tone of a series, where its name alone says which."""
    names: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    line: bool = False
    axis: Words | None = None
    """Writes a value beside the axis, where there is little room; None: as everywhere."""
    link: Callable[[str], str] | None = None
    """Gives the address of what a series counts."""
    without: frozenset[str] = frozenset()
    """Series that are left out."""


@dataclass(frozen=True, slots=True)
class Spark:
    """A small line beside a number."""

    lines: tuple[str, ...]
    """Runs of points: it is broken where nothing is known."""
    areas: tuple[str, ...]
    """The same, closed along the bottom."""
    dots: tuple[tuple[float, float], ...]


def spark(values: Sequence[float | None], marked: Collection[int] = (), *, floor: bool = True) -> Spark:
    """Values as a small line; `marked` places get a dot. With `floor` it stands on 0, else on the least value."""
    known = [value for value in values if value is not None]
    top = max(known, default=0)
    low = 0 if floor else min(known, default=0)
    room = SPARK_WIDTH / max(len(values) - 1, 1)
    points = [
        None
        if value is None
        else (
            round(at * room, 1),
            round(
                SPARK_HEIGHT
                - 2
                - (SPARK_HEIGHT - 4) * ((value - low) / (top - low) if top > low else 0.5 * bool(top)),
                1,
            ),
        )
        for at, value in enumerate(values)
    ]
    runs = [run for run in _runs(points) if len(run) > 1]
    areas = [[(run[0][0], float(SPARK_HEIGHT)), *run, (run[-1][0], float(SPARK_HEIGHT))] for run in runs]
    alone = [run[0] for run in _runs(points) if len(run) == 1]
    dots = [point for at in marked if at < len(points) and (point := points[at]) is not None]
    return Spark(
        tuple(map(_written, runs)),
        tuple(map(_written, areas)) if floor else (),
        (*dots, *alone) if not floor else tuple(dots),
    )


def _written(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def draw(told: Mapping[str, Any], plan: Plan) -> Drawn:
    """What `proxy.store.charts.chart` gives, drawn: columns of stacked bars, or lines."""
    times = told["times"]
    series = [one for one in told["series"] if one["name"] not in plan.without]
    tones = [plan.tones.get(one["name"], f"tone-{place % 6}") for place, one in enumerate(series)]
    names = [plan.names.get(one["name"], one["name"]) for one in series]
    tops = [_top([one["values"][at] for one in series], plan.line) for at in range(len(times))]
    most = _round_up(max(tops, default=0))
    room = (RIGHT - LEFT) / len(times)

    def place(value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * value / most, 1)

    columns = []
    for at, time in enumerate(times):
        cells = [(name, one["values"][at]) for name, one in zip(names, series, strict=True)]
        said = ", ".join(f"{name} {plan.words(value)}" for name, value in cells if value) or "nothing"
        values = [one["values"][at] for one in series]
        bars = () if plan.line else _bars(values, tones, LEFT + at * room, room, place)
        columns.append(
            Column(round(LEFT + at * room, 1), round(room, 1), f"{when(time, told['step'])}: {said}", bars)
        )
    lines: list[tuple[str, list[str]]] = []
    dots: list[tuple[str, float, float]] = []
    for tone, one in zip(tones, series, strict=True) if plan.line else ():
        points = [
            None if value is None else (round(LEFT + (at + 0.5) * room, 1), place(value))
            for at, value in enumerate(one["values"])
        ]
        runs = _runs(points)
        lines.append((tone, [_written(run) for run in runs if len(run) > 1]))
        dots += [(tone, *run[0]) for run in runs if len(run) == 1]
    return Drawn(
        title=plan.title,
        note=plan.note,
        columns=columns,
        lines=lines,
        dots=dots,
        marks=_marks(told, times, room),
        ticks=[(place(share * most), (plan.axis or plan.words)(share * most)) for share in (0, 0.5, 1)],
        first=when(times[0], told["step"]),
        last=when(times[-1], told["step"]),
        legend=[
            (tone, name, "" if "total" not in one else plan.words(one["total"]))
            for tone, name, one in zip(tones, names, series, strict=True)
        ],
        heads=[told["step"].capitalize(), *names],
        rows=[
            [when(time, told["step"]), *(plan.words(one["values"][at]) for one in series)]
            for at, time in reversed(list(enumerate(times)))
            if any(one["values"][at] for one in series)
        ],
        empty=not max(tops, default=0),
        links={name: plan.link(one["name"]) for name, one in zip(names, series, strict=True)}
        if plan.link
        else {},
    )


def when(microseconds: int, step: str) -> str:
    """`1 Oct`, or `1 Oct 14:00` by the hour; UTC."""
    at = moment(microseconds)
    if at is None:
        return ""
    return f"{at.day} {at:%b}" + (f" {at:%H:%M}" if step == "hour" else "")


def _top(values: Sequence[Any], line: bool) -> float:
    known = [value for value in values if value is not None]
    return max(known, default=0) if line else sum(known)


def _round_up(value: float) -> float:
    """The next 1, 2 or 5 with zeros: where an axis ends."""
    if value <= 0:
        return 1
    size = 1.0
    while size * 10 <= value:
        size *= 10
    return next(size * step for step in (1, 2, 5, 10) if size * step >= value)


def _bars(
    values: Sequence[Any], tones: Sequence[str], x: float, room: float, place: Callable[[float], float]
) -> tuple[Bar, ...]:
    bars, below = [], 0
    for value, tone in zip(values, tones, strict=True):
        if value:
            top, bottom = place(below + value), place(below)
            height = max(bottom - top, _LEAST)
            width = round(room * (1 - _GAP), 1)
            bars.append(
                Bar(round(x + room * _GAP / 2, 1), round(bottom - height, 1), width, round(height, 1), tone)
            )
            below += value
    return tuple(bars)


def _runs(points: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is None:
            runs.append([])
        else:
            runs[-1].append(point)
    return [run for run in runs if run]


def _marks(told: Mapping[str, Any], times: Sequence[int], room: float) -> list[tuple[float, str]]:
    """Changes of policy, those of one hour or day together."""
    size = (told["until"] - times[0]) // len(times)
    by_column: dict[int, list[str]] = {}
    for change in told["changes"]:
        by_column.setdefault((change["at_us"] - times[0]) // size, []).append(change["policy"])
    return [(round(LEFT + at * room, 1), ", ".join(labels)) for at, labels in by_column.items()]
