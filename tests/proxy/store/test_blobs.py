"""Blobs are read in groups, and what is gone is missing."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import delete, update

from proxy.store.blobs import read_blobs, text_of
from proxy.store.bodies import Blobs
from proxy.store.db import Store
from proxy.store.tables import BLOB


def test_many_blobs_are_read_and_the_gone_are_missing(store: Store) -> None:
    """More than fit in one query; one that is asked for twice is there once."""
    blobs = Blobs(store.keys)
    day = blobs.on("t", time.time_ns() // 1000)
    ids = [day.add_text(f"text {number}") for number in range(700)]
    with store.begin() as connection:
        connection.execute(BLOB.insert(), list(blobs.rows.values()))
        connection.execute(delete(BLOB).where(BLOB.c.id == ids[3]))
    with store.read() as connection:
        found = read_blobs(connection, store.keys, [*ids, ids[0], "unknown"])

    assert len(found) == 699
    assert (text_of(found, ids[699]), text_of(found, ids[3]), text_of(found, None)) == (
        "text 699",
        None,
        None,
    )


def test_a_changed_blob_is_an_error_and_no_text(store: Store) -> None:
    """Whoever can write rows cannot put words into a trace."""
    blobs = Blobs(store.keys)
    day = blobs.on("t", time.time_ns() // 1000)
    one, other = day.add_text("one"), day.add_text("other")
    with store.begin() as connection:
        connection.execute(BLOB.insert(), list(blobs.rows.values()))
        swapped = update(BLOB).where(BLOB.c.id == one).values(body=blobs.rows[other]["body"])
        connection.execute(swapped)
    with store.read() as connection, pytest.raises(ValueError, match="changed"):
        read_blobs(connection, store.keys, [one])
