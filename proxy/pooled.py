"""The numbers of several workers of one proxy, added up by whichever of them is asked.

Each worker holds a place in a folder and leaves its numbers there every few seconds. A worker that takes the place of
one that died goes on from where that one was, so no counter ever falls.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

SHARE_SECONDS = 2.0
"""How old the numbers of other workers may be."""

SUMMED = frozenset(
    {
        "guardhouse_requests_in_flight",
        "guardhouse_streams_open",
        "guardhouse_spool_bytes",
        "guardhouse_trace_queue_depth",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "process_open_fds",
    }
)
"""Gauges whose sum is told; of any other the largest is."""

_COUNTED = frozenset({"counter", "histogram"})

Series = tuple[str, str, tuple[tuple[str, str], ...]]
"""Family, name and labels of a time series."""
Numbers = dict[Series, float]


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with its numbers."""

    name: str
    kind: str
    """As Prometheus calls it, e.g. `counter`."""
    help: str
    numbers: Numbers


class Pool:
    """One worker's place among the others.

    Args:
        folder: where the workers of one proxy meet; it is made. Nobody else may write there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock, self._place = _claimed(folder)
        self._before = _read(self._file(self._place))

    def share(self, families: Iterable[Family]) -> None:
        """Leave one's own numbers for the others. Raises OSError."""
        told = [[*series[:2], series[2], value] for series, value in self._own(families).items()]
        fresh = self._folder / f"{self._place}.new"
        fresh.write_bytes(orjson.dumps(told))
        fresh.replace(self._file(self._place))

    def together(self, families: Iterable[Family]) -> list[Family]:
        """One's own numbers and those of the others, in one."""
        own = [*families]
        kinds = {family.name: family.kind for family in own}
        total = self._own(own)
        for file in self._folder.glob("*.json"):
            if file != self._file(self._place):
                _add(total, _read(file), kinds)
        by_name: dict[str, Numbers] = {family.name: {} for family in own}
        for series, value in total.items():
            if series[0] in by_name:
                by_name[series[0]][series] = value
        return [Family(each.name, each.kind, each.help, by_name[each.name]) for each in own]

    def close(self) -> None:
        """Let go of the place; what was counted there stays."""
        os.close(self._lock)

    def _own(self, families: Iterable[Family]) -> Numbers:
        """What this worker counted, and those that had its place before."""
        own = [*families]
        kinds = {family.name: family.kind for family in own}
        numbers = {series: value for family in own for series, value in family.numbers.items()}
        counted = {series: v for series, v in self._before.items() if kinds.get(series[0]) in _COUNTED}
        _add(numbers, counted, kinds)
        return numbers

    def _file(self, place: int) -> Path:
        return self._folder / f"{place}.json"


def _add(total: Numbers, more: Numbers, kinds: Mapping[str, str]) -> None:
    for series, value in more.items():
        family = series[0]
        if kinds.get(family) in _COUNTED or family in SUMMED:
            total[series] = total.get(series, 0.0) + value
        else:
            total[series] = max(total.get(series, value), value)


def _claimed(folder: Path) -> tuple[int, int]:
    """A lock on the first place that nobody holds, and its number. The system lets go of it when the process ends."""
    place = 0
    while True:
        lock = os.open(folder / f"{place}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock, place
        except OSError:
            os.close(lock)
            place += 1


def _read(file: Path) -> Numbers:
    """What a worker left; nothing when there is nothing, or half a file."""
    try:
        told: list[Any] = orjson.loads(file.read_bytes())
        return {
            (family, name, tuple((key, word) for key, word in labels)): float(value)
            for family, name, labels, value in told
        }
    except (OSError, ValueError, TypeError):
        return {}
