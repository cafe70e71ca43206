"""What is stored so long after it began that queues have passed its time by: they are set back, and look again.

A queue remembers up to which time it has looked at traces, a little short of now. A trace that waited in a spool, or
took long, may be stored behind that. Its own transaction moves the queue, so nothing slips through between.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, case

from proxy.store.tables_review import QUEUE

MARGIN_US = 5 * 60 * 1_000_000
"""How far short of now a queue stays: what is stored within that is looked at anyway, again and again."""
LATE_US = MARGIN_US - 60 * 1_000_000
"""Age from which on something is late. The rest is for transactions under way, and clocks that differ."""
LOOKS_BACK_US = 24 * 3_600_000_000
"""How far before its own beginning a queue looks."""


def set_back(connection: Connection, fresh: Iterable[Mapping[str, Any]], now_us: int | None = None) -> None:
    """Have the queues look at trace documents that have just been stored, if that is late."""
    now = time.time_ns() // 1000 if now_us is None else now_us
    times = [document["started_us"] for document in fresh]
    late = [at for at in times if at < now - LATE_US]
    if not late:
        return
    first = QUEUE.c.created_us - LOOKS_BACK_US
    oldest = case((first > min(late), first), else_=min(late))
    # Always another value than before: who fills the queue at this moment then knows, and does not go on past it.
    earlier = case((QUEUE.c.filled_us > oldest, oldest), else_=QUEUE.c.filled_us) - 1
    concerned = (QUEUE.c.closed_us.is_(None), first <= max(late))
    connection.execute(QUEUE.update().where(*concerned).values(filled_us=earlier))
