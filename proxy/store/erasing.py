"""Does an erasure: in transactions of a bounded size, each of which may be the last one for now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from proxy.store import erased_runs, erasures, refused, seals
from proxy.store.audit import KEPT, Act, erase_details, note
from proxy.store.belongings import AT_ONCE, Belongings, belongings, delete, of_person
from proxy.store.db import Store
from proxy.store.late import alone
from proxy.store.rewriting import rewrite
from proxy.store.tables_governance import AUDIT_EVENT, ERASED_TRACE, HOLD

Tell = Callable[[int, int], None]
"""Told how many traces are gone, of how many."""
Row = dict[str, Any]


def erase(store: Store, id: str, tell: Tell | None = None, *, rewritten: bool = True) -> dict[str, Any]:
    """Do an erasure, or what is left of it; returns its receipt. A second time it finds nothing to do.

    Args:
        store: what is erased from.
        id: of an erasure that was asked for.
        tell: told how far it is.
        rewritten: whether the files are written anew, so that no byte of what went is left in them.
    """
    row = erasures.resume(store, id)
    counts = orjson.loads(row["counts"])
    while _traces(store, row, counts, tell):
        pass
    while _outside(store, row, counts):
        pass
    _refused(store, row, counts)
    _runs(store, row, counts)
    _audit(store, row)
    # Also when it is gone on with: what was deleted before may not be written over yet.
    counts["rewritten"] = rewrite(store, whole=rewritten)
    erasures.finish(store, row, counts)
    receipt = erasures.receipt(store, id)
    assert receipt is not None
    return receipt


def _traces(store: Store, row: Row, counts: Row, tell: Tell | None) -> bool:
    """Erase the next traces of the plan; whether there were any."""
    plan = ERASED_TRACE.c.erasure_id == row["id"]
    query = select(ERASED_TRACE.c.span_id).where(plan, ERASED_TRACE.c.done.is_(False))
    with store.begin() as connection:
        alone(connection)
        ids = connection.execute(query.order_by(ERASED_TRACE.c.span_id).limit(AT_ONCE)).scalars().all()
        if not ids:
            return False
        # What was sealed still adds up: the event says what of it went.
        told = {"form": seals.FORM, "unsealed": seals.unseal(connection, ids)}
        note(connection, Act(row["actor"], "erasure.traces", row["id"], told, row["tenant"]))
        _delete(connection, row, counts, belongings(connection, ids))
        done = ERASED_TRACE.update().where(ERASED_TRACE.c.span_id.in_(ids))
        connection.execute(done.values(done=True))
        if tell is not None:
            gone = select(func.count()).where(plan)
            left = connection.execute(gone.where(ERASED_TRACE.c.done.is_(False))).scalar_one()
            every = connection.execute(gone).scalar_one()
            tell(every - left, every)
    return True


def _outside(store: Store, row: Row, counts: Row) -> bool:
    """Erase the next spans of apps that name the person; whether there were any."""
    if row["kind"] != "user":
        return False
    with store.begin() as connection:
        alone(connection)
        found = of_person(connection, row["tenant"], row["subject"], row["requested_us"])
        if found.outside:
            _delete(connection, row, counts, found)
    return bool(found.outside)


def _delete(connection: Connection, row: Row, counts: Row, owned: Belongings) -> None:
    rows = counts.setdefault("rows", {})
    for name, count in delete(connection, owned).items():
        rows[name] = rows.get(name, 0) + count
    connection.execute(erasures.counted(row["id"], counts))


def _refused(store: Store, row: Row, counts: Row) -> None:
    """Delete what the database refused to take of them, in the spool."""
    columns = (ERASED_TRACE.c[name] for name in ("span_id", "key_id", "trace_id"))
    mine = select(*columns).where(ERASED_TRACE.c.erasure_id == row["id"])
    holding = select(HOLD.c.id).where(HOLD.c.tenant == row["tenant"], HOLD.c.released_us.is_(None))
    with store.read() as connection:
        traces = connection.execute(mine).all()
        held = connection.execute(holding).first() is not None
    spans = {one.span_id for one in traces} | {f"{one.key_id}/{one.trace_id}" for one in traces}
    told = refused.erase(store.refused, store.key, row, spans, held=held)
    told["deleted"] += counts.get("refused", told | {"deleted": 0})["deleted"]
    counts["refused"] = told


def _runs(store: Store, row: Row, counts: Row) -> None:
    """Take what the traces said out of eval runs, one run in each transaction."""
    subject = row["subject"] if row["kind"] == "user" else ""
    with store.read() as connection:
        ids = set(erasures.traces(connection, row["id"]))
    rows = counts.setdefault("rows", {})
    elsewhere = erased_runs.quoted(store, row["tenant"], ids, subject)
    for id, _ in erased_runs.runs(store, row["tenant"]):
        while (change := erased_runs.changed(store, id, ids, subject, elsewhere)) is not None:
            with store.begin() as connection:
                # Another erasure may have changed it meanwhile: then it is looked at again.
                done = connection.execute(change.statement).rowcount
                if done:
                    rows["run_item"] = rows.get("run_item", 0) + change.lost
                    connection.execute(erasures.counted(row["id"], counts))


def _audit(store: Store, row: Row) -> None:
    """Erase what the audit tells of acts on the traces; that there were some, and their place in the chain, stays."""
    mine = select(ERASED_TRACE.c.span_id).where(ERASED_TRACE.c.erasure_id == row["id"])
    told = AUDIT_EVENT.c.object.in_(mine), AUDIT_EVENT.c.detail.is_not(None)
    query = select(AUDIT_EVENT.c.seq, AUDIT_EVENT.c.action).where(*told).order_by(AUDIT_EVENT.c.seq)
    with store.begin() as connection:
        found = connection.execute(query).all()
        seqs = [event.seq for event in found if not event.action.startswith(KEPT)]
        for first in range(0, len(seqs), AT_ONCE):
            erase_details(connection, seqs[first : first + AT_ONCE], row["actor"], f"erasure {row['id']}")
