"""What is stored is encrypted under keys of the day, which one root key wraps."""

from __future__ import annotations

import hashlib
import hmac
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select

from proxy.document import document
from proxy.store import data_keys
from proxy.store.data_keys import DAY_US, IDENTITY, DataKeys, Shredded, WrongKey, retire, rewrap
from proxy.store.db import Store
from proxy.store.queries import get_trace
from proxy.store.tables import BLOB
from proxy.store.tables_governance import DATA_KEY, KEY_CHECK
from tests.proxy.exchanges import masked
from tests.proxy.store.databases import KEY
from tests.proxy.store.one_key import OneKey

NOW = time.time_ns() // 1000


def test_what_is_stored_cannot_be_read_without_the_key(store: Store) -> None:
    """Neither a text nor a key stands in any row as it is."""
    told = document(masked("a word nobody else says"))
    store.write([told])

    with store.read() as connection:
        blobs = [bytes(row) for row in connection.execute(select(BLOB.c.body)).scalars()]
        wrapped = [bytes(row) for row in connection.execute(select(DATA_KEY.c.wrapped)).scalars()]
    assert blobs and not any(b"word nobody" in body for body in blobs)
    assert wrapped and not any(KEY in body or store.key in body for body in wrapped)
    assert (get_trace(store, told["id"]) or {})["request"] == told["request"]


def test_proxies_that_start_together_agree_on_every_key(store: Store) -> None:
    """The first one's stays."""
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: DataKeys(store.engine, KEY), range(4)))
        sealed = list(pool.map(lambda keys: keys.encrypt("content", NOW, "n", b"text"), opened))

    assert {keys.identity for keys in opened} == {store.key}
    assert [store.keys.decrypt(id, "n", data) for id, data in sealed] == [b"text"] * 4


def test_another_root_key_is_refused(store: Store) -> None:
    """With what to do, and nothing is changed."""
    with pytest.raises(WrongKey, match=r"another data key.*GUARDHOUSE_DATA_KEY"):
        DataKeys(store.engine, b"x" * 32)
    assert DataKeys(store.engine, KEY).identity == store.key


def test_an_older_versions_database_keeps_its_key(store: Store) -> None:
    """It told its key by a digest alone: another is refused before it could take the place."""
    said = hmac.digest(KEY, b"guardhouse: which key a database belongs to", hashlib.sha256).hex()
    with store.begin() as connection:
        connection.execute(delete(DATA_KEY))
        connection.execute(KEY_CHECK.insert(), [{"id": 1, "tenant": "", "digest": said}])

    with pytest.raises(WrongKey):
        DataKeys(store.engine, b"x" * 32)
    assert DataKeys(store.engine, KEY).identity == KEY


def test_a_rotated_root_key_opens_everything_and_the_old_one_nothing(store: Store) -> None:
    """Names stay, so that equal content and equal values still meet."""
    id, data = store.keys.encrypt("content", NOW, "n", b"text")
    with store.begin() as connection:
        assert rewrap(connection, KEY, b"n" * 32) == 2
    new = DataKeys(store.engine, b"n" * 32)

    assert new.identity == store.key
    assert new.decrypt(id, "n", data) == b"text"
    with pytest.raises(WrongKey):
        DataKeys(store.engine, KEY)
    with pytest.raises(WrongKey), store.begin() as connection:
        rewrap(connection, KEY, b"m" * 32)
    assert DataKeys(store.engine, b"n" * 32).identity == store.key


def test_content_whose_key_was_deleted_is_gone(store: Store) -> None:
    """The trace stays, and says so."""
    told = document(masked())
    store.write([told])
    with store.begin() as connection:
        connection.execute(delete(DATA_KEY).where(DATA_KEY.c.id != IDENTITY))
    store.keys.forget()

    found = get_trace(store, told["id"]) or {}
    assert (found["content"], found["request"], found["response"]) == ("gone", None, None)
    assert found["findings"] == told["findings"]


def test_each_day_and_kind_has_its_own_key(store: Store) -> None:
    """So that one can be deleted without the others."""
    ids = [
        store.keys.current("content", NOW)[0],
        store.keys.current("raw", NOW)[0],
        store.keys.current("content", NOW - DAY_US)[0],
    ]
    assert len(set(ids)) == 3
    with store.begin() as connection:
        connection.execute(delete(DATA_KEY).where(DATA_KEY.c.id == ids[2]))
    store.keys.forget()
    with pytest.raises(Shredded):
        store.keys.decrypt(ids[2], "n", b"")


def test_a_key_that_another_process_retires_is_soon_left(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that runs does not encrypt for ever under a key that somebody else may have."""
    before, _ = store.keys.current("content", NOW)
    with store.begin() as connection:
        retire(connection)
    assert store.keys.current("content", NOW)[0] == before
    monkeypatch.setattr(data_keys, "REREAD_SECONDS", -1.0)

    assert store.keys.current("content", NOW)[0] == f"{before}.2"
    assert store.write([document(masked("hello"))]) == []
    with store.read() as connection:
        assert before not in set(connection.execute(select(BLOB.c.key_id)).scalars())


@given(data=st.binary(max_size=200), at=st.integers(0, 227), bit=st.integers(0, 7), name=st.text(max_size=5))
def test_no_changed_byte_and_no_other_name_is_taken_for_the_text(
    data: bytes, at: int, bit: int, name: str
) -> None:
    """Authenticated, and bound to the place where it stands."""
    keys = OneKey()
    id, sealed = keys.encrypt("content", NOW, "name", data)
    changed = bytearray(sealed)
    changed[at % len(sealed)] ^= 1 << bit

    assert keys.decrypt(id, "name", sealed) == data
    with pytest.raises(ValueError):
        keys.decrypt(id, "name", bytes(changed))
    if name != "name":
        with pytest.raises(ValueError):
            keys.decrypt(id, name.encode("utf-8", "replace").decode(), sealed)
