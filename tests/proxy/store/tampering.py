"""What somebody who can write the database, and does not have the key, may do to an audit log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from proxy import chain
from proxy.store.audit import Act, note
from proxy.store.db import Store
from proxy.store.tables_governance import AUDIT_EVENT, AUDIT_HEAD

Row = dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """A log, and what the intruder kept of earlier."""

    events: Sequence[Row]
    heads: Sequence[Row]
    """The head after each event."""


def grown(store: Store, length: int) -> Scene:
    """Note so many acts."""
    heads = []
    for number in range(length):
        with store.begin() as connection:
            note(connection, Act(f"key-{number % 5}", "key.update", f"object {number}", {"n": number}))
            heads.append(dict(connection.execute(select(AUDIT_HEAD)).mappings().one()))
    with store.read() as connection:
        rows = connection.execute(select(AUDIT_EVENT).order_by(AUDIT_EVENT.c.seq)).mappings()
        return Scene([dict(row) for row in rows], heads)


def _put(connection: Connection, events: Sequence[Row], head: Row | None = None) -> None:
    """The whole log as the intruder wants it."""
    connection.execute(delete(AUDIT_EVENT))
    if events:
        connection.execute(insert(AUDIT_EVENT), list(events))
    if head is not None:
        connection.execute(update(AUDIT_HEAD).values(**{k: v for k, v in head.items() if k != "id"}))


def _mended(events: Sequence[Row]) -> list[Row]:
    """Places and hashes made to fit, as anybody can."""
    mended: list[Row] = []
    for number, event in enumerate(events, 1):
        before = mended[-1]["hash"] if mended else chain.ZERO
        event = {**event, "seq": number, "prev_hash": before}
        mended.append({**event, "hash": chain.link_hash(event)})
    return mended


def _pointing(scene: Scene, events: Sequence[Row]) -> Row:
    """The head made to name the end of other events; its MAC cannot be."""
    return {**scene.heads[-1], "seq": len(events), "hash": events[-1]["hash"]}


def edit(connection: Connection, scene: Scene, random: Random) -> None:
    """One column of one event."""
    event, column = random.choice(scene.events), random.choice(AUDIT_EVENT.columns.keys())
    value = event[column]
    other = value + random.randint(1000, 9999) if isinstance(value, int) else f"{value}{random.randint(0, 9)}"
    connection.execute(update(AUDIT_EVENT).where(AUDIT_EVENT.c.id == event["id"]).values({column: other}))


def edit_and_mend(connection: Connection, scene: Scene, random: Random) -> None:
    """One column, every hash made to fit, and the head."""
    events = [dict(event) for event in scene.events]
    column = random.choice(("tenant", "actor", "action", "object", "detail", "commitment", "detail_mac"))
    events[random.randrange(len(events))][column] += "x"
    mended = _mended(events)
    _put(connection, mended, _pointing(scene, mended))


def remove(connection: Connection, scene: Scene, random: Random) -> None:
    """Some events anywhere."""
    some = random.sample([event["seq"] for event in scene.events], random.randint(1, 5))
    connection.execute(delete(AUDIT_EVENT).where(AUDIT_EVENT.c.seq.in_(some)))


def remove_and_mend(connection: Connection, scene: Scene, random: Random) -> None:
    """Some events anywhere but at the end, and everything made to fit."""
    gone = set(random.sample(range(len(scene.events) - 1), random.randint(1, 5)))
    mended = _mended([event for index, event in enumerate(scene.events) if index not in gone])
    _put(connection, mended, _pointing(scene, mended))


def truncate(connection: Connection, scene: Scene, random: Random) -> None:
    """The last events."""
    left = random.randint(0, len(scene.events) - 1)
    connection.execute(delete(AUDIT_EVENT).where(AUDIT_EVENT.c.seq > left))


def swap(connection: Connection, scene: Scene, random: Random) -> None:
    """What two places hold, also with everything made to fit."""
    first, second = random.sample(range(len(scene.events)), 2)
    events = [dict(event) for event in scene.events]
    events[first], events[second] = events[second], events[first]
    if random.random() < 0.5:
        mended = _mended(events)
        _put(connection, mended, _pointing(scene, mended))
        return
    places = ("seq", "prev_hash", "hash")[: random.randint(1, 3)]
    for index in (first, second):
        events[index] |= {name: scene.events[index][name] for name in places}
    _put(connection, events)


def put_in(connection: Connection, scene: Scene, random: Random) -> None:
    """An event that never was, anywhere, or outside of the chain."""
    model, at = dict(random.choice(scene.events)), random.randint(0, len(scene.events))
    model |= {"id": f"{random.getrandbits(128):032x}", "actor": "nobody"}
    if random.random() < 0.3:
        bare = dict.fromkeys(("seq", "hash", "prev_hash", "commitment", "detail_mac"))
        connection.execute(insert(AUDIT_EVENT), [model | bare])
        return
    mended = _mended([*scene.events[:at], model, *scene.events[at:]])
    _put(connection, mended, _pointing(scene, mended))


def erase(connection: Connection, scene: Scene, random: Random) -> None:
    """A detail, without saying so."""
    event = random.choice(scene.events)
    connection.execute(update(AUDIT_EVENT).where(AUDIT_EVENT.c.id == event["id"]).values(detail=None))


def behead(connection: Connection, scene: Scene, random: Random) -> None:
    """The head, or one of its columns."""
    column = random.choice(
        [column.name for column in AUDIT_HEAD.columns if column.name not in ("id", "tenant")]
    )
    value = scene.heads[-1][column]
    if random.random() < 0.2:
        connection.execute(delete(AUDIT_HEAD))
    else:
        other = value + 1 if isinstance(value, int) else value[:-1] + ("0" if value[-1] != "0" else "1")
        connection.execute(update(AUDIT_HEAD).values({column: other}))


def rebuild(connection: Connection, scene: Scene, random: Random) -> None:
    """All of it, under another key."""
    key, events, before = random.randbytes(32), [], chain.ZERO
    for number, event in enumerate(scene.events, 1):
        events.append(event | chain.link(key, event, number, before))
        before = events[-1]["hash"]
    head = _pointing(scene, events)
    _put(connection, events, head | {"mac": chain.head_mac(key, head)})


def shorten_with_old_head(connection: Connection, scene: Scene, random: Random) -> None:
    """The last events, with the head as it was then."""
    left = random.randint(1, len(scene.events) - 1)
    connection.execute(delete(AUDIT_EVENT).where(AUDIT_EVENT.c.seq > left))
    connection.execute(update(AUDIT_HEAD).values(**scene.heads[left - 1]))


def roll_back(connection: Connection, scene: Scene, random: Random) -> None:
    """Everything as it was at some time."""
    left = random.randint(1, len(scene.events) - 1)
    _put(connection, scene.events[:left], scene.heads[left - 1])


Attack = Callable[[Connection, Scene, Random], None]
TOLD_ALONE: tuple[Attack, ...] = (
    *(edit, edit_and_mend, remove, remove_and_mend, truncate, swap, put_in, erase, behead, rebuild),
)
"""What the log itself shows, with the key."""
TOLD_BY_ANCHORS: tuple[Attack, ...] = (shorten_with_old_head, roll_back)
"""What only anchors show."""
