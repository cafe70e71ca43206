"""A database belongs to one data key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from proxy.store.db import Store, StoreError
from proxy.store.key_check import check_key
from proxy.store.tables import KEY_CHECK


def test_the_first_key_claims_the_database(store: Store) -> None:
    """Later starts with it are welcome, however many come at once; the key itself is not stored."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(check_key, [store] * 4))

    with store.read() as connection:
        [row] = connection.execute(select(KEY_CHECK)).mappings().all()
    assert store.key.hex() not in str(row) and repr(store.key) not in str(row)


def test_another_key_is_refused(store: Store) -> None:
    """With what to do, and the claim stays."""
    check_key(store)

    with pytest.raises(StoreError, match=r"another data key.*GUARDHOUSE_DATA_KEY"):
        check_key(replace(store, key=b"x" * 32))
    check_key(store)
