"""Eval runs without what an erased trace said: the run stays, and says where something is missing.

A run tells of a trace in two ways: an item's output came as one, and a case may have been made from one.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import select

from proxy.store import bodies
from proxy.store.db import Store
from proxy.store.queries import get_run, head_of
from proxy.store.tables import RUN

_EMPTY: dict[str, Any] = {"text": "", "tool_calls": [], "hits": None, "error": "", "transcript": []}
"""What is left of an erased output, beside its numbers and its trace's id."""

_EMPTY_SCORE: dict[str, Any] = {"reason": "", "spans": [], "reply": ""}
"""What is left of the texts of an erased output's scores: reasons and judges' replies may quote it."""

Run = dict[str, Any]


def runs(store: Store, tenant: str) -> Iterator[tuple[str, Run]]:
    """A tenant's runs by id, one after the other; those that nobody can read any more are left out."""
    with store.read() as connection:
        ids = (
            connection.execute(select(RUN.c.id).where(RUN.c.tenant == tenant).order_by(RUN.c.id))
            .scalars()
            .all()
        )
    for id in ids:
        found = get_run(store, id)
        if found is not None:
            yield id, found


def items_of(run: Run, traces: Collection[str], subject: str) -> tuple[list[Run], list[Run]]:
    """The items whose outputs are some traces, or of cases made from them or from this person; and those cases."""
    cases = [case for case in _objects(run.get("cases")) if _is_theirs(case, traces, subject)]
    ids = {case.get("id") for case in cases}
    items = [
        item
        for item in _objects(run.get("items"))
        if item.get("id") in ids or (item.get("output") or {}).get("trace_id") in traces
    ]
    return items, cases


def _objects(value: Any) -> list[Run]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _is_theirs(case: Mapping[str, Any], traces: Collection[str], subject: str) -> bool:
    return case.get("trace") in traces or bool(subject and case.get("subject") == subject)


Quoted = Mapping[str, Collection[str]]
"""By a run's id, its items that are or were of some traces: a run compared with it quotes them."""


def quoted(store: Store, tenant: str, traces: Collection[str], subject: str) -> Quoted:
    """What a tenant's runs hold of some traces, or of this person, emptied already or not."""
    found = ((id, items_of(run, traces, subject)[0]) for id, run in runs(store, tenant))
    return {id: {item["id"] for item in items if item.get("id")} for id, items in found if items}


def erase(run: Run, traces: Collection[str], subject: str, elsewhere: Quoted | None = None) -> int:
    """Take out of a run what those traces said; how many items, cases and quotes lost something that they had.

    `elsewhere` tells which items of other runs are theirs: where one of those runs is the baseline, this one quotes it.
    """
    items, cases = items_of(run, traces, subject)
    there = [one for one in (*items, *cases) if not one.get("erased")]
    for item in items:
        output = item.get("output")
        if isinstance(output, dict):
            item["output"] = {**output, **{name: _EMPTY[name] for name in _EMPTY if name in output}}
        for score in (item.get("scores") or {}).values():
            score |= {name: empty for name, empty in _EMPTY_SCORE.items() if name in score}
    for case in cases:
        case |= {"question": "", "expected": ""}
    gone = {one.get("id") for one in (*items, *cases)}
    baseline = run["baseline"] if isinstance(run.get("baseline"), dict) else {}
    before = (elsewhere or {}).get(str(baseline.get("id")), ())
    unquoted = 0
    for flip in (*_objects(baseline.get("flips")), *_objects(baseline.get("moved"))):
        if flip.get("id") in gone:
            flip |= {"before_text": "", "after_text": ""}
        elif flip.get("id") in before and flip.get("before_text"):
            flip["before_text"] = ""
            unquoted += 1
    for one in there:
        one["erased"] = True
    return len(there) + unquoted


class Change(NamedTuple):
    """A run as it is to be kept, and how many items and cases lose something by it."""

    statement: Any
    """Changes nothing when the run is not any more what it was."""
    lost: int


def changed(
    store: Store, id: str, traces: Collection[str], subject: str, elsewhere: Quoted | None = None
) -> Change | None:
    """A run without what those traces said; None when there is nothing to take out.

    Not for inside a transaction that writes: it may have to make the day's key.
    """
    with store.read() as connection:
        query = select(RUN.c.document, RUN.c.received_us).where(RUN.c.id == id)
        before = connection.execute(query).first()
    run = get_run(store, id)
    if before is None or run is None or not (lost := erase(run, traces, subject, elsewhere)):
        return None
    packed = zlib.compress(bodies.encode(run), 6)
    key_id, document = store.keys.encrypt("content", before.received_us, f"run/{id}", packed)
    values = {"head": head_of(run), "document": document, "key_id": key_id}
    same = (RUN.c.id == id, RUN.c.document == before.document)
    return Change(RUN.update().where(*same).values(**values), lost)
