"""What an identity provider's word is worth: which account, which role, and whose account never."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config_sign_in import Oidc
from proxy.errors import Forbidden
from proxy.review.oidc_client import Identity
from proxy.review.oidc_people import admitted, claim, role_of
from proxy.roles import Role
from proxy.store import accounts, visits
from proxy.store.accounts import Change, NewAccount
from proxy.store.db import Store, open_store
from tests.proxy.review.oidc_site import settings

ISSUER = "https://id.example"
MAPPED: dict[str, Any] = {
    "roles_claim": "groups", "roles": {"admins": "admin", "reviewers": "reviewer"}, "default_role": None,
}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    made = open_store(f"sqlite:///{tmp_path / 'x.sqlite3'}", b"k" * 32)
    yield made
    made.close()


def who(subject: str = "sub-1", **claims: Any) -> Identity:
    """Somebody whom the provider vouches for."""
    return Identity(ISSUER, subject, {"email": "ada@example.com", "email_verified": True, **claims})


def configured(**more: Any) -> Oidc:
    """A configuration."""
    return settings(ISSUER, **more)


def test_a_role_is_mapped_at_each_sign_in(store: Store) -> None:
    """Up and down, whatever was set here; who has lost all of them is out, also of the browsers that were in."""
    oidc = configured(**MAPPED)
    assert admitted(store, oidc, who(groups=["reviewers"])).role is Role.REVIEWER
    ada = admitted(store, oidc, who(groups=["reviewers", "admins"]))
    assert ada.role is Role.ADMIN
    accounts.change(store, ada.name, Change(role=Role.VIEWER), accounts.Under(other_way=True))
    ada = admitted(store, oidc, who(groups="admins"))
    assert ada.role is Role.ADMIN
    secret = visits.begin(store, ada, "", "", "oidc") or ""
    with pytest.raises(Forbidden):
        admitted(store, oidc, who(groups=["other"]))
    assert visits.visitor(store, secret) is None


def test_without_a_mapping_the_role_is_set_here(store: Store) -> None:
    """The default is what an account begins with; afterwards who manages people says."""
    oidc = configured(default_role="viewer")
    ada = admitted(store, oidc, who())
    assert ada.role is Role.VIEWER
    accounts.change(store, ada.name, Change(role=Role.EDITOR))
    assert admitted(store, oidc, who()).role is Role.EDITOR


def test_without_a_role_nobody_is_made(store: Store) -> None:
    """No mapping that fits and no default: refused, and no account is left behind."""
    for oidc, claims in ((configured(**MAPPED), {"groups": ["x"]}), (configured(default_role=None), {})):
        with pytest.raises(Forbidden):
            admitted(store, oidc, who(**claims))
    assert not accounts.any_accounts(store)


def test_an_invited_person_is_known_by_verified_email(store: Store) -> None:
    """And keeps the role that was given; an e-mail address that is not verified is anybody's."""
    accounts.create(store, NewAccount("ada@example.com", Role.EDITOR, tenant="acme"))
    for claims in (
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": None, "preferred_username": "ada@example.com"},
    ):
        mere = Identity(ISSUER, "sub-2", {"preferred_username": "ada@example.com", **claims})
        assert admitted(store, configured(), mere).name.startswith("person-")
    linked = admitted(store, configured(default_role=None), who())
    assert (linked.name, linked.role, linked.tenant) == ("ada@example.com", Role.EDITOR, "acme")
    with pytest.raises(Forbidden):
        admitted(store, configured(), who("sub-3"))


def test_nobody_takes_over_an_account(store: Store) -> None:
    """Neither one with a password, nor one of another subject or issuer, nor a disabled one."""
    kept = accounts.create(store, NewAccount("ada@example.com", Role.ADMIN, password="hash"))
    with pytest.raises(Forbidden):
        admitted(store, configured(), who())
    assert accounts.find(store, "ada@example.com") == kept
    bob = admitted(store, configured(), who("sub-bob", email="bob@example.com"))
    other = Identity("https://other.example", "sub-bob", {"email": "bob@example.com", "email_verified": True})
    with pytest.raises(Forbidden):
        admitted(store, configured(), other)
    accounts.change(store, bob.name, Change(disabled=True))
    with pytest.raises(Forbidden):
        admitted(store, configured(), who("sub-bob", email="bob@example.com"))


def test_who_takes_the_password_away_lets_the_provider_in(store: Store) -> None:
    """That is how an account moves: said by an administrator, never by itself."""
    accounts.create(store, NewAccount("ada@example.com", Role.EDITOR, password="hash"))
    accounts.change(store, "ada@example.com", Change(no_password=True))
    assert admitted(store, configured(), who()).role is Role.EDITOR


@pytest.mark.parametrize("told", [None, "", 7, "a\0b", "x" * 200, ["acme"]])
def test_a_tenant_that_is_not_said_is_refused(store: Store, told: Any) -> None:
    """Nobody ends up in another tenant because a claim was missing."""
    with pytest.raises(Forbidden):
        admitted(store, configured(tenant_claim="org"), who(org=told))
    assert not accounts.any_accounts(store)


def test_a_tenant_follows_the_claim(store: Store) -> None:
    """Where a claim says it; else it is the one that is configured, and whoever is moved here stays there."""
    assert admitted(store, configured(tenant_claim="org"), who(org="acme")).tenant == "acme"
    assert admitted(store, configured(tenant_claim="org"), who(org="other")).tenant == "other"
    assert admitted(store, configured(tenant="shop"), who()).tenant == "other"
    assert admitted(store, configured(tenant="shop"), who("s", email="eve@example.com")).tenant == "shop"


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "Ünï@example.com"}, {"email": "a b@x"}, {"email": 7, "preferred_username": ["x"]}, {"email": ""},
        {"email_verified": False}, {"preferred_username": "<script>", "email_verified": None}, {"name": "\u202e\0"},
    ],
)  # fmt: skip
def test_strange_names_make_a_plain_account(store: Store, claims: dict[str, Any]) -> None:
    """Whatever the claims say, the name is one of ours, and the same person is the same the next time."""
    made = admitted(store, configured(), who(**claims))
    assert accounts.is_name(made.name) and made.display.isprintable() and made.display
    assert admitted(store, configured(), who(**claims)).name == made.name


def test_a_claim_is_found_by_its_path() -> None:
    """By its whole name first: some are addresses."""
    claims = {"realm_access": {"roles": ["a"]}, "https://x.example/roles": ["b"], "a": 1}
    assert claim(claims, "realm_access.roles") == ["a"]
    assert claim(claims, "https://x.example/roles") == ["b"]
    assert claim(claims, "realm_access.none.more") is None and claim(claims, "a.b") is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(json_values)
def test_no_claim_breaks_the_mapping(value: Any) -> None:
    """Whatever stands there, it is a role of the mapping or none."""
    assert role_of(configured(**MAPPED), {"groups": value}) in (None, Role.ADMIN, Role.REVIEWER)


def test_nobody_takes_the_name_of_an_address_that_is_not_theirs(store: Store) -> None:
    """A name that somebody chose at the provider reads like no e-mail here."""
    oidc = configured(default_role="viewer")
    claims = {"email_verified": False, "preferred_username": "Victim@Example.com"}
    made = admitted(store, oidc, who("sub-9", **claims))
    assert made.name.startswith("person-")
