"""Who did what: one event for each act, in the transaction of the act itself, each chained to the one before.

`proxy.chain` says how. Whoever appends holds a lock until the act is committed, so note an act as the last thing of
its transaction. A chain whose end is not as it was left is gone on with, and says so for ever (`audit.broken`): an
intruder must not be able to keep a key from being revoked.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Connection, func, select, text, update

from proxy import chain
from proxy.exchange import new_id
from proxy.store.data_keys import IDENTITY
from proxy.store.tables_governance import AUDIT_EVENT, AUDIT_HEAD, DATA_KEY

if TYPE_CHECKING:
    from proxy.store.db import Store

CLI = "cli"
"""Who acts on the command line: whoever may read the data folder."""
PROXY = "proxy"
"""Who acts when nobody asked for it."""
LOCK = 0x67756172646C6F67
"""Advisory lock ("guardlog" in ASCII) under which PostgreSQL's chain is appended to."""
KEPT = ("audit.", "traces.", "retention.", "erasure.")
"""Acts whose details prove others, and so cannot be erased: the beginnings of their names."""
MOST = 1_000
"""Events that one page has at most."""
_LAST = 1 << 52
"""No chain gets that long: a place or time beyond it is somebody's forgery, and leaves no room to go on."""
_HEAD = 1
"""Id of the one row with the chain's end."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Act:
    """What was done, by whom, to what. Holds no secret and no text of an exchange."""

    actor: str
    """Public id of a key, `cli` or `proxy`."""
    action: str
    """What and what with, e.g. `key.create`."""
    object: str
    """Id or name of what it was done to."""
    detail: Mapping[str, Any]
    tenant: str = "default"


@dataclass(slots=True)
class Ledger:
    """What one transaction needs to append to the chain; `Store.begin` gives it to its connection."""

    key: bytes = field(repr=False)
    """The verification key."""
    head: dict[str, Any] | None = None
    """The end of the chain as this transaction left it; None while it appended nothing."""


def note(connection: Connection, act: Act, **moved: int) -> None:
    """Keep an act. Give it the connection of `Store.begin` on which the act is done: both are kept, or neither.

    `moved` sets columns of the head that go with the act: `sealed_us`.
    """
    note_all(connection, [act], **moved)


def note_all(connection: Connection, done: Sequence[Act], **moved: int) -> None:
    """`note` for some acts of one transaction: the end of the chain is read, and written, once."""
    if not done:
        return
    ledger = ledger_of(connection)
    head = _sound_head(connection, ledger.key)
    for act in done:
        head = _append(connection, ledger.key, head, act)
    ledger.head = _write_head(connection, ledger.key, head | moved)


def move(connection: Connection, **moved: int) -> None:
    """Set columns of the head without an act: `closed_us`."""
    key = ledger_of(connection).key
    _write_head(connection, key, _sound_head(connection, key) | moved)


def ledger_of(connection: Connection) -> Ledger:
    """The ledger of a transaction. Raises TypeError for a connection that `Store.begin` did not give."""
    found = connection.get_execution_options().get("ledger")
    if not isinstance(found, Ledger):
        raise TypeError("an act is noted on a connection of Store.begin")
    return found


def _lock(connection: Connection) -> None:
    """From here to the end of the transaction nobody else appends. SQLite's writers are alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), :id))"), {"id": LOCK}
        )


def read_head(connection: Connection) -> dict[str, Any] | None:
    """The row that says where the chain ends; None when there is none."""
    row = connection.execute(select(AUDIT_HEAD).where(AUDIT_HEAD.c.id == _HEAD)).mappings().first()
    return None if row is None else dict(row)


def _write_head(connection: Connection, key: bytes, head: Mapping[str, Any]) -> dict[str, Any]:
    """Sign and store where the chain ends; returns the row. Hold the lock."""
    row = {**head, "id": _HEAD, "tenant": "", "mac": chain.head_mac(key, head)}
    done = connection.execute(update(AUDIT_HEAD).where(AUDIT_HEAD.c.id == _HEAD).values(**row))
    if not done.rowcount:
        connection.execute(AUDIT_HEAD.insert(), [row])
    return row


def awaits_chain(connection: Connection) -> bool:
    """Whether the migration that made the chain's tables has left an unsigned head, and nothing was begun since."""
    head = read_head(connection)
    return head is not None and head["mac"] == "" and head["seq"] == 0


def begin_chain(connection: Connection) -> None:
    """Start the chain of a database that never had one, and take the events of older versions into it, in their order.

    Only then: a log that was taken away is gone on with as broken, and an event outside of the chain is evidence.
    Whoever wipes the log can put the unsigned head back, but content under a key of ours was stored after the chain
    was begun.
    """
    ledger = ledger_of(connection)
    _lock(connection)
    chained = select(AUDIT_EVENT.c.id).where(AUDIT_EVENT.c.seq.is_not(None)).limit(1)
    used = select(DATA_KEY.c.id).where(DATA_KEY.c.id != IDENTITY).limit(1)
    if not awaits_chain(connection) or any(connection.execute(each).first() for each in (chained, used)):
        return
    head = _nothing()
    older = select(AUDIT_EVENT).order_by(AUDIT_EVENT.c.at_us, AUDIT_EVENT.c.id)
    rows = connection.execute(older).mappings().all()
    for row in rows:
        linked = chain.link(ledger.key, dict(row), head["seq"] + 1, head["hash"])
        connection.execute(update(AUDIT_EVENT).where(AUDIT_EVENT.c.id == row["id"]).values(**linked))
        head |= {"seq": linked["seq"], "hash": linked["hash"], "at_us": row["at_us"]}
    if rows:
        adopted = Act(PROXY, chain.ADOPT, "audit", {"events": len(rows)}, "")
        head = _append(connection, ledger.key, head, adopted)
    end = _write_head(connection, ledger.key, head)
    ledger.head = end if rows else None


def erase_details(connection: Connection, seqs: Sequence[int], actor: str, reason: str) -> int:
    """Take the details of events away, and note that; their commitments stay, and so does the chain.

    Returns how many. Raises ValueError for an event that is not there, or whose detail proves something.
    """
    wanted = sorted({*seqs})
    query = select(AUDIT_EVENT.c.seq, AUDIT_EVENT.c.action).where(AUDIT_EVENT.c.seq.in_(wanted))
    found = {row.seq: row.action for row in connection.execute(query)}
    for seq in wanted:
        if seq not in found:
            raise ValueError(f"there is no event {seq}")
        if found[seq].startswith(KEPT):
            raise ValueError(f"the detail of event {seq} proves what went, and stays")
    if wanted:
        connection.execute(update(AUDIT_EVENT).where(AUDIT_EVENT.c.seq.in_(wanted)).values(detail=None))
        note(connection, Act(actor, chain.ERASE, "audit", {"events": wanted, "reason": reason}, ""))
    return len(wanted)


def acts(
    store: Store, limit: int = 100, before: int | None = None, tenant: str | None = None
) -> Sequence[Mapping[str, Any]]:
    """The last acts of a tenant (None: all), newest first, as they are stored; `before`: only of an earlier place."""
    newest = select(AUDIT_EVENT).order_by(AUDIT_EVENT.c.seq.desc()).limit(min(limit, MOST))
    if before is not None:
        newest = newest.where(AUDIT_EVENT.c.seq < before)
    if tenant is not None:
        newest = newest.where(AUDIT_EVENT.c.tenant == tenant)
    with store.read() as connection:
        rows = connection.execute(newest).mappings().all()
    return [{**row, "detail": None if row["detail"] is None else orjson.loads(row["detail"])} for row in rows]


def _sound_head(connection: Connection, key: bytes) -> dict[str, Any]:
    """Where to go on. The lock is held from here on; a chain that is not as it was left gets an event that says so."""
    _lock(connection)
    head, trouble = _end(connection, key)
    if trouble is None:
        return head
    _log.error("the audit log is not as it was left (%s): run guardhouse traces verify", trouble)
    return _append(connection, key, head, Act(PROXY, chain.BROKEN, "audit", {"found": trouble}, ""))


def _end(connection: Connection, key: bytes) -> tuple[dict[str, Any], str | None]:
    """Where to go on, and what is wrong with the end as it is found."""
    head = read_head(connection)
    # SQLite takes anything in any column: texts and blobs are more than every number, and a number may be no place.
    places = select(func.max(AUDIT_EVENT.c.seq)).where(AUDIT_EVENT.c.seq.between(0, _LAST))
    last = int(connection.execute(places).scalar() or 0)
    if head is None:
        trouble: str | None = "its head is missing"
    elif not chain.well_formed(head, chain.HEAD_NUMBERS, chain.HEAD_TEXTS):
        trouble = "its head holds what no head holds"
    elif chain.head_mac(key, head) != head["mac"]:
        trouble = "its head is not signed under this key"
    elif head["seq"] != last:
        trouble = f"its head names event {head['seq']}, and the last one is {last}"
    else:
        return head, None
    at = select(AUDIT_EVENT.c.hash).where(AUDIT_EVENT.c.seq == last)
    found = {name: value for name, value in (head or {}).items() if _usable(name, value)}
    hashes = (connection.execute(at).scalar(), found.get("hash"))
    hash = next((each for each in hashes if isinstance(each, str) and each), chain.ZERO)
    return {**_nothing(), **found, "seq": max(last, found.get("seq", 0)), "hash": hash}, trouble


def _usable(name: str, value: object) -> bool:
    """Whether a column of a head that is not as it was left can be gone on with."""
    if name in chain.HEAD_NUMBERS:
        return type(value) is int and 0 <= value <= _LAST
    return isinstance(value, str)


def moment(head: Mapping[str, Any] | None, name: str) -> int:
    """A time that the head holds; 0 where it holds none."""
    value = (head or {}).get(name)
    return value if type(value) is int else 0


def _nothing() -> dict[str, Any]:
    """The end of a chain without events."""
    now = time.time_ns() // 1000
    return {"seq": 0, "hash": chain.ZERO, "at_us": now, "closed_us": 0, "sealed_us": 0}


def _append(connection: Connection, key: bytes, head: Mapping[str, Any], act: Act) -> dict[str, Any]:
    """Store an act as the next event; returns where the chain then ends."""
    event = {
        "id": new_id(),
        "at_us": time.time_ns() // 1000,
        **{name: _storable(getattr(act, name)) for name in ("tenant", "actor", "action", "object")},
        "detail": orjson.dumps(dict(act.detail)).decode(),
    }
    linked = chain.link(key, event, head["seq"] + 1, head["hash"])
    connection.execute(AUDIT_EVENT.insert(), [event | linked])
    return {**head, "seq": linked["seq"], "hash": linked["hash"], "at_us": event["at_us"]}


def _storable(text: str) -> str:
    """A text as every database takes it."""
    return text.replace("\0", "�").encode("utf-8", "replace").decode()
