"""A database belongs to one data key: what another key names in it could not be found again."""

from __future__ import annotations

import hashlib
import hmac

from sqlalchemy import select

from proxy.store.db import Store, StoreError
from proxy.store.tables import KEY_CHECK

_SAID = b"guardhouse: which key a database belongs to"
_ONLY = 1


def check_key(store: Store) -> None:
    """See that the database belongs to the store's key; one that belongs to none yet does from now on.

    Raises StoreError for a database of another key. Safe when several processes start at once.
    """
    told = hmac.digest(store.key, _SAID, hashlib.sha256).hex()
    with store.begin() as connection:
        connection.execute(store.insert_or_ignore(KEY_CHECK), [{"id": _ONLY, "tenant": "", "digest": told}])
        found: str = connection.execute(select(KEY_CHECK.c.digest)).scalar_one()
    if not hmac.compare_digest(found, told):
        raise StoreError(
            "the database was written under another data key: pseudonyms, fingerprints and sessions would not match."
            " Set GUARDHOUSE_DATA_KEY to that key, or put its file `key` into the data folder."
        )
