"""Acts of the audit log about signing in: each that succeeded, and of those that failed as many as fill no disk."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from proxy.errors import Unavailable
from proxy.exchange import Principal
from proxy.store.accounts import Account
from proxy.store.audit import Act, note
from proxy.store.db import AWAY, Store

AT_ONCE = 30
"""Failed tries that are noted one by one at once."""
EVERY_SECONDS = 10.0
"""How long it takes until one more is; the others are counted, and the next one tells how many there were."""
NOBODY = "unknown"
"""Who acts when no key was good."""

_log = logging.getLogger(__name__)


class Signings:
    """Notes who signs in, and who tried. Bounded, safe between threads."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._clock = store, clock
        self._lock = threading.Lock()
        self._left, self._since, self._without = float(AT_ONCE), clock(), 0

    def kept(self, who: Principal | None, address: str) -> None:
        """Note that a key was good. Raises Unavailable when that cannot be noted: then nobody comes in."""
        actor, tenant = (who.key_id, who.tenant) if who else (NOBODY, "default")
        try:
            self._note(Act(actor, "review.sign_in", actor, {"address": address}, tenant))
        except AWAY:
            raise Unavailable("Signing in cannot be noted now. Try again later.") from None

    def refused(self, address: str, account: Account | None = None) -> None:
        """Note that a key or a password was not good; one of many is only counted.

        `account`: whose name was given. A name that nobody has is not noted: it may be a password typed there.
        """
        with self._lock:
            now = self._clock()
            self._left = min(AT_ONCE, self._left + (now - self._since) / EVERY_SECONDS)
            self._since = now
            if self._left < 1:
                self._without += 1
                return
            self._left -= 1
            more, self._without = self._without, 0
        try:
            detail = {"address": address, "more_before": more}
            whose, tenant = (account.author, account.tenant) if account else ("review", "default")
            self._note(Act(NOBODY, "review.sign_in_refused", whose, detail, tenant))
        except AWAY as error:
            _log.warning("a refused sign-in could not be noted (%s)", type(error).__name__)

    def _note(self, act: Act) -> None:
        with self._store.begin() as connection:
            note(connection, act)
