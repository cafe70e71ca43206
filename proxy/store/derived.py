"""What is derived from traces as they are stored, in the same transaction: counted once, found at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from proxy.store import overdue, rollups, seals


def follow(connection: Connection, fresh: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep up with trace documents that have just been stored for the first time, by id."""
    # First: an act is noted after the queues were changed, by whoever changes them.
    overdue.set_back(connection, fresh.values())
    seals.late(connection, fresh)
    # Last: every proxy changes the same rows, and holds them until its transaction ends.
    rollups.count(connection, fresh.values())
