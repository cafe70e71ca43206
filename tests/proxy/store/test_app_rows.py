"""What apps send, from the spool to rows."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from proxy.store import app_rows
from proxy.store.bodies import Blobs
from proxy.store.db import Store
from proxy.store.rows import Rows
from proxy.store.tables import OUTSIDE_SPAN, RETRIEVAL_HIT
from tests.proxy.store.app_documents import app_span, hit
from tests.proxy.store.one_key import OneKey


def test_a_trace_is_left_to_others() -> None:
    """Only spans and feedback are taken; a span without its parts is an error that tells."""
    rows = Rows(Blobs(OneKey()))

    assert not app_rows.add(rows, {"id": "1"})
    assert not rows.by_table
    with pytest.raises(KeyError):
        app_rows.add(rows, {"kind": "outside_span", "id": "1"})


def test_hostile_values_fit_every_database(store: Store) -> None:
    """NUL, lone surrogates, endless names, times at the edge of 64 bits."""
    odd = app_span("1", "retrieval", name="a\0b\ud800" * 1000, service="\0", hits=[hit(1, "\0" * 600)])
    odd |= {"started_us": 0, "ended_us": (1 << 64) // 1000}

    assert store.write([odd]) == []
    with store.read() as connection:
        [span] = connection.execute(select(OUTSIDE_SPAN)).mappings()
        [stored] = connection.execute(select(RETRIEVAL_HIT)).mappings()
    assert len(span["name"]) == 512
    assert "\0" not in span["name"] + stored["doc_id"]
