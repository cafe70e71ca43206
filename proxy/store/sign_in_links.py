"""Links that sign somebody in once: what a link holds is worth nothing after it was used, or after ten minutes.

One that was not used stands among the visits, as one that nobody has begun: the row goes with its first use, in one
statement, so that of several who use it at once one comes in, whichever process answers.
"""

from __future__ import annotations

import re
import secrets
import time

from sqlalchemy import delete

from proxy.store.audit import Act, note
from proxy.store.db import Store
from proxy.store.tables_review import VISIT
from proxy.store.visits import visit_id

PREFIX = "ghl-"
"""How what a link holds begins."""
LASTS_US = 10 * 60 * 1_000_000
"""How long a link may be used."""
_SECRET = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}")
_WHOSE = "link "
"""Before the id of the key, in place of an account's name. No account has a space in its name."""


def make(store: Store, key_id: str, tenant: str) -> tuple[str, int]:
    """A link's secret that signs in as the holder of a key, and until when (microseconds); making it is noted."""
    secret, now = PREFIX + secrets.token_urlsafe(32), time.time_ns() // 1000
    times = {"created_us": now, "seen_us": now, "expires_us": now + LASTS_US}
    row = {"id": visit_id(secret), "tenant": tenant, "account": _WHOSE + key_id, "address": "", "browser": ""}
    with store.begin() as connection:
        connection.execute(VISIT.insert(), [{**row, **times}])
        note(connection, Act(key_id, "review.link", key_id, {}, tenant))
    return secret, now + LASTS_US


def use(store: Store, secret: str) -> str | None:
    """The id of the key whose holder the link signs in, for the first who asks; None for all others."""
    if _SECRET.fullmatch(secret) is None:
        return None
    now = time.time_ns() // 1000
    gone = delete(VISIT).where(VISIT.c.id == visit_id(secret), VISIT.c.account.startswith(_WHOSE))
    with store.begin() as connection:
        row = connection.execute(gone.returning(VISIT.c.account, VISIT.c.expires_us)).first()
    return row.account.removeprefix(_WHOSE) if row is not None and row.expires_us > now else None
