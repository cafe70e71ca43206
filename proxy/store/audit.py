"""What administrators did: one event for each act, in the transaction of the act itself."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, select

from proxy.exchange import new_id
from proxy.store.db import Store
from proxy.store.tables import AUDIT_EVENT

CLI = "cli"
"""Who acts on the command line: whoever may read the data folder."""


@dataclass(frozen=True, slots=True)
class Act:
    """What was done, by whom, to what. Holds no secret and no text of an exchange."""

    actor: str
    """Public id of a key, or `cli`."""
    action: str
    """What and what with, e.g. `key.create`."""
    object: str
    """Id or name of what it was done to."""
    detail: Mapping[str, Any]
    tenant: str = "default"


def note(connection: Connection, act: Act) -> None:
    """Keeps an act. Give it the connection on which the act is done: both are kept, or neither."""
    row = {
        "id": new_id(),
        "at_us": time.time_ns() // 1000,
        "tenant": act.tenant,
        "actor": act.actor,
        "action": act.action,
        "object": act.object,
        "detail": orjson.dumps(dict(act.detail)).decode(),
    }
    connection.execute(AUDIT_EVENT.insert(), [row])


def acts(store: Store, limit: int = 100) -> Sequence[Mapping[str, Any]]:
    """The last acts, newest first, as they are stored."""
    newest = select(AUDIT_EVENT).order_by(AUDIT_EVENT.c.at_us.desc(), AUDIT_EVENT.c.id.desc()).limit(limit)
    with store.read() as connection:
        rows = connection.execute(newest).mappings().all()
        return [{**row, "detail": orjson.loads(row["detail"])} for row in rows]
