"""What it takes to manage people, said once for the pages, the API and the command line.

Who manages one tenant finds nobody of another, and may give every role there: as with keys, a role is the most that an
account can be, and it never reaches beyond its tenant.
"""

from __future__ import annotations

from proxy.auth import ADMIN, Keyring
from proxy.errors import BadRequest, Code, Forbidden, NotFound, ProxyError, Unavailable
from proxy.passwords import Busy, PasswordError
from proxy.roles import Role
from proxy.store.accounts import AccountError, Changed, LastWay, Taken

NOT_THERE = "There is no account with this name."
LAST_WAY = (
    "This is the last account that lets people in, and no key does. Make another admin first, or an admin key with "
    "guardhouse keys create NAME --admin."
)
FAULTS = (AccountError, PasswordError, Taken, Changed, LastWay, Busy)
"""What goes wrong with accounts."""


def told(error: Exception) -> ProxyError:
    """One of FAULTS as the caller is told."""
    if isinstance(error, Taken):
        message = "There is an account with this name already. Names are given once, also those of disabled accounts."
        return ProxyError(
            message, status=409, type="invalid_request_error", code=Code.INVALID_VALUE, param="name"
        )
    if isinstance(error, Changed):
        return ProxyError(error.told(), status=409, type="invalid_request_error", code=Code.INVALID_VALUE)
    if isinstance(error, LastWay):
        return ProxyError(LAST_WAY, status=409, type="invalid_request_error", code=Code.INVALID_VALUE)
    if isinstance(error, Busy):
        return Unavailable("Too many passwords are looked at right now. Try again in a few seconds.")
    return BadRequest(str(error), param=getattr(error, "member", "password"))


def role_named(name: str) -> Role:
    """A role by its name. Raises AccountError."""
    if name not in tuple(Role):
        raise AccountError("role", f"role takes one of: {', '.join(Role)}.")
    return Role(name)


def tenant_for(asked: str | None, own: str | None) -> str:
    """The tenant of a new account: the one asked for, or that of who makes it. Raises Forbidden for another's."""
    if own is None:
        return asked or "default"
    if asked not in (None, "", own):
        raise Forbidden("You manage the people of your own tenant.")
    return own


def has_other_way(keyring: Keyring) -> bool:
    """Whether somebody gets in who needs no account and no stored key: the admin key, or an open proxy."""
    return not keyring.closed or keyring.holder(ADMIN.key_id) is not None


def not_there() -> NotFound:
    """There is no such account, or none that is theirs to see."""
    return NotFound(NOT_THERE)
