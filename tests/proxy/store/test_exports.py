"""Exports leave acts behind, and the acts name nobody."""

from __future__ import annotations

import orjson
from sqlalchemy import select

from proxy.store.db import Store
from proxy.store.exports import Export, spelled
from proxy.store.filters import parse
from proxy.store.tables_governance import AUDIT_EVENT
from tests.proxy.store.test_rollups import trace


def test_an_export_is_told_before_its_first_byte_and_after_its_last(store: Store) -> None:
    """Who, which filter, which format, how many, and whether it was whole."""
    store.write([trace(id=f"{n:032x}", outcome="blocked" if n % 2 else "passed") for n in range(5)])
    export = Export(store, "key-7", "jsonl", parse("outcome:blocked"))

    export.begin()
    found = list(export.traces())
    export.end(True)

    assert (len(found), export.count, export.total()) == (2, 2, 2)
    with store.read() as connection:
        acts = (
            connection.execute(select(AUDIT_EVENT).order_by(AUDIT_EVENT.c.at_us, AUDIT_EVENT.c.id))
            .mappings()
            .all()
        )
    assert [(act["actor"], act["action"], act["object"]) for act in acts] == [
        ("key-7", "traces.export", "jsonl"),
        ("key-7", "traces.exported", "jsonl"),
    ]
    first, last = (orjson.loads(act["detail"]) for act in acts)
    assert first == {"filter": "outcome:blocked", "format": "jsonl"}
    assert last == {**first, "count": 2, "complete": True}


def test_a_filter_that_names_a_person_or_quotes_a_text_is_told_as_a_hash() -> None:
    """Keyed, so nothing can be guessed from it; the same filter looks the same."""
    filter = parse("subject:ada@example.com -text:refund rule:pii")

    told = spelled(filter, b"k")

    assert told == spelled(filter, b"k") != spelled(filter, b"other")
    assert "ada" not in told and "refund" not in told
    assert told.startswith("subject:") and " -text:" in told and told.endswith(" rule:pii")
