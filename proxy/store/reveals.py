"""Leave to read what was said before the guardrails: asked for with a reason, for one part of one trace, for a while.

Whoever asks, and whoever reads, is in the audit log before a byte is given out: in the same transaction.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from proxy.raw import PARTS
from proxy.store.audit import Act, note
from proxy.store.blobs import read_blobs
from proxy.store.bodies import decode
from proxy.store.db import Store
from proxy.store.tables import MESSAGE_REF, SPAN
from proxy.store.tables_governance import AUDIT_EVENT, REVEAL

SHORTEST, LONGEST = 10, 500
"""Characters of a reason."""
ASKED, READ = "trace.reveal", "trace.raw_read"
"""What the audit log calls the two acts."""
MOST = 200
"""Reveals on one list."""
_GRANT = re.compile("[0-9a-f]{32}")
HOUR_US = 3_600_000_000


class NotThere(LookupError):
    """There is no such trace of this tenant, or nothing raw was kept of that part."""


class Gone(LookupError):
    """It was kept, and is not there any more: its time was over, or it was erased."""


class NoGrant(LookupError):
    """There is no such grant for this actor and part, or its time is over."""


class TooMany(Exception):
    """The actor has asked and read as often as it may within an hour."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who wants to read what."""

    span_id: str
    part: str
    """`request` or `response`."""
    actor: str
    tenant: str | None
    """The tenant whose traces the actor may reveal; None: every one's."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to read."""

    id: str
    expires_us: int


@dataclass(frozen=True, slots=True)
class Revealed:
    """What was said before the guardrails."""

    data: bytes
    cut: bool
    """Whether there was more than was kept."""
    expires_us: int

    def __repr__(self) -> str:
        return f"Revealed({len(self.data)} bytes)"


def checked_reason(text: str) -> str:
    """A reason as it is kept. Raises ValueError for one that says nothing, or too much."""
    reason = " ".join(text.split())
    if not SHORTEST <= len(reason) <= LONGEST or not reason.isprintable():
        raise ValueError(f"reason takes {SHORTEST} to {LONGEST} characters that say why.")
    return reason


def ask(store: Store, wanted: Wanted, reason: str, ttl_s: int, per_hour: int) -> Grant:
    """Leave to read, for so many seconds. Raises NotThere, Gone or TooMany; then nothing was granted."""
    _bytes(store, wanted)
    now = time.time_ns() // 1000
    grant = Grant(secrets.token_hex(16), now + ttl_s * 1_000_000)
    with store.begin() as connection:
        tenant = _kept(connection, wanted)[0]
        detail = {"part": wanted.part, "grant": grant.id, "expires_us": grant.expires_us, "reason": reason}
        note(connection, Act(wanted.actor, ASKED, wanted.span_id, detail, tenant))
        _check_often(connection, wanted.actor, per_hour, now)
        row = {
            "id": grant.id,
            "tenant": tenant,
            "span_id": wanted.span_id,
            "part": wanted.part,
            "actor": wanted.actor,
            "reason": reason,
            "created_us": now,
            "expires_us": grant.expires_us,
        }
        connection.execute(REVEAL.insert(), [row])
    return grant


def read(store: Store, wanted: Wanted, grant_id: str, per_hour: int) -> Revealed:
    """What a grant is for. Raises NoGrant, NotThere, Gone or TooMany."""
    if wanted.part not in PARTS or not _GRANT.fullmatch(grant_id) or not wanted.span_id.isprintable():
        raise NoGrant
    now = time.time_ns() // 1000
    theirs = (
        REVEAL.c.span_id == wanted.span_id,
        REVEAL.c.part == wanted.part,
        REVEAL.c.actor == wanted.actor,
    )
    query = select(REVEAL.c.expires_us).where(REVEAL.c.id == grant_id, *theirs, REVEAL.c.expires_us > now)
    with store.read() as connection:
        if connection.execute(query).scalar() is None:
            raise NoGrant
    data = _bytes(store, wanted)
    with store.begin() as connection:
        expires = connection.execute(query).scalar()
        if expires is None:
            raise NoGrant
        tenant, _, cut = _kept(connection, wanted)
        detail = {"part": wanted.part, "grant": grant_id}
        note(connection, Act(wanted.actor, READ, wanted.span_id, detail, tenant))
        _check_often(connection, wanted.actor, per_hour, now)
    # Only now that the reading is on record.
    return Revealed(data, cut, expires)


def reveals(store: Store, span_id: str | None = None, tenant: str | None = None) -> list[dict[str, Any]]:
    """The last reveals, of one trace or of all, newest first: who, which part, why, from when to when."""
    query = select(REVEAL).order_by(REVEAL.c.created_us.desc(), REVEAL.c.id.desc()).limit(MOST)
    if span_id is not None:
        query = query.where(REVEAL.c.span_id == span_id)
    if tenant is not None:
        query = query.where(REVEAL.c.tenant == tenant)
    with store.read() as connection:
        return [_told(dict(row)) for row in connection.execute(query).mappings()]


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    # Without the grant's id: who sees the list has no use for it.
    return {name: row[name] for name in ("span_id", "part", "actor", "reason", "created_us", "expires_us")}


def _kept(connection: Connection, wanted: Wanted) -> tuple[str, str, bool]:
    """The tenant and the blob of what is wanted, and whether it was cut. Raises NotThere or Gone."""
    if wanted.part not in PARTS or not wanted.span_id.isprintable():
        raise NotThere
    columns = (SPAN.c.tenant, SPAN.c.raw, SPAN.c.detail)
    span = connection.execute(select(*columns).where(SPAN.c.id == wanted.span_id)).first()
    if span is None or not span.raw or wanted.tenant not in (None, span.tenant):
        raise NotThere
    sides = [f"raw_{part}" for part in PARTS]
    refs = select(MESSAGE_REF.c.side, MESSAGE_REF.c.blob_id).where(
        MESSAGE_REF.c.span_id == wanted.span_id, MESSAGE_REF.c.side.in_(sides)
    )
    found = {row.side: row.blob_id for row in connection.execute(refs)}
    if not found:
        raise Gone
    if (blob := found.get(f"raw_{wanted.part}")) is None:
        raise NotThere
    return span.tenant, blob, wanted.part in decode(span.detail.encode()).get("raw_cut", ())


def _bytes(store: Store, wanted: Wanted) -> bytes:
    """What is wanted, for nobody yet. Raises NotThere or Gone."""
    with store.read() as connection:
        blob = _kept(connection, wanted)[1]
        data = read_blobs(connection, store.keys, [blob]).get(blob)
    if data is None:
        raise Gone
    return data


def _check_often(connection: Connection, actor: str, per_hour: int, now: int) -> None:
    """Raises TooMany when the act just noted is one too many."""
    recent = (
        select(func.count())
        .select_from(AUDIT_EVENT)
        .where(
            AUDIT_EVENT.c.at_us > now - HOUR_US,
            AUDIT_EVENT.c.actor == actor,
            AUDIT_EVENT.c.action.in_((ASKED, READ)),
        )
    )
    if int(connection.execute(recent).scalar_one()) > per_hour:
        raise TooMany
