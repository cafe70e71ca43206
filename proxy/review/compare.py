"""Two eval runs side by side: what each metric changed by, which cases changed sides, how far they can be compared.

Pure. Both documents may be of any shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy.eval_scores import (
    Cell,
    Key,
    cells,
    gating,
    graded,
    higher_is_better,
    record,
    records,
    text,
    versions,
)
from proxy.paired import Difference, difference

Json = Mapping[str, Any]

KINDS = {
    "lost": "pass → fail",
    "won": "fail → pass",
    "unstable": "unstable",
    "unscored": "not scorable",
    "changed": "changed, same side",
    "same": "the same",
}
"""What can have become of a case, in the order in which they are told."""
SHOWN = ("all", "lost", "won", "unstable", "unscored")
"""What the table can be narrowed to."""
FEW = 0.8
"""Share of the larger run's cases that should be identical in both."""


@dataclass(frozen=True, slots=True)
class Change:
    """One metric in both runs, on the cases that are identical in both and scored in both."""

    metric: str
    before: float | None
    after: float | None
    difference: Difference | None
    unsaid: str = ""
    """Why there is no difference; empty where there is one."""
    better: str = ""
    """`better`, `worse`, or empty where the interval leaves that open."""
    decides: bool = False
    """Whether the metric is one of those that gate."""
    flips: tuple[int, int] = (0, 0)
    """Cases from pass to fail, and from fail to pass."""


@dataclass(frozen=True, slots=True)
class Row:
    """One case under one metric."""

    key: Key
    metric: str
    kind: str
    """One of KINDS: reaches a class attribute."""
    before: Cell
    after: Cell

    @property
    def delta(self) -> float | None:
        """How much it changed by; None where one of them has no value."""
        a, b = self.before.mean, self.after.mean
        return None if a is None or b is None else b - a


@dataclass(frozen=True, slots=True)
class Comparison:
    """All of it."""

    warnings: list[str]
    """Why the two can only be compared with care, or not at all."""
    differences: list[tuple[str, str, str]]
    """How the runs differ besides their outputs: (what, in the first, in the second)."""
    changes: list[Change]
    rows: list[Row]
    """Every case under every metric, the largest change first."""
    shared: int
    only_before: int
    only_after: int
    counts: dict[str, int] = field(default_factory=dict)
    """Rows by kind."""


def compare(before: Json, after: Json) -> Comparison:
    """The second run against the first."""
    old, new = cells(before), cells(after)
    shared = [key for key in new if key in old]
    apart = _apart(before, after)
    metrics = sorted(
        {name for run in (old, new) for case in run.values() for name in case},
        key=lambda name: (name not in gating(after), name),
    )
    marked = graded(before) & graded(after)
    clusters = _clusters(after) | _clusters(before)
    rows = [
        row
        for metric in metrics
        if metric in marked and metric not in apart
        for key in shared
        if (row := _row(key, metric, old[key].get(metric), new[key].get(metric))) is not None
    ]
    order = list(KINDS)
    rows.sort(key=lambda r: (r.delta is None, -abs(r.delta or 0.0), order.index(r.kind), r.metric, r.key))
    changes = [_change(name, (old, new), shared, clusters, apart) for name in metrics]
    decides = set(gating(before)) | set(gating(after))
    told = [
        _judged(change, after, decides, [row for row in rows if row.metric == change.metric])
        for change in changes
    ]
    counts = {kind: sum(row.kind == kind for row in rows) for kind in KINDS}
    warnings = _warnings(before, after, apart, (len(shared), max(len(old), len(new))))
    beside = len(old) - len(shared), len(new) - len(shared)
    return Comparison(warnings, _differences(before, after), told, rows, len(shared), *beside, counts)


def narrowed(rows: Sequence[Row], show: str, metric: str) -> list[Row]:
    """The rows of one kind and of one metric; of all of them where that is what is asked for."""
    return [row for row in rows if show in ("all", row.kind) and metric in ("", row.metric)]


def _row(key: Key, metric: str, before: Cell | None, after: Cell | None) -> Row | None:
    if before is None and after is None:
        return None
    old, new = before or Cell(), after or Cell()
    if old.mean is None or new.mean is None:
        kind = "unscored"
    elif old.unstable or new.unstable:
        kind = "unstable"
    elif old.passes != new.passes:
        kind = "won" if new.passes else "lost"
    else:
        kind = "same" if old.mean == new.mean else "changed"
    return Row(key, metric, kind, old, new)


def _change(
    metric: str,
    both: tuple[Mapping[Key, Mapping[str, Cell]], Mapping[Key, Mapping[str, Cell]]],
    shared: Sequence[Key],
    clusters: Mapping[str, str],
    apart: Mapping[str, str],
) -> Change:
    pairs = {
        key: (old, new)
        for key in shared
        if (old := both[0][key].get(metric, Cell()).mean) is not None
        and (new := both[1][key].get(metric, Cell()).mean) is not None
    }
    if metric in apart:
        return Change(metric, None, None, None, apart[metric])
    if not pairs:
        return Change(metric, None, None, None, "no case has a score in both runs")
    found = difference(
        [new - old for old, new in pairs.values()], [clusters.get(key[0]) or key for key in pairs]
    )
    before, after = (sum(pair[side] for pair in pairs.values()) / len(pairs) for side in (0, 1))
    return Change(metric, before, after, found)


def _judged(change: Change, run: Json, decides: set[str], rows: Sequence[Row]) -> Change:
    found, better = change.difference, ""
    if found is not None and found.low is not None and found.high is not None:
        up = found.low > 0 if higher_is_better(run, change.metric) else found.high < 0
        down = found.high < 0 if higher_is_better(run, change.metric) else found.low > 0
        better = "better" if up else "worse" if down else ""
    flips = sum(row.kind == "lost" for row in rows), sum(row.kind == "won" for row in rows)
    return Change(
        change.metric,
        change.before,
        change.after,
        found,
        change.unsaid,
        better,
        change.metric in decides,
        flips,
    )


def _apart(before: Json, after: Json) -> dict[str, str]:
    """Metrics whose values mean different things in the two runs, and why."""
    old, new = versions(before), versions(after)
    told = {
        name: f"scored by version {old[name] or 'none'} and by version {new[name] or 'none'}: not comparable"
        for name in old.keys() & new.keys()
        if old[name] != new[name]
    }
    return told | {
        name: "points up in one run and down in the other: not comparable"
        for name in old.keys() & new.keys()
        if higher_is_better(before, name) != higher_is_better(after, name)
    }


def _clusters(run: Json) -> dict[str, str]:
    return {text(case.get("id")): text(case.get("cluster")) for case in records(run.get("cases"))}


def _warnings(before: Json, after: Json, apart: Mapping[str, str], overlap: tuple[int, int]) -> list[str]:
    told = []
    if text(before.get("id")) == text(after.get("id")):
        told.append("Both are the same run.")
    if before.get("suite") != after.get("suite"):
        told.append("The runs are of different suites.")
    old, new = record(before.get("golden")), record(after.get("golden"))
    if old.get("content_sha256") != new.get("content_sha256"):
        told.append("The golden sets differ: only cases that are identical in both are compared.")
    shared, largest = overlap
    if largest and shared / largest < FEW:
        told.append(f"Only {shared:,} of {largest:,} cases are identical in both: the rest is not compared.")
    if apart:
        told.append(f"Not compared, because scorer or judge differ: {', '.join(sorted(apart))}.")
    for name, run in (("first", before), ("second", after)):
        if record(run.get("gate")).get("verdict") == "invalid":
            told.append(f"The gate called the {name} run invalid: what it measured may mean nothing.")
        if any(item.get("erased") for item in records(run.get("items"))):
            told.append(f"Texts of the {name} run were erased; its scores stay.")
    return told


def _differences(before: Json, after: Json) -> list[tuple[str, str, str]]:
    pairs = [(name, told(before), told(after)) for name, told in _TOLD.items()]
    return [pair for pair in pairs if pair[1] != pair[2]]


def _ref(name: str) -> Any:
    def told(run: Json) -> str:
        ref = record(run.get(name))
        words = f"{text(ref.get('name'))} {text(ref.get('version'))}".strip() or "none"
        digest = text(ref.get("content_sha256")) or text(ref.get("sha256"))
        return f"{words} ({digest[:12]})" if digest else words

    return told


def _target(name: str) -> Any:
    def told(run: Json) -> str:
        value = record(run.get("target")).get(name)
        names = [one for one in value if isinstance(one, str)] if isinstance(value, list) else [text(value)]
        return ", ".join(names) or "none"

    return told


_TOLD = {
    "suite": lambda run: text(run.get("suite")),
    "golden set": _ref("golden"),
    "prompt": _ref("prompt"),
    "model": _target("model"),
    "answering models": _target("answered_models"),
    "target": _target("kind"),
    "retrieval index": _target("index"),
    "repeats": lambda run: str(run.get("repeats")) if isinstance(run.get("repeats"), int) else "none",
}
"""What is told of each run where the two differ."""
