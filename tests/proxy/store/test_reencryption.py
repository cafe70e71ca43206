"""Everything that is stored is moved under the keys in use, also what was never encrypted."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from sqlalchemy import select, update

from proxy.document import document
from proxy.raw import Raw, sealed
from proxy.store import reencryption
from proxy.store.audit import acts
from proxy.store.data_keys import retire
from proxy.store.db import Store
from proxy.store.queries import get_run, get_trace, save_run
from proxy.store.reencryption import left, reencrypt, status
from proxy.store.tables import BLOB, RUN
from tests.proxy.exchanges import masked
from tests.proxy.store.test_rotation import RUN as DOCUMENT


def filled(store: Store, count: int = 5) -> list[str]:
    """Traces, some with what was said before masking, and a run."""
    told = []
    for number in range(count):
        exchange = masked(f"{number} " + "word " * 900)
        if number % 2:
            exchange.sealed = sealed(store.key, exchange.id, Raw(b"raw request", bytearray(b"raw reply")))
        told.append(document(exchange))
    assert store.write(told) == []
    save_run(store, DOCUMENT)
    return [each["id"] for each in told]


def bare(store: Store) -> int:
    """Make everything as an older version wrote it; returns how many pieces there are."""
    with store.begin() as connection:
        rows = connection.execute(select(BLOB)).mappings().all()
        for row in rows:
            body = store.keys.decrypt(row["key_id"], row["id"], bytes(row["body"]))
            connection.execute(update(BLOB).where(BLOB.c.id == row["id"]).values(body=body, key_id=None))
        connection.execute(update(RUN).values(document=zlib.compress(b'{"id": "r1"}'), key_id=None))
    return len(rows) + 1


@pytest.mark.parametrize("rows", [1, 3, 500])
def test_what_an_older_version_left_is_encrypted(
    store: Store, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """In steps of any size; afterwards nothing is left, and everything reads as before."""
    monkeypatch.setattr(reencryption, "ROWS", rows)
    ids = filled(store)
    before = [get_trace(store, id) for id in ids]
    pieces = bare(store)
    assert (
        left(store)
        == pieces
        == sum(each["blobs"] + each["runs"] for each in status(store) if each["id"] is None)
    )

    steps = list(reencrypt(store))

    assert sum(steps) == pieces and max(steps) <= rows
    assert left(store) == 0
    assert [get_trace(store, id) for id in ids] == before
    assert get_run(store, "r1") == {"id": "r1"}
    assert acts(store)[0]["action"] == "data_key.reencrypt" and acts(store)[0]["detail"] == {"rows": pieces}
    assert list(reencrypt(store)) == []


def test_what_is_under_a_retired_key_goes_under_the_next_of_its_day_and_kind(store: Store) -> None:
    """Raw stays under raw, so that it ends when raw ends."""
    ids = filled(store)
    with store.begin() as connection:
        kinds = dict(connection.execute(select(BLOB.c.id, BLOB.c.key_id)).all())
        assert retire(connection) == 2
    store.keys.forget()
    assert left(store) == len(kinds) + 1
    list(reencrypt(store))

    with store.read() as connection:
        now = dict(connection.execute(select(BLOB.c.id, BLOB.c.key_id)).all())
    assert now == {id: f"{key}.2" for id, key in kinds.items()}
    told = {each["id"]: (bool(each["retired_us"]), each["blobs"]) for each in status(store)}
    assert all(retired == (not id.endswith(".2")) for id, (retired, _) in told.items() if id)
    assert sum(blobs for _, blobs in told.values()) == len(kinds)
    assert get_run(store, "r1") == DOCUMENT
    assert all((get_trace(store, id) or {})["content"] == "kept" for id in ids)


def test_nothing_of_it_stays_in_an_sqlite_file(tmp_path: Path) -> None:
    """Neither in freed pages nor in the log."""
    from tests.proxy.store.databases import opened

    kept = opened("sqlite", tmp_path)
    store = next(kept)
    filled(store, 40)
    bare(store)
    told = b"stands in one blob alone"
    files = [path for path in tmp_path.iterdir() if path.name.startswith("traces")]
    # What stands in blobs is compressed from a kilobyte on: a short text shows whether any is readable.
    with store.begin() as connection:
        first = connection.execute(select(BLOB.c.id).where(BLOB.c.codec == "raw")).scalars().first()
        connection.execute(update(BLOB).where(BLOB.c.id == first).values(body=told))
    assert any(told in path.read_bytes() for path in files)
    list(reencrypt(store))
    assert [path.name for path in tmp_path.iterdir() if told in path.read_bytes()] == []
    next(kept, None)
