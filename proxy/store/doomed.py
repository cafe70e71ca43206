"""What the clocks have run out for, as conditions: a dry run counts by them, a run deletes by them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    exists,
    false,
    func,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.sql.elements import False_

from proxy.config_retention import Clocks
from proxy.store import holds, refs
from proxy.store.data_keys import DAY_US, Kind
from proxy.store.tables import (
    ANNOTATION,
    BLOB,
    FEEDBACK,
    FINDING,
    GAP,
    MESSAGE_REF,
    OUTSIDE_SPAN,
    RETRIEVAL_HIT,
    RUN,
    SPAN,
    TOOL_CALL,
)
from proxy.store.tables_governance import (
    AUDIT_EVENT,
    DATA_KEY,
    ERASED_TRACE,
    ERASURE,
    HOLD,
    RETENTION_RUN,
    REVEAL,
)
from proxy.store.tables_review import ASSIGNMENT, BULK, CANDIDATE, COMMENT, ITEM
from proxy.store.tables_rollups import ROLLUP_HOUR, ROLLUP_LATENCY, ROLLUP_RULE, SPEND_DAY
from proxy.store.tables_texts import SPAN_TEXT

OF_SPAN: dict[Table, ColumnElement[Any]] = {
    MESSAGE_REF: MESSAGE_REF.c.span_id,
    FINDING: FINDING.c.span_id,
    TOOL_CALL: TOOL_CALL.c.span_id,
    RETRIEVAL_HIT: RETRIEVAL_HIT.c.span_id,
    ANNOTATION: ANNOTATION.c.span_id,
    ASSIGNMENT: ASSIGNMENT.c.span_id,
    ITEM: ITEM.c.span_id,
    COMMENT: COMMENT.c.span_id,
    CANDIDATE: CANDIDATE.c.span_id,
    FEEDBACK: FEEDBACK.c.target,
}
"""The tables whose rows go with their trace, each with the column that names it."""
OF_OUTSIDE: dict[Table, ColumnElement[Any]] = {
    TOOL_CALL: TOOL_CALL.c.span_id,
    RETRIEVAL_HIT: RETRIEVAL_HIT.c.span_id,
}
"""The same for spans of apps."""
TEXTS_OF_SPAN: dict[Table, ColumnElement[Any]] = {SPAN_TEXT: SPAN_TEXT.c.span_id}
"""Tables with texts of a trace that are no blobs: they go by the clock `content`."""
_BESIDE_US = DAY_US
"""How far from a held trace what its key's apps told at the time is held too: some of it is tied by time alone."""


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """By clock: what is from before this moment, microseconds UTC, goes. Each is the start of a day."""

    metadata: int
    content: int
    raw: int
    runs: int
    rollups: int
    audit: int


def cutoffs(clocks: Clocks, now_us: int) -> Cutoffs:
    """Whole days: what was stored together for a day goes together, so that nothing points to what is gone."""
    today = now_us // DAY_US
    days = {each.name: today - getattr(clocks, each.name) for each in fields(clocks)}
    return Cutoffs(**{name: max(day, 0) * DAY_US for name, day in days.items()})


@dataclass(frozen=True, slots=True)
class Doomed:
    """The conditions, for one transaction."""

    connection: Connection
    cut: Cutoffs
    held: ColumnElement[bool]
    """On SPAN."""

    @classmethod
    def at(cls, connection: Connection, key: bytes, cut: Cutoffs) -> Doomed:
        """As the holds stand now. Raises HoldError when one of them cannot be read."""
        return cls(connection, cut, holds.held(connection, key))

    @property
    def nothing_held(self) -> bool:
        """Whether there is no hold at all."""
        return isinstance(self.held, False_)

    def spans(self) -> ColumnElement[bool]:
        """Traces."""
        return and_(SPAN.c.started_us < self.cut.metadata, ~self.held)

    def texts(self) -> ColumnElement[bool]:
        """Traces whose texts go, although they stay themselves."""
        return and_(SPAN.c.started_us < self.cut.content, ~self.held)

    def outside(self) -> ColumnElement[bool]:
        """Spans of apps."""
        return and_(OUTSIDE_SPAN.c.received_us < self.cut.metadata, ~self.outside_held())

    def outside_held(self) -> ColumnElement[bool]:
        """Spans of apps that a held trace shows, or may show."""
        if self.nothing_held:
            return false()
        near = SPAN.c.started_us.between(
            OUTSIDE_SPAN.c.received_us - _BESIDE_US, OUTSIDE_SPAN.c.received_us + _BESIDE_US
        )
        return exists(
            select(SPAN.c.id).where(
                SPAN.c.tenant == OUTSIDE_SPAN.c.tenant,
                SPAN.c.key_id == OUTSIDE_SPAN.c.key_id,
                or_(SPAN.c.trace_id == OUTSIDE_SPAN.c.trace_id, near),
                self.held,
            )
        )

    def feedback(self) -> ColumnElement[bool]:
        """Feedback on what is not there, or not any more."""
        there = exists(select(SPAN.c.id).where(SPAN.c.id == FEEDBACK.c.target))
        return and_(FEEDBACK.c.created_us < self.cut.metadata, ~there)

    def held_labels(self, key_id: str) -> Select[Any]:
        """What reviewers expect of held traces, under one key."""
        of = exists(select(SPAN.c.id).where(SPAN.c.id == CANDIDATE.c.span_id, self.held))
        return select(CANDIDATE.c.id).where(CANDIDATE.c.key_id == key_id, of)

    def raw(self, key_id: str, day_us: int) -> ColumnElement[bool]:
        """Blobs of raw texts under one key."""
        return and_(BLOB.c.created_us == day_us, BLOB.c.key_id == key_id, self._free(day_us))

    def content(self, day_us: int) -> ColumnElement[bool]:
        """Blobs of one day, raw or not."""
        return and_(BLOB.c.created_us == day_us, self._free(day_us))

    def _free(self, day_us: int) -> ColumnElement[bool]:
        if self.nothing_held:
            return true()
        # What an older version stored has no day of its own, but the moment when it was taken over.
        own = day_us % DAY_US == 0 and day_us > 0
        return BLOB.c.id.not_in(self.held_blobs((day_us, day_us + DAY_US) if own else None))

    def held_blobs(self, between_us: tuple[int, int] | None = None) -> Any:
        """The ids of blobs that held traces need, stored between two moments or whenever."""

        def then(column: ColumnElement[int]) -> ColumnElement[bool]:
            first, end = between_us or (0, 0)
            return and_(column >= first, column < end) if between_us else true()

        spans = select(SPAN.c.id).where(then(SPAN.c.started_us), self.held)
        outside = select(OUTSIDE_SPAN.c.id).where(then(OUTSIDE_SPAN.c.received_us), self.outside_held())
        judged = exists(select(SPAN.c.id).where(SPAN.c.id == FEEDBACK.c.target, self.held))
        of_calls = [
            select(column).where(TOOL_CALL.c.span_id.in_(owners), column.is_not(None))
            for column in (TOOL_CALL.c.arguments_blob, TOOL_CALL.c.result_blob)
            for owners in (spans, outside)
        ]
        return union_all(
            *refs.named(MESSAGE_REF.c.span_id.in_(spans)),
            *of_calls,
            *(
                select(RETRIEVAL_HIT.c.text_blob).where(RETRIEVAL_HIT.c.span_id.in_(owners))
                for owners in (spans, outside)
            ),
            select(OUTSIDE_SPAN.c.detail_blob).where(
                then(OUTSIDE_SPAN.c.received_us), self.outside_held(), OUTSIDE_SPAN.c.detail_blob.is_not(None)
            ),
            select(FEEDBACK.c.comment_blob).where(
                then(FEEDBACK.c.created_us), judged, FEEDBACK.c.comment_blob.is_not(None)
            ),
        )

    def plain(self) -> list[tuple[str, Table, ColumnElement[bool]]]:
        """Tables whose rows stand for themselves: the clock of each, and what of it goes."""
        cut = self.cut
        return [
            ("metadata", FEEDBACK, self.feedback()),
            ("metadata", COMMENT, and_(COMMENT.c.span_id.is_(None), COMMENT.c.created_us < cut.metadata)),
            ("runs", RUN, RUN.c.received_us < cut.runs),
            *(
                ("rollups", table, table.c.hour_us < cut.rollups)
                for table in (ROLLUP_HOUR, ROLLUP_RULE, ROLLUP_LATENCY)
            ),
            ("rollups", SPEND_DAY, SPEND_DAY.c.day_us < cut.rollups),
            ("audit", GAP, GAP.c.ended_us < cut.audit),
            ("audit", RETENTION_RUN, RETENTION_RUN.c.started_us < cut.audit),
            ("audit", ERASURE, and_(ERASURE.c.requested_us < cut.audit, ERASURE.c.done_us.is_not(None))),
            ("audit", ERASED_TRACE, ERASED_TRACE.c.erasure_id.not_in(select(ERASURE.c.id))),
            ("audit", REVEAL, and_(REVEAL.c.created_us < cut.audit, REVEAL.c.expires_us < cut.audit)),
            ("audit", BULK, BULK.c.ended_us < cut.audit),
            ("audit", HOLD, HOLD.c.released_us < cut.audit),
        ]

    def through(self) -> int:
        """The place of the last audit event that goes: the oldest of the chain, without a gap; below 1: none."""
        younger = select(func.min(AUDIT_EVENT.c.seq)).where(AUDIT_EVENT.c.at_us >= self.cut.audit)
        last = select(func.max(AUDIT_EVENT.c.seq))
        first_kept = self.connection.execute(younger).scalar()
        # The end of the chain stays, whatever its age.
        return (first_kept if first_kept is not None else (self.connection.execute(last).scalar() or 0)) - 1

    def events(self) -> ColumnElement[bool]:
        """Audit events, and those that an older version kept outside the chain."""
        unchained = and_(AUDIT_EVENT.c.seq.is_(None), AUDIT_EVENT.c.at_us < self.cut.audit)
        return or_(AUDIT_EVENT.c.seq <= self.through(), unchained)

    def keys(self, kind: Kind) -> list[tuple[str, int]]:
        """The day keys of a kind whose clock has run out, with their day, oldest first."""
        ids = self.connection.execute(select(DATA_KEY.c.id).where(DATA_KEY.c.id.startswith(f"{kind}.")))
        days = ((id, _day_us(id)) for id in ids.scalars())
        cut = self.cut.raw if kind == "raw" else self.cut.content
        return sorted(
            ((id, day) for id, day in days if day is not None and day < cut), key=lambda each: each[1]
        )

    def days(self) -> Iterator[int]:
        """The days from which there are blobs that the clock `content` has run out for."""
        last = -1
        while True:
            query: Select[Any] = select(func.min(BLOB.c.created_us)).where(
                BLOB.c.created_us > last, BLOB.c.created_us < self.cut.content
            )
            found = self.connection.execute(query).scalar()
            if found is None:
                return
            last = found
            yield last


def _day_us(id: str) -> int | None:
    """The day of a key's id, `raw.2026-01-31` or, after a rotation, `raw.2026-01-31.2`."""
    try:
        day = datetime.strptime(f"{id}.".split(".")[1], "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(day.timestamp()) * 1_000_000
