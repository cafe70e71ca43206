"""Who is signed in to the reviewer's pages with a key: a signed cookie, a token for every form, a brake on guessing.

The cookie names the key it was given for and is signed together with that key's hash: it ends when the key is
revoked or replaced, without anything to remember on the server. People with an account have visits instead
(`proxy.store.visits`).
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from proxy.auth import Keyring
from proxy.errors import Forbidden, Unauthorized
from proxy.exchange import Principal
from proxy.roles import Permission, may

HOME = "/review"
"""Path of the first page."""
PAGES = (
    (Permission.TRACES_READ, HOME),
    (Permission.AUDIT_READ, f"{HOME}/reveals"),
    (Permission.RUNS_READ, f"{HOME}/runs"),
    (Permission.USERS_WRITE, f"{HOME}/people"),
)
"""The lists that there are, each with what it takes to see it."""
HOURS = 12
"""How long one sign-in lasts."""
TRIES = 5
"""Wrong keys that one address may send within WINDOW seconds."""
WINDOW = 60.0
NAME_TRIES, NAME_WINDOW = 10, 900.0
"""Wrong passwords for one name, from whatever addresses, within so many seconds. A browser in which that name has
signed in before has tries of its own: who guesses elsewhere does not keep it out."""
_ADDRESSES = 10_000
_COOKIE_LENGTH = 512


def first_page(who: Principal) -> str | None:
    """Where somebody who has signed in begins: the first page that is for them; None when none is."""
    return next((path for permission, path in PAGES if may(who, permission)), None)


class Sessions:
    """Makes and reads the cookies of one installation.

    Args:
        key: the installation's secret.
        keyring: which keys are accepted now.
        clock: seconds since the epoch.
    """

    def __init__(self, key: bytes, keyring: Keyring, clock: Callable[[], float] = time.time) -> None:
        # The installation's secret has other uses: what is signed here must never be valid there.
        self._key = hmac.digest(key, b"guardhouse/review/1", "sha256")
        self._keyring, self._clock = keyring, clock

    def __repr__(self) -> str:
        return "Sessions()"

    def sign_in(self, key: str) -> str:
        """The cookie for who holds this key. Raises Unauthorized, or Forbidden when no page is for it."""
        who = self._keyring.lookup(key) if self._keyring.closed else self._keyring.principal(None)
        return self.sign_in_as(who)

    def sign_in_as(self, who: Principal) -> str:
        """The cookie for who is known already. Raises Unauthorized, or Forbidden when no page is for them."""
        if first_page(who) is None:
            raise Forbidden(
                "No page is for this key. Use the admin key, or a key made with --admin or --role."
            )
        found = self._keyring.holder(who.key_id)
        if found is None:
            raise Unauthorized("This key was revoked.")
        expires = int(self._clock()) + HOURS * 3600
        head = f"{who.key_id}.{expires}.{secrets.token_urlsafe(16)}"
        return f"{head}.{self._signature(head, found[1])}"

    def holder(self, cookie: str | None) -> Principal | None:
        """Who this cookie was given to; None when it is forged, too old, or its key is no longer accepted."""
        if not cookie or len(cookie) > _COOKIE_LENGTH or not cookie.isascii():
            return None
        head, _, signature = cookie.rpartition(".")
        key_id, _, rest = head.partition(".")
        expires = rest.partition(".")[0]
        found = self._keyring.holder(key_id)
        if found is None or not expires.isdigit():
            return None
        who, digest = found
        if not hmac.compare_digest(signature, self._signature(head, digest)):
            return None
        return who if first_page(who) is not None and self._clock() < int(expires) else None

    def token(self, cookie: str) -> str:
        """The token that forms shown under this cookie carry."""
        return hmac.digest(self._key, b"form\0" + cookie.encode(), "sha256").hex()

    def device(self, name: str) -> str:
        """The cookie of a browser in which a name has signed in. It lets nobody in, and does not tell the name."""
        nonce = secrets.token_hex(16)
        return f"{nonce}.{self._device(nonce, name)}"

    def device_of(self, cookie: str, name: str) -> str | None:
        """Which browser a cookie is of, if that name has signed in there."""
        nonce, _, signature = cookie[:_COOKIE_LENGTH].partition(".")
        known = hmac.compare_digest(self._device(nonce, name).encode(), signature.encode("utf-8", "replace"))
        return nonce if known else None

    def _device(self, nonce: str, name: str) -> str:
        told = f"device\0{nonce}\0{name}".encode("utf-8", "replace")
        return hmac.digest(self._key, told, "sha256").hex()

    def check_form(self, cookie: str, token: str) -> None:
        """Raises Forbidden unless the token belongs to the cookie."""
        if not cookie or not hmac.compare_digest(self.token(cookie).encode(), token.encode()):
            raise Forbidden("This form is out of date. Go back, reload the page and send it again.")

    def _signature(self, head: str, digest: str) -> str:
        return hmac.digest(self._key, f"session\0{head}\0{digest}".encode(), "sha256").hex()


class Attempts:
    """Counts sign-ins by address or name, so that guessing is slow. Bounded in memory, safe between threads."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, tries: int = TRIES, window: float = WINDOW
    ) -> None:
        self._clock, self._most, self._window = clock, tries, window
        self._lock = threading.Lock()
        self._tries: OrderedDict[str, list[float]] = OrderedDict()

    def take(self, address: str) -> int:
        """Count a try as failed until `forget`; returns 0, or the seconds to wait when it may not be made."""
        now = self._clock()
        with self._lock:
            recent = [when for when in self._tries.get(address, ()) if now - when < self._window]
            if len(recent) >= self._most:
                return max(1, int(self._window - (now - recent[0]) + 0.999))
            self._tries[address] = [*recent, now]
            self._tries.move_to_end(address)
            if len(self._tries) > _ADDRESSES:
                self._tries.popitem(last=False)
        return 0

    def allow(self, address: str) -> None:
        """The last try of an address was good, and does not count; those before it do."""
        with self._lock:
            if tries := self._tries.get(address):
                tries.pop()

    def forget(self, address: str) -> None:
        """The address has shown a good key, or the name a good password."""
        with self._lock:
            self._tries.pop(address, None)


def safe_next(target: str) -> str:
    """The page to go on to after signing in: the one asked for when it is ours, else the first page."""
    plain = target.isascii() and target.isprintable() and "\\" not in target and " " not in target
    if not plain or not (target == HOME or target.startswith((HOME + "/", HOME + "?"))):
        return HOME
    path = urlsplit(target).path
    own_forms = path in (f"{HOME}/login", f"{HOME}/logout") or path.startswith(f"{HOME}/oidc")
    return HOME if own_forms or "//" in path or ".." in path.split("/") else target


def check_origin(headers: Mapping[str, str]) -> None:
    """Raises Forbidden for a form that another site has sent, as far as the browser tells."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        same = site == "same-origin"
    else:
        # Pages with `no-referrer` post from the origin `null`, and plain http has no Sec-Fetch-Site:
        # there the form's token has to do.
        same = origin in (None, "null") or urlsplit(origin or "").netloc == headers.get("host")
    if not same:
        raise Forbidden("This form was sent by another site.")
