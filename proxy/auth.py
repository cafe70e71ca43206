"""Who is calling: virtual keys, their hashes, and the ring in which a request's key is looked up.

A key is 256 random bits, so one SHA-256 is the right hash for it: there is nothing to guess that a slow hash
would protect. The ring lives in memory and is replaced as a whole; no request waits for a database.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from proxy.errors import Unauthorized, Unavailable
from proxy.exchange import Principal
from proxy.key_terms import expired, stored_terms, told_time

PREFIX = "gh-"
"""How every virtual key begins."""
ADMIN = Principal(key_id="admin", tenant="default", admin=True)
"""Who holds the admin key of the settings."""
ANYONE = Principal(key_id="none", tenant="default", admin=True)
"""Who calls where keys are switched off: whoever sits at this machine."""
MISSING = "No API key was given. Send it as 'Authorization: Bearer gh-...'."
UNREADABLE = (
    "The terms of this API key cannot be read, so it is refused. Ask the operator of this proxy for another."
)
UNKNOWN = "The API key is not known here, or was revoked. Ask the operator of this proxy for another."

_log = logging.getLogger(__name__)


def new_key() -> str:
    """A new virtual key: `gh-` and 43 URL-safe characters. Shown once, never stored."""
    return PREFIX + secrets.token_urlsafe(32)


def key_hash(key: str) -> str:
    """What is stored of a key: its SHA-256 in hex."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


class Keyring:
    """The keys that may call, by hash.

    Args:
        admin_key: the admin key of the settings, or None.
        closed: whether a key is asked for at all; open only where nobody else can reach the proxy.
        clock: seconds since any fixed moment.
    """

    def __init__(
        self,
        admin_key: str | None = None,
        *,
        closed: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.closed = closed
        self._admin = None if admin_key is None else key_hash(admin_key)
        self._keys: dict[str, Principal] = {}
        self._unreadable: dict[str, str] = {}
        """Ids of keys that are refused because nobody knows what they may do, by hash."""
        self._taking = threading.Lock()
        self._begun = self._taken = 0
        """Numbers of the reading that began last, and of the one whose rows are accepted."""
        self._clock = clock
        self._read_at: float | None = None
        self.unread = False
        """Whether there may be keys that were never read: an unknown one is then no reason to refuse its holder."""
        self.trouble: str | None = None
        """Why the keys cannot be read now; those read before are accepted."""

    def __repr__(self) -> str:
        return f"Keyring({len(self._keys)} keys)"

    @property
    def empty(self) -> bool:
        """Whether no key at all would be accepted."""
        return self._admin is None and not self._keys

    def replace(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Accept exactly these key rows from now on, in the columns of `api_key` but for `key_id`.

        A row that cannot be read makes no unlimited key: that one is refused, and the log names it once.
        """
        keys: dict[str, Principal] = {}
        unreadable: dict[str, str] = {}
        for row in rows:
            if row.get("revoked_us") is not None:
                continue
            try:
                keys[row["hash"]] = _principal(row)
            except (ValueError, TypeError) as error:
                unreadable[row["hash"]] = row["key_id"]
                if row["hash"] not in self._unreadable:
                    _log.error("the key %s is refused: its row cannot be read (%s)", row["key_id"], error)
        self._keys, self._unreadable = keys, unreadable
        self.unread, self.trouble = False, None

    def refresh(self, read: Callable[[], Iterable[Mapping[str, Any]]]) -> None:
        """Read the key rows and accept exactly those. Blocks, but no other call: a reading may hang.

        What a reading brings that began before one that is accepted already is dropped: it may be older.
        """
        with self._taking:
            self._begun += 1
            number = self._begun
        began, rows = self._clock(), read()
        with self._taking:
            if number > self._taken:
                self._taken, self._read_at = number, began
                self.replace(rows)

    def age_seconds(self) -> float:
        """How old the rows are that are accepted; 0 when none were read yet."""
        return 0.0 if self._read_at is None else self._clock() - self._read_at

    def principal(self, authorization: str | None) -> Principal:
        """Who sends this `Authorization` header. Raises Unauthorized; the key is never repeated."""
        if not self.closed:
            return ANYONE
        if not authorization:
            raise Unauthorized(MISSING, headers={"www-authenticate": "Bearer"})
        scheme, _, key = authorization.strip().partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise Unauthorized(MISSING, headers={"www-authenticate": "Bearer"})
        return self.lookup(key.strip())

    def lookup(self, key: str) -> Principal:
        """Who holds this key. Raises Unauthorized, or Unavailable while the keys were never read."""
        # Comparing hashes leaves nothing to learn from timing: a caller cannot choose the hash of a guess.
        digest = key_hash(key)
        if self._admin is not None and hmac.compare_digest(digest, self._admin):
            return ADMIN
        found = self._keys.get(digest)
        if found is None and self.unread:
            raise Unavailable("The keys cannot be read now. Try again later.", headers={"retry-after": "1"})
        if found is None:
            why = UNREADABLE if digest in self._unreadable else UNKNOWN
            raise Unauthorized(why, headers={"www-authenticate": "Bearer"})
        if found.expires_us is not None and expired(found.expires_us):
            why = f"The API key expired on {told_time(found.expires_us)}. Ask the operator of this proxy for another."
            raise Unauthorized(why, headers={"www-authenticate": "Bearer"})
        return found

    def principals(self) -> list[Principal]:
        """Everybody with a stored key that is accepted now."""
        return [*self._keys.values()]

    def holder(self, key_id: str) -> tuple[Principal, str] | None:
        """Who has the key with this public id, and that key's hash; None when no such key is accepted now."""
        if not self.closed:
            return (ANYONE, "") if key_id == ANYONE.key_id else None
        if key_id == ADMIN.key_id:
            return None if self._admin is None else (ADMIN, self._admin)
        for digest, who in self._keys.items():
            if who.key_id == key_id:
                return None if expired(who.expires_us) else (who, digest)
        return None


def _principal(row: Mapping[str, Any]) -> Principal:
    """Who holds the key of a stored row. Raises ValueError or TypeError when what it may do cannot be read."""
    terms = stored_terms(row)
    return Principal(
        row["key_id"],
        row["tenant"],
        bool(row["admin"]) and terms.role is None,
        row.get("name") or "",
        terms.team,
        terms.tags,
        terms.limits,
        # Who is there to look at traces calls no models unless they are named.
        None if terms.models is None and terms.role is None else frozenset(terms.models or ()),
        terms.policy,
        terms.expires_us,
        terms.role,
    )
