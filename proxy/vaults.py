"""Pseudonyms that outlive a request: kept per tenant and session, sealed, for a time, in memory or in Redis."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from guardrails.pseudonyms import Entry, Vault
from guardrails.vault_seal import Page, Seal, Unsealable
from proxy import redis_client
from proxy.errors import BadRequest, Code
from proxy.identity import session_hash

HEADER = "x-guardhouse-session"
"""Request header that names a session. It stays here: no provider is sent it."""

MAX_ENTRIES = 2_000
"""Values of one session that are known again; those used longest ago are forgotten first."""

MAX_SESSIONS = 10_000
"""Sessions kept in memory; those used longest ago are forgotten first."""

_MAX_PAGES = 16
_PREFIX = "guardhouse:vault:"
_SESSION = re.compile(r"[A-Za-z0-9._:-]{1,128}")

_log = logging.getLogger(__name__)


class Unreachable(Exception):
    """Where pages are kept cannot be reached. Holds no text of theirs."""


class Pages(Protocol):
    """Where sealed pages are kept, by session. Pages have names, so that two requests at once lose nothing."""

    async def load(self, session: str) -> Mapping[bytes, bytes]:
        """The session's pages by name, oldest first where that is known. Raises Unreachable."""

    async def save(
        self, session: str, pages: Mapping[bytes, bytes], gone: Collection[bytes], ttl_s: int
    ) -> None:
        """Adds pages, forgets others, and lets the session live for ttl_s seconds from now. Raises Unreachable."""

    async def forget(self, sessions: Collection[str]) -> None:
        """Forgets sessions with all their pages. Raises Unreachable."""

    async def aclose(self) -> None:
        """Lets go of connections."""


class MemoryPages:
    """Pages in this process, of the sessions used last.

    Args:
        clock: Unix time in seconds.
        most: sessions that are kept.
    """

    def __init__(self, clock: Callable[[], float] = time.time, most: int = MAX_SESSIONS) -> None:
        self._clock, self._most = clock, most
        self._sessions: OrderedDict[str, tuple[float, dict[bytes, bytes]]] = OrderedDict()

    def __len__(self) -> int:
        """Number of sessions."""
        return len(self._sessions)

    async def load(self, session: str) -> Mapping[bytes, bytes]:
        """The session's pages by name, oldest first."""
        until, pages = self._sessions.get(session, (0.0, {}))
        if until > self._clock():
            return dict(pages)
        self._sessions.pop(session, None)
        return {}

    async def save(
        self, session: str, pages: Mapping[bytes, bytes], gone: Collection[bytes], ttl_s: int
    ) -> None:
        """Adds pages, forgets others, and lets the session live for ttl_s seconds from now."""
        kept = {name: page for name, page in (await self.load(session)).items() if name not in gone}
        self._sessions[session] = (self._clock() + ttl_s, {**kept, **pages})
        self._sessions.move_to_end(session)
        if len(self._sessions) > self._most:
            self._sessions.popitem(last=False)

    async def forget(self, sessions: Collection[str]) -> None:
        """Forgets sessions with all their pages."""
        for session in sessions:
            self._sessions.pop(session, None)

    async def aclose(self) -> None:
        """Nothing to let go of."""


class RedisPages:
    """Pages in Redis: one hash for a session, which Redis forgets when its time is over.

    Args:
        url: `redis://`, `rediss://` or `unix://` URL. Raises ConfigError for any other text.
    """

    def __init__(self, url: str) -> None:
        self._client = redis_client.client(url)

    async def load(self, session: str) -> Mapping[bytes, bytes]:
        """The session's pages by name. Raises Unreachable."""
        try:
            found: dict[Any, Any] = await self._client.hgetall(session)
        except redis_client.away() as error:
            raise Unreachable(type(error).__name__) from None
        return dict(sorted(found.items()))

    async def save(
        self, session: str, pages: Mapping[bytes, bytes], gone: Collection[bytes], ttl_s: int
    ) -> None:
        """Adds pages, forgets others, and lets the session live for ttl_s seconds from now. Raises Unreachable."""
        added: dict[Any, Any] = dict(pages)
        try:
            async with self._client.pipeline(transaction=True) as batch:
                if added:
                    batch.hset(session, mapping=added)
                if gone:
                    batch.hdel(session, *gone)
                batch.expire(session, ttl_s)
                await batch.execute()
        except redis_client.away() as error:
            raise Unreachable(type(error).__name__) from None

    async def forget(self, sessions: Collection[str]) -> None:
        """Forgets sessions with all their pages. Raises Unreachable."""
        try:
            for session in sessions:
                await self._client.delete(session)
        except redis_client.away() as error:
            raise Unreachable(type(error).__name__) from None

    async def aclose(self) -> None:
        """Lets go of the connections."""
        await self._client.aclose()


@dataclass(slots=True)
class Session:
    """One request's part in a session: the vault it works with, and what was known before."""

    vault: Vault
    id: str
    """Name under which its pages are kept; tells nothing of tenant or session."""
    seal: Seal
    pages: dict[bytes, Page] = field(default_factory=dict)
    lost: bool = False
    """Whether something of it could not be read."""


class Vaults:
    """Makes the vault of each request, and keeps what a session's next request needs.

    Args:
        key: secret of this installation.
        pages: where sealed pages are kept.
        ttl_s: seconds for which a session is known after its last request.
        clock: Unix time in seconds.
    """

    def __init__(self, key: bytes, pages: Pages, ttl_s: int, clock: Callable[[], float] = time.time) -> None:
        self._key, self._pages, self._ttl_s, self._clock = key, pages, ttl_s, clock

    async def open(self, tenant: str, session: str, vault: Vault) -> Session:
        """The session, with all that can be read of it in the vault. What cannot be read stays masked; it is logged."""
        opened = self._session(tenant, session, vault)
        try:
            found = await self._pages.load(opened.id)
        except Unreachable as error:
            opened.lost = True
            _log.warning("pseudonyms of earlier requests cannot be read (%s)", error)
            return opened
        for name, sealed in found.items():
            try:
                page = opened.seal.open(sealed, self._clock())
            except Unsealable:
                opened.lost = True
                _log.warning("pseudonyms of earlier requests cannot be read (%s)", Unsealable.__name__)
            else:
                opened.pages[name] = page or Page((), 0)
        for page in opened.pages.values():
            vault.adopt(page.entries)
        return opened

    async def keep(self, session: Session) -> None:
        """Keeps what the request used for those to come. A failure is logged: later replies then show tokens."""
        known = {entry.token: entry for page in session.pages.values() for entry in page.entries}
        used = {entry.token: entry for entry in session.vault.kept()}
        fresh = [entry for entry in used.values() if known.get(entry.token) != entry]
        now = self._clock()
        pages: dict[bytes, bytes] = {}
        gone: Collection[bytes] = ()
        if self._is_worn(session, now):
            # One page takes the place of all that were read: those used now are the last to be forgotten.
            known = {token: entry for token, entry in known.items() if token not in used}
            fresh, gone = [*known.values(), *used.values()][-MAX_ENTRIES:], tuple(session.pages)
        if fresh:
            pages = self._page(session, fresh)
        if pages or session.pages:
            await self._save(session, pages, gone)

    def renewed(self, ttl_s: int) -> Vaults:
        """The same sessions, which live for another time."""
        return Vaults(self._key, self._pages, ttl_s, self._clock)

    async def pass_on(self, tenant: str, session: str, vault: Vault) -> None:
        """Keeps all that a vault knows and may give back for another session; nothing when that is nothing."""
        if known := vault.known():
            opened = self._session(tenant, session, vault)
            await self._save(opened, self._page(opened, known), ())

    async def forget(self, sessions: Collection[str]) -> None:
        """Forgets sessions, by the keyed hashes that traces have of them. Raises Unreachable."""
        await self._pages.forget([f"{_PREFIX}{session}" for session in sessions])

    async def aclose(self) -> None:
        """Lets go of connections."""
        await self._pages.aclose()

    def _session(self, tenant: str, session: str, vault: Vault) -> Session:
        id = f"{_PREFIX}{session_hash(self._key, tenant, session)}"
        return Session(vault, id, Seal(self._key, tenant, session))

    def _page(self, session: Session, entries: Sequence[Entry]) -> dict[bytes, bytes]:
        """One sealed page of the last entries, under a name of its own."""
        name = f"{time.time_ns():020}{secrets.token_hex(4)}".encode()
        return {name: session.seal.close(entries[-MAX_ENTRIES:], int(self._clock()) + 2 * self._ttl_s)}

    async def _save(self, session: Session, pages: Mapping[bytes, bytes], gone: Collection[bytes]) -> None:
        try:
            await self._pages.save(session.id, pages, gone, self._ttl_s)
        except Unreachable as error:
            _log.warning("pseudonyms cannot be kept for later requests (%s)", error)

    def _is_worn(self, session: Session, now: float) -> bool:
        """Whether the session has so many pages, entries or old pages that it is to be written anew."""
        pages = session.pages.values()
        return (
            len(pages) >= _MAX_PAGES
            or sum(len(page.entries) for page in pages) > MAX_ENTRIES
            or any(page.until < now + self._ttl_s for page in pages)
        )


def session_name(header: str | None) -> str | None:
    """The session that a request names, or None when it names none. Raises BadRequest for any other text."""
    if header is None or _SESSION.fullmatch(header):
        return header
    raise BadRequest(
        f"The header {HEADER} must have 1 to 128 letters, digits, dots, underscores, colons and hyphens.",
        code=Code.INVALID_VALUE,
        param=HEADER,
    )


def vaults(key: bytes, redis_url: str | None, ttl_s: int) -> Vaults:
    """The vaults of this process: in Redis where a URL is given, else in memory. Raises ConfigError."""
    return Vaults(key, RedisPages(redis_url) if redis_url else MemoryPages(), ttl_s)
