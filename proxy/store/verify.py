"""The offline verifier: whether the audit log and the sealed traces of a database are as they were written.

It reads the database and the anchors, and needs no server. It claims what it checked, and says what it could not check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from proxy.chain import Chain
from proxy.store import seals
from proxy.store.anchors import Read, read_anchors
from proxy.store.audit import moment, read_head
from proxy.store.db import Store
from proxy.store.tables import SPAN
from proxy.store.tables_governance import AUDIT_EVENT

MOST = 200
"""Findings that a report has; the rest is counted."""
UNCOVERED = (
    "what neither the log nor a seal covers: the tables reveal, annotation, feedback, legal_hold, retention_run,"
    " erasure, gap, run, message_ref, blob, tool_call and retrieval_hit, and the column preview of span"
)
_PAGE = 5_000

Progress = Callable[[str, int, int], None]
"""Told what is being read, how much of it is done, and how much there is."""


@dataclass(slots=True)
class Report:
    """What came of a verification."""

    evidence: list[str] = field(default_factory=list)
    """What shows that something was changed, taken away or put in, each with its place."""
    more: int = 0
    """Findings beyond those."""
    unchecked: list[str] = field(default_factory=list)
    """What could not be checked, and why."""
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether nothing was found in what was checked."""
        return not self.evidence

    def found(self, what: str) -> None:
        """Add a finding."""
        if len(self.evidence) < MOST:
            self.evidence.append(what)
        else:
            self.more += 1

    def document(self) -> dict[str, Any]:
        """As JSON tells it."""
        return {
            "sound": self.sound,
            "evidence": self.evidence,
            "further_evidence": self.more,
            "unchecked": self.unchecked,
            **self.counts,
        }


def verify(
    store: Store, anchors: Path | None, progress: Progress | None = None, *, traces: bool = True
) -> Report:
    """Check everything. Raises OSError for a file of anchors that cannot be read, sqlalchemy's errors."""
    key = seals.ledger_key(store)
    # Before the database: an act that is committed meanwhile would be anchored, and not yet seen.
    known = read_anchors(anchors, key) if anchors is not None else None
    with seals.snapshot(store) as connection:
        return check(connection, key, known, progress, traces=traces)


def check(
    connection: Connection,
    key: bytes,
    known: Read | None,
    progress: Progress | None = None,
    *,
    traces: bool = True,
) -> Report:
    """Check what a connection shows, which must be one moment, against the anchors of before it."""
    report = Report()
    _check_chain(connection, key, known, report, progress)
    if traces:
        if not report.sound:
            report.unchecked.append(
                "whether the seals of traces are those that were made: the log is not sound"
            )
        try:
            _check_traces(connection, key, report, progress)
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
            report.found("the traces, or their seals, hold what no trace or seal holds")
    return report


def _check_chain(
    connection: Connection, key: bytes, known: Read | None, report: Report, progress: Progress | None
) -> None:
    chain = Chain(key, known.hashes if known else None)
    total = connection.execute(select(func.count()).select_from(AUDIT_EVENT)).scalar_one()
    for event in _events(connection):
        for found in chain.check(event):
            report.found(found)
        if progress is not None and not chain.checked % _PAGE:
            progress("events", chain.checked, total)
    outside = select(AUDIT_EVENT.c.id).where(AUDIT_EVENT.c.seq.is_(None)).order_by(AUDIT_EVENT.c.id)
    for id in connection.execute(outside).scalars():
        report.found(f"event {id}: stands outside of the chain")
    for found in (*chain.head(read_head(connection)), *chain.ended()):
        report.found(found)
    report.counts = {
        "events": chain.checked,
        "first_event": chain.first or 1,
        "erased_details": len(chain.bare & chain.erased),
        "adopted_events": chain.adopted,
        "anchored_until": chain.matched,
    }
    _say_unchecked(chain, known, report)


def _say_unchecked(chain: Chain, known: Read | None, report: Report) -> None:
    """What the chain and the anchors leave open."""
    say = report.unchecked.append
    if chain.pruned[0]:
        say(f"events 1 to {chain.pruned[0]}, which were deleted when their time was up, as an event says")
    if chain.adopted:
        say(f"events 1 to {chain.adopted} were written by an older version, before there was a chain")
    if len(chain.bare):
        say(
            f"the details of {len(chain.bare)} events, which were erased; all else of these events was checked"
        )
    if known is not None:
        for trouble in known.trouble:
            report.found(trouble)
        if known.torn:
            say(f"{known.torn} lines of anchors that were cut off or cannot be read")
    if known is None or not known.hashes:
        say(
            "whether an older copy of the whole database was put back, or the log was shortened by somebody with an"
            " older copy of its head: there are no anchors"
        )
        return
    say(
        f"whether {known.file} is whole: its last anchor is of event {max(known.hashes)}, {_second(known.newest_us)};"
        " anchors taken from its end do not show, and whoever can write its folder can put it back with the database"
    )
    if chain.matched < chain.seq:
        say(
            f"events {chain.matched + 1} to {chain.seq}: whether more stood after them, as no anchor is that new"
        )


def _events(connection: Connection) -> Iterator[dict[str, Any]]:
    """The chained events in their order; pages, so that no driver holds them all."""
    last = None
    chained = (
        select(AUDIT_EVENT).where(AUDIT_EVENT.c.seq.is_not(None)).order_by(AUDIT_EVENT.c.seq).limit(_PAGE)
    )
    while True:
        page = chained if last is None else chained.where(AUDIT_EVENT.c.seq > last)
        rows = connection.execute(page).mappings().all()
        yield from map(dict, rows)
        if len(rows) < _PAGE:
            return
        last = rows[-1]["seq"]


def _check_traces(connection: Connection, key: bytes, report: Report, progress: Progress | None) -> None:
    """Hold what is there against what was sealed, less what was taken away with a receipt."""
    until = moment(read_head(connection), "sealed_us")
    total = connection.execute(select(func.count()).where(SPAN.c.started_us < until)).scalar_one()

    def told(done: int) -> None:
        if progress is not None:
            progress("traces", done, total)

    # A seal that was pruned with the oldest events may have been noted between a late one of its hours and the next.
    since = _pruned_until(connection, until) if report.counts["first_event"] > 1 else -(1 << 62)
    sealed = seals.Sums()
    seals.add_seals(connection, sealed, 1, seals.SEAL, seals.LATE)
    seals.add_receipts(connection, sealed, -1)
    there = seals.present(connection, key, since, until, told)
    for hour in sorted({*sealed.count, *there.count}):
        if not since <= hour < until:
            continue
        if difference := _difference(sealed, there, hour):
            report.found(f"traces of {_hour(hour)}: {difference}")
    report.counts |= {"sealed_traces": sum(there.count.values()), "sealed_until_us": until}
    if since > 0:
        report.unchecked.append(
            f"traces before {_hour(since)}: their seals were pruned with the oldest events"
        )
    newer = connection.execute(select(func.count()).where(SPAN.c.started_us >= until)).scalar_one()
    if newer:
        report.unchecked.append(f"{_traces(newer)} from {_hour(until)} on, which no seal covers yet")
    report.unchecked.append(
        "texts of traces: each is encrypted and bound to its blob, which reading it checks; which trace names which"
        " blob no seal covers"
    )
    report.unchecked.append(UNCOVERED)


def _pruned_until(connection: Connection, until: int) -> int:
    """The start of the first hour whose seals are all there: the first one that is may have lost its late ones."""
    first = select(AUDIT_EVENT.c.detail).where(AUDIT_EVENT.c.action == seals.SEAL)
    detail = connection.execute(first.order_by(AUDIT_EVENT.c.seq).limit(1)).scalar()
    return until if detail is None else int(orjson.loads(detail)["until"])


def _difference(sealed: seals.Sums, there: seals.Sums, hour: int) -> str:
    missing = sealed.count[hour] - there.count[hour]
    if missing > 0:
        return f"{missing} are missing of {sealed.count[hour]} that were sealed and not taken away with a receipt"
    if missing < 0:
        return f"there are {-missing} more than were sealed"
    return "" if sealed.sum[hour] == there.sum[hour] else "some were changed after they were sealed"


def _traces(count: int) -> str:
    return "1 trace" if count == 1 else f"{count} traces"


def _second(us: int) -> str:
    try:
        return datetime.fromtimestamp(us / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "at no time"


def _hour(us: int) -> str:
    return datetime.fromtimestamp(us / 1_000_000, UTC).strftime("%Y-%m-%dT%H:00Z")
