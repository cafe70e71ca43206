"""Virtual keys: made once, shown once, kept as a hash."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import select, update

from proxy.auth import key_hash, new_key
from proxy.exchange import new_id
from proxy.store.db import Store
from proxy.store.tables import API_KEY


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What is known about a virtual key: everything but the key."""

    key_id: str
    """Public id, as traces name it."""
    tenant: str
    name: str
    hash: str
    """SHA-256 of the key in hex."""
    admin: bool
    created_us: int
    revoked_us: int | None


_KEPT = frozenset(each.name for each in fields(StoredKey))


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. The only moment its secret is known."""

    secret: str
    stored: StoredKey

    def __repr__(self) -> str:
        return f"NewKey(key_id={self.stored.key_id!r})"


def create_key(store: Store, name: str, tenant: str = "default", admin: bool = False) -> NewKey:
    """Make a virtual key: `gh-` and 256 random bits. Its secret is in the result and nowhere else."""
    secret = new_key()
    stored = StoredKey(
        key_id=new_id(),
        tenant=tenant,
        name=name,
        hash=key_hash(secret),
        admin=admin,
        created_us=time.time_ns() // 1000,
        revoked_us=None,
    )
    row = asdict(stored)
    with store.begin() as connection:
        connection.execute(API_KEY.insert(), [{"id": row.pop("key_id"), **row}])
    return NewKey(secret, stored)


def list_keys(store: Store) -> list[StoredKey]:
    """Every key there ever was, oldest first."""
    with store.read() as connection:
        rows = connection.execute(select(API_KEY).order_by(API_KEY.c.created_us, API_KEY.c.id)).mappings()
        return [
            StoredKey(key_id=row["id"], **{name: row[name] for name in row if name in _KEPT}) for row in rows
        ]


def active_keys(store: Store) -> list[dict[str, Any]]:
    """The keys that may be used now, as rows that `Keyring.replace` takes."""
    return [asdict(key) for key in list_keys(store) if key.revoked_us is None]


def expiring(store: Store, from_us: int, until_us: int) -> list[tuple[str, str, int]]:
    """Id, name and last moment of each key in use that ends between two moments (microseconds since 1970 UTC)."""
    ends = API_KEY.c.expires_us
    soon = select(API_KEY.c.id, API_KEY.c.name, ends).where(
        API_KEY.c.revoked_us.is_(None), ends > from_us, ends < until_us
    )
    with store.read() as connection:
        return [(row.id, row.name, row.expires_us) for row in connection.execute(soon.order_by(ends))]


def revoke_key(store: Store, key_id: str) -> bool:
    """Make a key useless from now on; False when there is no such key. Revoking again changes nothing."""
    with store.begin() as connection:
        there = connection.execute(select(API_KEY.c.id).where(API_KEY.c.id == key_id)).first()
        connection.execute(
            update(API_KEY)
            .where(API_KEY.c.id == key_id, API_KEY.c.revoked_us.is_(None))
            .values(revoked_us=time.time_ns() // 1000)
        )
    return there is not None
