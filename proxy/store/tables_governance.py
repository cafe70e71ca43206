"""The tables by which an operator answers for the record: who did what, what is held, what went, which keys there are.

None of them holds a text of an exchange.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary
from sqlmodel import Field

from proxy.store.base import Row, big, table, text


class AuditEventRow(Row, table=True):
    """One act, in a chain: each row's hash covers the one before. Append-only."""

    __tablename__ = "audit_event"

    id: str = text(primary_key=True)
    at_us: int = big()
    tenant: str = text()
    actor: str = text()
    """Public id of the key, `cli`, or `proxy` for what it does by itself."""
    action: str = text()
    """E.g. `key.create`."""
    object: str = text()
    detail: str | None = text(default=None)
    """JSON object; holds no secret and no text of an exchange. NULL when it was erased."""
    seq: int | None = big(default=None, unique=True)
    """Place in the chain, from 1 without a gap; NULL only until an older version's event is taken into it."""
    commitment: str | None = text(default=None)
    """Keyed hash of the event in its place, which stays when the detail is erased."""
    detail_mac: str | None = text(default=None)
    """Keyed hash of the detail, which the commitment covers in its stead."""
    prev_hash: str | None = text(default=None)
    hash: str | None = text(default=None)
    """SHA-256 over place, time, commitment and the hash before, in hex."""


class AuditHeadRow(Row, table=True):
    """One row: the end of the chain."""

    __tablename__ = "audit_head"

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    tenant: str = text()
    seq: int = big()
    hash: str = text()
    mac: str = text()
    """Keyed hash of the other columns: who can only write rows cannot shorten the chain unseen."""
    at_us: int = big()
    closed_us: int = big()
    """Start of the first hour that takes traces unsealed; what comes in for an earlier one is sealed as it comes."""
    sealed_us: int = big()
    """Start of the first hour that no seal covers yet."""


class HoldRow(Row, table=True):
    """Traces that no retention and no erasure may take, until the hold is released."""

    __tablename__ = "legal_hold"

    id: str = text(primary_key=True)
    tenant: str = text()
    filter: str = text()
    """In the filter grammar; ages in it count from `created_us`."""
    reason: str = text()
    actor: str = text()
    created_us: int = big()
    released_us: int | None = big(default=None)
    released_by: str | None = text(default=None)


class RetentionRunRow(Row, table=True):
    """One run of retention: what went, and what was held."""

    __tablename__ = "retention_run"

    id: str = text(primary_key=True)
    tenant: str = text()
    actor: str = text()
    started_us: int = big()
    ended_us: int | None = big(default=None)
    counts: str = text()
    """JSON object: rows deleted, by clock and table."""
    error: str | None = text(default=None)


class ErasureRow(Row, table=True):
    """One erasure of a subject: the receipt. Holds nothing by which the subject could be told."""

    __tablename__ = "erasure"

    id: str = text(primary_key=True)
    tenant: str = text()
    kind: str = text()
    """By what its traces are known: `user`, `value`, `session`, `traces` or `filter`."""
    subject: str = text()
    """Keyed hash of the person, value or session, or else of the ids of the traces."""
    fingerprints: str = text()
    """JSON array: those of a value, one for each kind of thing that it may have been found as."""
    actor: str = text()
    reason: str = text()
    requested_us: int = big()
    done_us: int | None = big(default=None)
    """NULL: was cut off, and goes on at the next try."""
    counts: str = text()
    """JSON object: rows deleted, by table."""


class ErasedTraceRow(Row, table=True):
    """A trace that is erased, or about to be: the plan of an erasure, and what keeps a late record from coming back."""

    __tablename__ = "erased_trace"

    span_id: str = text(primary_key=True)
    tenant: str = text()
    erasure_id: str = text()
    key_id: str | None = text(default=None)
    trace_id: str = text()
    """W3C trace id, under which spans of an app may still come."""
    session_id: str | None = text(default=None)
    object_id: str | None = text(default=None)
    started_us: int = big()
    done: bool


class RevealRow(Row, table=True):
    """Leave to read what was said before the guardrails, for one part of one trace and a short time."""

    __tablename__ = "reveal"

    id: str = text(primary_key=True)
    tenant: str = text()
    span_id: str = text()
    part: str = text()
    """`request` or `response`."""
    actor: str = text()
    reason: str = text()
    created_us: int = big()
    expires_us: int = big()


class DataKeyRow(Row, table=True):
    """A key that encrypts content, or names it, wrapped under the root key. Deleting it shreds what it encrypts."""

    __tablename__ = "data_key"

    id: str = text(primary_key=True)
    """`identity`, or kind and day: `content.2026-01-31`, `raw.2026-01-31`; after a rotation `content.2026-01-31.2`."""
    tenant: str = text()
    """Empty: one key serves every tenant, whose blobs differ by name."""
    wrapped: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """AES-GCM under the root key: 12 bytes nonce, 32 encrypted bytes, 16 bytes tag; bound to the id."""
    created_us: int = big()
    retired_us: int | None = big(default=None)
    """From when on nothing more is encrypted under it; NULL while it is in use."""


class KeyCheckRow(Row, table=True):
    """One row: which data key an older version's database belongs to; the row `identity` of `data_key` tells it now."""

    __tablename__ = "key_check"

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    tenant: str = text()
    digest: str = text()


AUDIT_EVENT, AUDIT_HEAD = table(AuditEventRow), table(AuditHeadRow)
HOLD, RETENTION_RUN, ERASURE, ERASED_TRACE, REVEAL = (
    table(HoldRow),
    table(RetentionRunRow),
    table(ErasureRow),
    table(ErasedTraceRow),
    table(RevealRow),
)
DATA_KEY, KEY_CHECK = table(DataKeyRow), table(KeyCheckRow)

Index("audit_event_newest", AUDIT_EVENT.c.at_us, AUDIT_EVENT.c.id)
Index("audit_event_action", AUDIT_EVENT.c.action, AUDIT_EVENT.c.seq)
Index("reveal_span", REVEAL.c.span_id)
Index("erasure_requested", ERASURE.c.requested_us)
Index("erased_trace_plan", ERASED_TRACE.c.erasure_id, ERASED_TRACE.c.done, ERASED_TRACE.c.span_id)
Index("erased_trace_trace", ERASED_TRACE.c.trace_id)
