"""The state of the record: what was lost, the end of the chain, the last retention."""

from __future__ import annotations

import time

from proxy.store.audit import Act, note
from proxy.store.db import Store
from proxy.store.pipeline_state import pipeline_state
from proxy.store.tables import GAP
from proxy.store.tables_governance import RETENTION_RUN
from proxy.strangers import REASON


def test_it_tells_what_stands_there(store: Store) -> None:
    """Gaps of the time asked for, without requests that nobody let in; the newest retention with its error."""
    before = pipeline_state(store, 0)
    gap = {"tenant": "default", "started_us": 1, "ended_us": 2}
    run = {"tenant": "default", "actor": "proxy", "ended_us": None, "counts": "{}"}
    with store.begin() as connection:
        connection.execute(
            GAP.insert(),
            [
                {**gap, "id": "a", "reason": "disk", "lost": 4}, {**gap, "id": "b", "reason": REASON, "lost": 9},
                {**gap, "id": "c", "reason": "disk", "lost": 2, "ended_us": 90},
            ],
        )  # fmt: skip
        connection.execute(
            RETENTION_RUN.insert(),
            [
                {**run, "id": "a", "started_us": 5, "error": "old"},
                {**run, "id": "b", "started_us": 9, "error": None},
            ],
        )
        note(connection, Act("admin", "key.create", "x", {}, "default"))

    found = pipeline_state(store, 0)

    assert (before.lost, before.retention_us) == (0, None)
    assert (found.lost, pipeline_state(store, 50).lost) == (6, 2)
    assert (found.retention_us, found.retention_error) == (9, None)
    assert found.audit_events == before.audit_events + 1
    assert found.audit_us is not None and abs(time.time_ns() // 1000 - found.audit_us) < 600_000_000
