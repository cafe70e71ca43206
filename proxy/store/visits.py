"""Visits: who is signed in, in which browser. A cookie names one; what it is worth stands here, and is asked each time.

The cookie holds a random secret, the row its SHA-256. A visit ends by signing out, when nothing was asked for a while,
at its last hour, with a new password, and with the account: at the very next request, whichever process answers it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, or_, select, update

from proxy.roles import Role
from proxy.store.accounts import Account
from proxy.store.audit import Act, note
from proxy.store.db import Store
from proxy.store.tables_review import ACCOUNT, VISIT

PREFIX = "ghv-"
"""How the secret of every visit begins."""
HOUR_US = 3_600_000_000
LONGEST_US = 12 * HOUR_US
"""How long a visit lasts, whatever is done in it."""
IDLE_US = 2 * HOUR_US
"""How long it lasts when nothing is asked for."""
SEEN_EVERY_US = 60_000_000
"""How exactly it is known when something was asked for last: each time would be a write for each page."""
MOST = 20
"""Visits of one person at a time: the one that was used longest ago makes room."""
BROWSER = 200
"""Characters that are kept of what a browser calls itself."""
BATCH = 1_000
"""Visits that are deleted in one transaction."""
_SECRET = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Visit:
    """A person who is signed in, in one browser."""

    id: str
    address: str
    browser: str
    created_us: int
    seen_us: int
    expires_us: int


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sends a cookie, as the account is now."""

    visit: Visit
    account: Account


def is_secret(cookie: str) -> bool:
    """Whether a cookie looks like one of a visit."""
    return _SECRET.fullmatch(cookie) is not None


def visit_id(secret: str) -> str:
    """The id under which a visit is stored: from it nobody finds the cookie."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def begin(store: Store, account: Account, address: str, browser: str, way: str) -> str | None:
    """Sign a person in, and note it; returns the secret for the cookie.

    None when the account was disabled, or got another password, since it was read. `way`: `password` or `oidc`.
    """
    secret, now = PREFIX + secrets.token_urlsafe(32), time.time_ns() // 1000
    row = {
        "id": visit_id(secret),
        "tenant": account.tenant,
        "account": account.name,
        "address": _plain(address),
        "browser": _plain(browser),
        "created_us": now,
        "seen_us": now,
        "expires_us": now + LONGEST_US,
    }
    same = ACCOUNT.c.password == account.password if account.password else ACCOUNT.c.password.is_(None)
    there = and_(ACCOUNT.c.name == account.name, ACCOUNT.c.disabled_us.is_(None), same)
    with store.begin() as connection:
        if not connection.execute(update(ACCOUNT).where(there).values(signed_in_us=now)).rowcount:
            return None
        connection.execute(VISIT.insert(), [row])
        _make_room(connection, account.name)
        detail = {"address": row["address"], "way": way}
        note(connection, Act(account.author, "review.sign_in", account.author, detail, account.tenant))
    return secret


def visitor(store: Store, secret: str, *, active: bool = True) -> Visitor | None:
    """Who sends this cookie; None when it is nobody's, or the visit is over. `active`: this asks for something."""
    if not is_secret(secret):
        return None
    now = time.time_ns() // 1000
    joined = VISIT.join(ACCOUNT, ACCOUNT.c.name == VISIT.c.account)
    columns = [*ACCOUNT.columns, *(VISIT.c[name].label(f"visit_{name}") for name in _VISIT)]
    lasting = (VISIT.c.id == visit_id(secret), *_lasting(now), ACCOUNT.c.disabled_us.is_(None))
    with store.read() as connection:
        row = connection.execute(select(*columns).select_from(joined).where(*lasting)).mappings().first()
    if row is None:
        return None
    account = Account(
        **{column.name: row[column.name] for column in ACCOUNT.columns if column.name != "role"},
        role=Role(row["role"]) if row["role"] in tuple(Role) else None,
    )
    found = Visit(**{name: row[f"visit_{name}"] for name in _VISIT})
    if active and now - found.seen_us >= SEEN_EVERY_US:
        _touch(store, found.id, now)
    return Visitor(found, account)


def end(store: Store, secret: str) -> bool:
    """Sign out: the cookie is worth nothing from now on. False when it was worth nothing before."""
    with store.begin() as connection:
        gone = delete(VISIT).where(VISIT.c.id == visit_id(secret)).returning(VISIT.c.account, VISIT.c.tenant)
        row = connection.execute(gone).first()
        if row is not None:
            _note_end(connection, row.account, row.tenant, f"user:{row.account}", 1)
    return row is not None


def end_all(
    store: Store, account: Account, actor: str, *, only: str | None = None, keep: str | None = None
) -> int:
    """Sign a person out everywhere, of the visit `only`, or of all but `keep`; returns of how many."""
    which = [VISIT.c.account == account.name]
    which += [VISIT.c.id == only] if only is not None else []
    which += [VISIT.c.id != keep] if keep is not None else []
    with store.begin() as connection:
        ended = connection.execute(delete(VISIT).where(*which)).rowcount
        if ended:
            _note_end(connection, account.name, account.tenant, actor, ended)
    return ended


def visits(store: Store, name: str) -> list[Visit]:
    """Where a person is signed in now, the one used last first."""
    columns = [VISIT.c[column] for column in _VISIT]
    query = select(*columns).where(VISIT.c.account == name, *_lasting(time.time_ns() // 1000))
    with store.read() as connection:
        rows = connection.execute(query.order_by(VISIT.c.seen_us.desc(), VISIT.c.id).limit(MOST))
        return [Visit(**row) for row in rows.mappings()]


def delete_over(store: Store) -> int:
    """Delete the visits that are over, and with them where they came from; returns how many there were."""
    deleted = 0
    while True:
        now = time.time_ns() // 1000
        over = or_(VISIT.c.expires_us <= now, VISIT.c.seen_us <= now - IDLE_US)
        some = select(VISIT.c.id).where(over).limit(BATCH)
        with store.begin() as connection:
            gone = connection.execute(delete(VISIT).where(VISIT.c.id.in_(some))).rowcount
        deleted += gone
        if gone < BATCH:
            return deleted


_VISIT = ("id", "address", "browser", "created_us", "seen_us", "expires_us")


def _lasting(now: int) -> tuple[Any, ...]:
    return (VISIT.c.expires_us > now, VISIT.c.seen_us > now - IDLE_US)


def _touch(store: Store, id: str, now: int) -> None:
    """Remember that something was asked for; of several requests at once one writes."""
    before = and_(VISIT.c.id == id, VISIT.c.seen_us <= now - SEEN_EVERY_US)
    with store.begin() as connection:
        connection.execute(update(VISIT).where(before).values(seen_us=now))


def _make_room(connection: Connection, name: str) -> None:
    last = select(VISIT.c.id).where(VISIT.c.account == name).order_by(VISIT.c.seen_us.desc(), VISIT.c.id)
    rows: list[Row[Any]] = list(connection.execute(last.offset(MOST).limit(BATCH)))
    if rows:
        connection.execute(delete(VISIT).where(VISIT.c.id.in_([row.id for row in rows])))


def _note_end(connection: Connection, name: str, tenant: str, actor: str, ended: int) -> None:
    note(connection, Act(actor, "review.sign_out", f"user:{name}", {"visits": ended}, tenant))


def _plain(text: str) -> str:
    """A header as it is kept: printable, and short."""
    return "".join(char if char.isprintable() else " " for char in text)[:BROWSER].strip()
