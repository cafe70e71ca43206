"""What the benchmarks share: a figure beside its bar, the table, the command line, and fair timing."""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. Without a bar it is only told."""

    name: str
    value: float
    unit: str = ""
    bar: float | None = None
    least: bool = False
    """The bar is a minimum; else a maximum."""
    must: bool = False
    """A miss is a defect and not a slow machine: the command ends with 1."""
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the figure reaches its bar; None without a bar. What is no number reaches nothing."""
        if self.bar is None:
            return None
        return self.value >= self.bar if self.least else self.value <= self.bar


Measure = Callable[[bool], Sequence[Row]]
"""Takes whether to be quick (under 20 seconds), gives the figures."""


def command(description: str | None, measure: Measure, extra: Mapping[str, str] | None = None) -> None:
    """Measures and prints, as the command line asks. Ends with 1 when a row that must be met is missed.

    Args:
        description: what `--help` says.
        measure: takes `quick`, and by name each flag of `extra`.
        extra: further flags and their help.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds: under 20 seconds")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    for flag, what in (extra or {}).items():
        parser.add_argument(f"--{flag}", action="store_true", help=what)
    options = vars(parser.parse_args())
    as_json = options.pop("json")
    began = time.perf_counter()
    rows = measure(**options)
    spent = time.perf_counter() - began
    print(as_document(rows, spent) if as_json else f"{table(rows)}\n{spent:.0f} seconds")
    if any(row.must and row.met is False for row in rows):
        raise SystemExit(1)


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned text: name, figure, bar, whether it is met, note."""
    cells = [
        (row.name, number(row.value), row.unit, _bar(row), {None: "", True: "met", False: "missed"}[row.met])
        for row in rows
    ]
    widths = [max((len(line[column]) for line in cells), default=0) for column in range(5)]
    return "\n".join(
        f"{name:{widths[0]}}  {value:>{widths[1]}} {unit:{widths[2]}}  {bar:{widths[3]}}  {met:{widths[4]}}  {row.note}".rstrip()
        for row, (name, value, unit, bar, met) in zip(rows, cells, strict=True)
    )


def as_document(rows: Sequence[Row], spent: float) -> str:
    """The rows as JSON."""
    told = [
        {
            "name": row.name,
            "value": row.value,
            "unit": row.unit,
            "bar": row.bar,
            "met": row.met,
            "note": row.note,
        }
        for row in rows
    ]
    return json.dumps({"rows": told, "seconds": round(spent, 1)})


def number(value: float) -> str:
    """A figure with three significant digits, whole numbers as they are."""
    if value != value:
        return "none"
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _bar(row: Row) -> str:
    if row.bar is None:
        return ""
    return f"{'>=' if row.least else '<='} {number(row.bar)}"


def one_core() -> None:
    """Keeps this process on one core, so that no figure holds the work of two."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def interleaved(
    works: Mapping[str, Callable[[int], object]], rounds: int, clock: Callable[[], float] = time.process_time
) -> dict[str, list[float]]:
    """Seconds of each work in each round, taken in turn after one round that warms up.

    Who is first changes from round to round (A B C, B C A), so that nobody always finds the other's data in the caches.

    Args:
        works: what to run, by name; each is given the number of the round.
        rounds: how many rounds count.
        clock: CPU time of this process, unless waiting is to be measured.
    """
    spent: dict[str, list[float]] = {name: [] for name in works}
    order = list(works)
    gc.collect()
    gc.disable()
    try:
        for each in range(rounds + 1):
            for name in (*order[each % len(order) :], *order[: each % len(order)]):
                began = clock()
                works[name](each)
                taken = clock() - began
                if each:
                    spent[name].append(taken)
    finally:
        gc.enable()
    return spent


def share(values: Sequence[float], part: float) -> float:
    """The value that `part` (0 to 1) of some values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else float("nan")


def median(values: Sequence[float]) -> float:
    """The middle value; NaN when there is none."""
    return statistics.median(values) if values else float("nan")
