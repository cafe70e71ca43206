"""What becomes of an item as its reviews come in: agreed on, disputed, decided by somebody else.

Reviewers agree when nothing that more than one of them judged was judged in two ways: the trace, each finding, and
whether something was missed. Where somebody says `unsure` or `defer`, somebody else has to look: that is a dispute too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, select

from proxy.store.filter_fields import WITHDRAWN
from proxy.store.tables import ANNOTATION
from proxy.store.tables_review import ASSIGNMENT, ITEM

TRACE, MISSED, FINDING = "trace", "missed", "finding."
UNDECIDED = ("unsure", "defer")
"""Verdicts that ask for somebody else."""

Labels = Mapping[str, str]
"""What one reviewer says of one item: a verdict by what it is of, TRACE, MISSED or `finding.N`."""


def settle(connection: Connection, item_id: str, place: int, now_us: int) -> str:
    """Move an item on after the review of one place was submitted; returns its state then."""
    if place < 0:
        decided = labels(connection, [item_id], adjudication=True)[item_id]
        _end(connection, item_id, "adjudicated", verdict_of([*decided.values()]), now_us)
        return "adjudicated"
    # Whoever submits another review of the item at the same time waits here, and then sees this one.
    counted = ITEM.update().where(ITEM.c.id == item_id).values(submitted=ITEM.c.submitted + 1)
    item = connection.execute(counted.returning(ITEM.c.submitted, ITEM.c.reviews)).one()
    if item.submitted < item.reviews:
        return "open"
    said = labels(connection, [item_id])[item_id]
    if agree([*said.values()]):
        _end(connection, item_id, "agreed", verdict_of([*said.values()]), now_us)
        return "agreed"
    connection.execute(ITEM.update().where(ITEM.c.id == item_id).values(state="disputed"))
    whole = connection.execute(select(ITEM).where(ITEM.c.id == item_id)).mappings().one()
    connection.execute(ASSIGNMENT.insert(), [free_place(dict(whole), -1)])
    return "disputed"


def free_place(item: Mapping[str, Any], place: int) -> dict[str, Any]:
    """A row of `review_assignment` that nobody has yet."""
    same = {name: item[name] for name in ("tenant", "queue_id", "span_id", "started_us")}
    nobody = dict.fromkeys(("reviewer", "token", "claimed_us", "submitted_us"))
    return {
        **{"item_id": item["id"], "place": place, "state": "free", "lease_us": 0},
        **same,
        **nobody,
        "priority": -item["priority"],
    }


def labels(
    connection: Connection, item_ids: Sequence[str], *, adjudication: bool = False
) -> dict[str, dict[str, dict[str, str]]]:
    """What submitted reviews say now: for each item, by reviewer, a verdict by what it is of.

    `adjudication`: what the adjudicator says instead, who is no reviewer.
    """
    query = (
        select(ASSIGNMENT.c.item_id, ASSIGNMENT.c.reviewer, ANNOTATION.c.finding, ANNOTATION.c.verdict)
        .select_from(ASSIGNMENT)
        .outerjoin(
            ANNOTATION,
            (ANNOTATION.c.span_id == ASSIGNMENT.c.span_id)
            & (ANNOTATION.c.item_id == ASSIGNMENT.c.item_id)
            & (ANNOTATION.c.author == ASSIGNMENT.c.reviewer)
            & _counts(),
        )
        .where(ASSIGNMENT.c.item_id.in_(item_ids), ASSIGNMENT.c.state == "submitted")
        .where(ASSIGNMENT.c.place < 0 if adjudication else ASSIGNMENT.c.place >= 0)
        .order_by(ASSIGNMENT.c.place, ANNOTATION.c.created_us, ANNOTATION.c.id)
    )
    found: dict[str, dict[str, dict[str, str]]] = {id: {} for id in item_ids}
    for row in connection.execute(query):
        said = found[row.item_id].setdefault(row.reviewer, {MISSED: "no"})
        if row.verdict == "missed":
            said[MISSED] = "yes"
        if row.verdict is not None and (row.verdict != "missed" or row.finding is not None):
            said[TRACE if row.finding is None else f"{FINDING}{row.finding}"] = row.verdict
    return found


def _counts() -> ColumnElement[bool]:
    """The condition of judgements that count for the item they were submitted for.

    What the same author says of the trace elsewhere later takes nothing back here: it is no review of the item.
    """
    later = ANNOTATION.alias()
    replaced = exists().where(
        later.c.span_id == ANNOTATION.c.span_id,
        later.c.supersedes == ANNOTATION.c.id,
        later.c.item_id == ANNOTATION.c.item_id,
    )
    return and_(ANNOTATION.c.verdict != WITHDRAWN, ~replaced)


def agree(said: Sequence[Labels]) -> bool:
    """Whether all that reviewers say of an item goes together, and leaves nothing to somebody else."""
    return not any(differs(said, what) for what in {what for each in said for what in each})


def differs(said: Sequence[Labels], what: str) -> bool:
    """Whether reviewers disagree on one thing, or leave it to somebody else."""
    verdicts = {each[what] for each in said if what in each}
    return len(verdicts) > 1 or not verdicts.isdisjoint(UNDECIDED)


def verdict_of(said: Sequence[Labels]) -> str | None:
    """What those who agree say of the whole: of the trace, else of every finding alike, else what was missed."""
    whole = {each[TRACE] for each in said if TRACE in each}
    if not whole:
        whole = {verdict for each in said for what, verdict in each.items() if what.startswith(FINDING)}
    if not whole and any(each.get(MISSED) == "yes" for each in said):
        whole = {"missed"}
    return whole.pop() if len(whole) == 1 else None


def _end(connection: Connection, item_id: str, state: str, verdict: str | None, now_us: int) -> None:
    values = {"state": state, "verdict": verdict, "ended_us": now_us}
    connection.execute(ITEM.update().where(ITEM.c.id == item_id).values(**values))
