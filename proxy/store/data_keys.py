"""The keys that encrypt what is stored: one for each day and kind of content, wrapped under the root key.

The root key is the operator's (`proxy.store.keyfile`). It encrypts nothing but other keys, in the table `data_key`:
the content keys, and the identity key, which names blobs, fingerprints and pseudonyms and so outlives every root
key. Whoever deletes the key of a day makes that day's content unreadable, wherever a copy of it went.
AES-256-GCM (NIST SP 800-38D), 96-bit random nonces, one key for at most one day of one kind.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, Engine, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from proxy.store.tables_governance import DATA_KEY, KEY_CHECK

Cipher = AESGCM
"""A key that `seal` takes, made of 32 bytes."""
Kind = Literal["content", "raw"]
"""`content`: what guardrails let through. `raw`: what they did not, where a policy keeps it."""
IDENTITY = "identity"
"""Id of the key that names things."""
DAY_US = 86_400_000_000
REREAD_SECONDS = 10.0
"""How long a process encrypts under the keys of a day before it asks whether they are retired, or deleted."""
_LENGTH = 32
_NONCE = 12
_SAID = b"guardhouse: which key a database belongs to"


class WrongKey(Exception):
    """The root key is not the one under which the database's keys are wrapped."""


class Shredded(LookupError):
    """The key of some content was deleted: nobody can read that content any more."""


class DataKeys:
    """The keys of one database, unwrapped as they are needed. For any thread."""

    def __init__(self, engine: Engine, root: bytes, again: Callable[[], bytes] | None = None) -> None:
        """The keys of a database. `again` reads the root key once more, after it was rotated elsewhere.

        Raises WrongKey for the root key of another database, sqlalchemy's errors when it is away.
        """
        self._engine, self._root, self._again = engine, AESGCM(root), again
        self._lock = threading.Lock()
        self._days: dict[tuple[Kind, int], tuple[str, AESGCM]] = {}
        self._days_read = time.monotonic()
        self._opened: dict[str, AESGCM] = {}
        self.identity = self._identity(root)
        """Names blobs, fingerprints and pseudonyms: 32 bytes that stay when the root key is rotated."""

    def __repr__(self) -> str:
        return "DataKeys()"

    def current(self, kind: Kind, at_us: int) -> tuple[str, AESGCM]:
        """The key for content of a moment (microseconds UTC), with its id; made when it is the day's first."""
        if time.monotonic() - self._days_read > REREAD_SECONDS:
            self._days.clear()
            self._days_read = time.monotonic()
        day = at_us // DAY_US
        found = self._days.get((kind, day))
        if found is None:
            date = datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()
            id = self._in_use(f"{kind}.{date}")
            found = self._days[kind, day] = (id, AESGCM(self._made(id)))
            self._opened[found[0]] = found[1]
        return found

    def _in_use(self, name: str) -> str:
        """Id of the newest key of a kind and day; the next one's, when there is none or all are retired."""
        like = or_(DATA_KEY.c.id == name, DATA_KEY.c.id.like(f"{name}.%"))
        with self._engine.connect() as connection:
            rows = connection.execute(select(DATA_KEY.c.id, DATA_KEY.c.retired_us).where(like)).all()
        made = {int(row.id[len(name) + 1 :] or 1): row.retired_us for row in rows}
        number = max((number for number, retired in made.items() if retired is None), default=0)
        number = number or max(made, default=0) + 1
        return name if number == 1 else f"{name}.{number}"

    def encrypt(self, kind: Kind, at_us: int, name: str, data: bytes) -> tuple[str, bytes]:
        """Some bytes that stand under a name, encrypted: the key's id, and nonce, ciphertext and tag."""
        id, key = self.current(kind, at_us)
        return id, seal(key, name, data)

    def decrypt(self, id: str, name: str, data: bytes) -> bytes:
        """The bytes that `encrypt` was given under that name.

        Raises Shredded when the key is gone, ValueError when the bytes are not those that were encrypted.
        """
        key = self._opened.get(id)
        if key is None:
            key = self._opened[id] = AESGCM(self._read(id))
        return unseal(key, name, data)

    def forget(self) -> None:
        """Read every key from the database again: some may have been deleted."""
        with self._lock:
            self._days.clear()
            self._opened.clear()

    def _read(self, id: str) -> bytes:
        with self._engine.connect() as connection:
            wrapped = connection.execute(select(DATA_KEY.c.wrapped).where(DATA_KEY.c.id == id)).scalar()
        if wrapped is None:
            raise Shredded(f"the key {id} was deleted, and what it encrypted with it")
        return self._unwrapped(id, bytes(wrapped))

    def _made(self, id: str, key: bytes | None = None) -> bytes:
        """The key of that id, which becomes `key`, or a random one, when there is none yet."""
        with suppress(Shredded):
            return self._read(id)
        insert = (sqlite if self._engine.dialect.name == "sqlite" else postgresql).insert(DATA_KEY)
        with self._engine.execution_options(writes=True).begin() as connection:
            if id != IDENTITY:
                # A rotation that came between must not leave a key behind that only the old root key opens.
                held = select(DATA_KEY.c.wrapped).where(DATA_KEY.c.id == IDENTITY).with_for_update()
                self._unwrapped(IDENTITY, bytes(connection.execute(held).scalar() or b""))
            row = wrapped_row(self._root, id, key or secrets.token_bytes(_LENGTH))
            connection.execute(insert.on_conflict_do_nothing(), [row])
        return self._read(id)

    def _unwrapped(self, id: str, wrapped: bytes) -> bytes:
        for root in self._roots():
            try:
                key = unseal(root, id, wrapped)
            except ValueError:
                continue
            self._root = root
            return key
        raise WrongKey(
            "the database was written under another data key. Set GUARDHOUSE_DATA_KEY to that key,"
            " or put its file `key` into the data folder. If it was rotated, restart with the new one."
        )

    def _roots(self) -> Iterator[AESGCM]:
        yield self._root
        if self._again is not None:
            yield AESGCM(self._again())

    def _identity(self, root: bytes) -> bytes:
        try:
            return self._read(IDENTITY)
        except Shredded:
            # An older version's database named everything under its root key: that stays its identity key.
            with self._engine.connect() as connection:
                told = connection.execute(select(KEY_CHECK.c.digest)).scalar()
            if told is not None and not hmac.compare_digest(
                told, hmac.digest(root, _SAID, hashlib.sha256).hex()
            ):
                self._unwrapped(IDENTITY, b"")
            return self._made(IDENTITY, root)


def wrapped_row(root: AESGCM, id: str, key: bytes) -> dict[str, object]:
    """The row of a key, wrapped under a root key."""
    return {"id": id, "tenant": "", "wrapped": seal(root, id, key), "created_us": time.time_ns() // 1000}


def rewrap(connection: Connection, old: bytes, new: bytes) -> int:
    """Wrap every key under another root key; returns how many. Raises WrongKey when `old` opens one of them not."""
    before, after = AESGCM(old), AESGCM(new)
    found = connection.execute(select(DATA_KEY.c.id, DATA_KEY.c.wrapped).with_for_update()).all()
    for id, wrapped in found:
        try:
            key = unseal(before, id, bytes(wrapped))
        except ValueError:
            raise WrongKey(f"the key {id} is not wrapped under the data key that was given") from None
        row = wrapped_row(after, id, key)
        connection.execute(DATA_KEY.update().where(DATA_KEY.c.id == id).values(wrapped=row["wrapped"]))
    return len(found)


def retire(connection: Connection) -> int:
    """Encrypt nothing more under any of the keys that there are; returns how many. What they encrypt they open."""
    usable = DATA_KEY.c.retired_us.is_(None) & (DATA_KEY.c.id != IDENTITY)
    ids = connection.execute(select(DATA_KEY.c.id).where(usable)).scalars().all()
    connection.execute(DATA_KEY.update().where(usable).values(retired_us=time.time_ns() // 1000))
    return len(ids)


def seal(key: AESGCM, name: str, data: bytes) -> bytes:
    """Some bytes that stand under a name, encrypted: nonce, ciphertext and tag."""
    nonce = os.urandom(_NONCE)
    return nonce + key.encrypt(nonce, data, name.encode())


def unseal(key: AESGCM, name: str, data: bytes) -> bytes:
    """The bytes that `seal` was given. Raises ValueError for another key or name, and for changed bytes."""
    try:
        return key.decrypt(data[:_NONCE], data[_NONCE:], name.encode())
    except (InvalidTag, ValueError):
        raise ValueError("encrypted bytes were changed, or belong under another name or key") from None
