"""Who somebody is here, whom an identity provider vouches for: the account, made or found, and its role."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from proxy.config_sign_in import Oidc
from proxy.errors import Forbidden
from proxy.review.oidc_client import Identity
from proxy.roles import Role
from proxy.store import accounts, visits
from proxy.store.accounts import Account, Change, NewAccount, Taken, Under
from proxy.store.audit import PROXY
from proxy.store.db import Store

MOST_VALUES = 1_000
"""Roles or groups of one person that are looked at."""
_ASK = "Ask an administrator of this proxy."


def admitted(store: Store, oidc: Oidc, identity: Identity) -> Account:
    """The account of who came back, with the role that the provider's word gives now. Raises Forbidden."""
    tenant, role = _tenant(oidc, identity.claims), role_of(oidc, identity.claims)
    found = accounts.find_subject(store, identity.issuer, identity.subject)
    if found is None:
        found = _invited(store, identity)
    if found is not None:
        return _updated(store, oidc, found, role, tenant)
    if role is None:
        raise Forbidden(f"Nothing that your identity provider says of you gives you a role here. {_ASK}")
    return _made(store, identity, role, tenant)


def role_of(oidc: Oidc, claims: Mapping[str, Any]) -> Role | None:
    """The role that somebody's claims give: that of the first value in the configuration that is among them."""
    if oidc.roles_claim is not None:
        given = claim(claims, oidc.roles_claim)
        values = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        held = {value for value in values[:MOST_VALUES] if isinstance(value, str)}
        for value, role in oidc.roles.items():
            if value in held:
                return role
    return oidc.default_role


def claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by its path: `realm_access.roles`. None when there is none."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for step in name.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _tenant(oidc: Oidc, claims: Mapping[str, Any]) -> str:
    if oidc.tenant_claim is None:
        return oidc.tenant
    told = claim(claims, oidc.tenant_claim)
    try:
        return accounts.checked_text("tenant", told if isinstance(told, str) else "")
    except accounts.AccountError:
        raise Forbidden(f"Your identity provider does not say which tenant you belong to. {_ASK}") from None


def _verified_email(claims: Mapping[str, Any]) -> str | None:
    email = claims.get("email")
    return (
        accounts.plain_name(email)
        if isinstance(email, str) and claims.get("email_verified") is True
        else None
    )


def _invited(store: Store, identity: Identity) -> Account | None:
    """The account that somebody was invited with: under their verified e-mail, and with no other way to sign in."""
    email = _verified_email(identity.claims)
    found = accounts.find(store, email) if email else None
    if found is None or found.state != "invited":
        return None
    return accounts.link(store, found, identity.issuer, identity.subject)


def _updated(store: Store, oidc: Oidc, account: Account, role: Role | None, tenant: str) -> Account:
    """The account as it is to be from now on. Where roles are mapped, who has lost all of them is out everywhere."""
    if account.disabled_us is not None:
        raise Forbidden(f"This account was disabled. {_ASK}")
    if oidc.roles and role is None:
        visits.end_all(store, account, PROXY)
        raise Forbidden(
            f"Nothing that your identity provider says of you gives you a role here any more. {_ASK}"
        )
    wanted = Change(role=role if oidc.roles else None, tenant=tenant if oidc.tenant_claim else None)
    # What the provider says counts, even of the last one who manages people here.
    return accounts.change(store, account.name, wanted, Under(PROXY, other_way=True)) or account


def _made(store: Store, identity: Identity, role: Role, tenant: str) -> Account:
    name = next(_names(identity))
    display = identity.claims.get("name")
    new = NewAccount(
        name,
        role,
        tenant,
        display=_shown(display) if isinstance(display, str) else "",
        issuer=identity.issuer,
        subject=identity.subject,
    )
    try:
        return accounts.create(store, new, PROXY)
    except Taken:
        # Two sign-ins of the same person at once: the other one was first.
        if (found := accounts.find_subject(store, identity.issuer, identity.subject)) is not None:
            return found
        raise Forbidden(
            f"There is an account named {name} already, and it signs in another way: with a password, or through "
            f"another identity. {_ASK}"
        ) from None


def _names(identity: Identity) -> Iterator[str]:
    """Names for an account, the best first: each is only a name, the subject is who it is."""
    claims = identity.claims
    preferred = claims.get("preferred_username")
    # Some providers let people choose it: one that reads like an e-mail would take another's name.
    mere = preferred if isinstance(preferred, str) and "@" not in preferred else None
    told = (_verified_email(claims), mere)
    for each in told:
        if isinstance(each, str) and accounts.is_name(name := accounts.plain_name(each)):
            yield name
    subject = f"{identity.issuer}\0{identity.subject}".encode("utf-8", "surrogatepass")
    yield f"person-{hashlib.sha256(subject).hexdigest()[:16]}"


def _shown(display: str) -> str:
    """A person's name as pages show it."""
    return "".join(char for char in display if char.isprintable()).strip()[: accounts.LONGEST].strip()
