"""Virtual keys: made once, shown once, kept as a hash."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from proxy.auth import key_hash, new_key
from proxy.exchange import new_id
from proxy.key_terms import FREE, TermError, Terms, expired, stored_terms, told_time
from proxy.store.audit import CLI, Act, note
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
    terms: Terms | None = FREE
    """What it may do; None when that cannot be read, and the key is refused."""

    @property
    def state(self) -> str:
        """`active`, `expired`, `revoked` or `unreadable`."""
        if self.revoked_us is not None:
            return "revoked"
        if self.terms is None:
            return "unreadable"
        return "expired" if expired(self.terms.expires_us) else "active"

    def document(self) -> dict[str, Any]:
        """As it is told: nothing of the key itself, not even its hash."""
        return {
            "key_id": self.key_id,
            "name": self.name,
            "tenant": self.tenant,
            "admin": self.admin,
            "state": self.state,
            "created": told_time(self.created_us),
            "revoked": None if self.revoked_us is None else told_time(self.revoked_us),
            **(self.terms or FREE).document(),
        }


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. The only moment its secret is known."""

    secret: str
    stored: StoredKey

    def __repr__(self) -> str:
        return f"NewKey(key_id={self.stored.key_id!r})"


def create_key(
    store: Store,
    name: str,
    tenant: str = "default",
    admin: bool = False,
    terms: Terms = FREE,
    actor: str = CLI,
) -> NewKey:
    """Make a virtual key: `gh-` and 256 random bits. Its secret is in the result and nowhere else.

    Raises TermError for an admin key with a role.
    """
    _check_role(admin, terms)
    secret = new_key()
    stored = StoredKey(
        key_id=new_id(),
        tenant=tenant,
        name=name,
        hash=key_hash(secret),
        admin=admin,
        created_us=time.time_ns() // 1000,
        revoked_us=None,
        terms=terms,
    )
    row = {
        "id": stored.key_id,
        **{column: getattr(stored, column) for column in _PLAIN},
        **terms.row(),
    }
    with store.begin() as connection:
        connection.execute(API_KEY.insert(), [row])
        note(connection, Act(actor, "key.create", stored.key_id, _told(stored), tenant))
    return NewKey(secret, stored)


def list_keys(store: Store, tenant: str | None = None) -> list[StoredKey]:
    """Every key there ever was, oldest first; only those that who manages one tenant may manage where one is named."""
    return [key for key in map(_stored, _rows(store)) if _is_theirs(key, tenant)]


def active_keys(store: Store) -> list[dict[str, Any]]:
    """The keys that are not revoked, as rows that `Keyring.replace` takes."""
    return [{**row, "key_id": row["id"]} for row in _rows(store) if row["revoked_us"] is None]


def expiring(store: Store, from_us: int, until_us: int) -> list[tuple[str, str, int]]:
    """Id, name and last moment of each key in use that ends between two moments (microseconds since 1970 UTC)."""
    ends = API_KEY.c.expires_us
    soon = select(API_KEY.c.id, API_KEY.c.name, ends).where(
        API_KEY.c.revoked_us.is_(None), ends > from_us, ends < until_us
    )
    with store.read() as connection:
        return [(row.id, row.name, row.expires_us) for row in connection.execute(soon.order_by(ends))]


def revoke_key(store: Store, key_id: str, actor: str = CLI, tenant: str | None = None) -> bool:
    """Make a key useless from now on; False when there is no such key. Revoking again changes nothing.

    `tenant`: the only one that the actor manages.
    """
    with store.begin() as connection:
        there = _locked(connection, key_id, tenant)
        if there is not None and there.revoked_us is None:
            now = time.time_ns() // 1000
            connection.execute(update(API_KEY).where(API_KEY.c.id == key_id).values(revoked_us=now))
            note(connection, Act(actor, "key.revoke", key_id, {"name": there.name}, there.tenant))
    return there is not None


def update_key(
    store: Store,
    key_id: str,
    change: Callable[[Terms], Terms],
    actor: str = CLI,
    tenant: str | None = None,
) -> StoredKey | None:
    """Change what a key may do, not its secret; None when there is no such key.

    `tenant`: the only one that the actor manages.

    Raises ValueError for a key that is revoked or unreadable, and whatever `change` raises: nothing has changed then.
    """
    with store.begin() as connection:
        there = _locked(connection, key_id, tenant)
        if there is None:
            return None
        if there.revoked_us is not None:
            raise ValueError("the key is revoked. Make a new one.")
        if there.terms is None:
            raise ValueError("what the key may do cannot be read. Revoke it and make a new one.")
        terms = change(there.terms)
        _check_role(there.admin, terms)
        connection.execute(update(API_KEY).where(API_KEY.c.id == key_id).values(**terms.row()))
        was, now = there.terms.document(), terms.document()
        changed = {name: now[name] for name in now if now[name] != was[name]}
        note(connection, Act(actor, "key.update", key_id, changed, there.tenant))
    return StoredKey(**{name: getattr(there, name) for name in ("key_id", *_PLAIN)}, terms=terms)


def _check_role(admin: bool, terms: Terms) -> None:
    if admin and terms.role is not None:
        raise TermError("role", "an admin key takes no role. Make another key for it.")


_PLAIN = ("tenant", "name", "hash", "admin", "created_us", "revoked_us")


def _rows(store: Store) -> list[dict[str, Any]]:
    with store.read() as connection:
        query = select(API_KEY).order_by(API_KEY.c.created_us, API_KEY.c.id)
        return [dict(row) for row in connection.execute(query).mappings()]


def _locked(connection: Connection, key_id: str, tenant: str | None) -> StoredKey | None:
    """A key that nobody else changes until the transaction ends; None when it is not there, or not theirs."""
    query = select(API_KEY).where(API_KEY.c.id == key_id).with_for_update()
    row = connection.execute(query).mappings().first()
    found = None if row is None else _stored(dict(row))
    return found if found is not None and _is_theirs(found, tenant) else None


def _is_theirs(key: StoredKey, tenant: str | None) -> bool:
    """Whether who manages one tenant, or every one (None), manages a key. Admin keys reach beyond any tenant."""
    return tenant is None or (key.tenant == tenant and not key.admin)


def _stored(row: Mapping[str, Any]) -> StoredKey:
    plain = {name: row[name] for name in _PLAIN}
    try:
        terms: Terms | None = stored_terms(row)
    except (ValueError, TypeError):
        terms = None
    return StoredKey(key_id=row["id"], **plain, terms=terms)


def _told(key: StoredKey) -> dict[str, Any]:
    """What an audit event says of a new key."""
    told = key.document()
    return {name: told[name] for name in told if name not in ("key_id", "state", "created", "revoked")}
