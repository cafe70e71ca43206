"""Accounts: made once, changed by one at a time, never the last way in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.key_terms import FREE, parse_terms
from proxy.roles import Role
from proxy.store import accounts, visits
from proxy.store.accounts import AccountError, Change, Changed, LastWay, NewAccount, Taken
from proxy.store.audit import acts
from proxy.store.db import Store
from proxy.store.keys import create_key, revoke_key


def made(store: Store, name: str = "ada", role: Role = Role.REVIEWER, **more: Any) -> accounts.Account:
    """An account with a password."""
    return accounts.create(store, NewAccount(name, role, **{"password": "hash", **more}))


def test_an_account_is_made_once(store: Store) -> None:
    """The second of the same name is refused, and the first stays as it is; both acts and the account are told."""
    ada = made(store, display="Ada Lovelace", tenant="acme")

    with pytest.raises(Taken):
        made(store, role=Role.ADMIN)

    assert accounts.find(store, "ada") == ada
    assert (ada.author, ada.principal().tenant, ada.principal().role) == ("user:ada", "acme", Role.REVIEWER)
    assert ada.principal().models == frozenset() and not ada.principal().admin
    (act,) = acts(store)
    assert (act["action"], act["object"], act["tenant"]) == ("account.create", "user:ada", "acme")
    assert "hash" not in str(act["detail"]) and "hash" not in str(ada.document()) and "hash" not in repr(ada)


@pytest.mark.parametrize(
    "name", ["", "Ada", "a b", "a\0b", "älice", "a/b", "-a", "a" * 129, "ada.json", "a\n", "аda"]
)
def test_a_name_is_plain(store: Store, name: str) -> None:
    """Nothing that looks like another name, breaks an address or is invisible; and nobody is found by it."""
    with pytest.raises(AccountError) as refused:
        made(store, name)
    assert refused.value.member == "name"
    assert accounts.find(store, name) is None


@given(st.text(max_size=200))
def test_a_good_name_is_ascii(name: str) -> None:
    """Whatever is taken as a name can stand in an address and a log as it is."""
    if accounts.is_name(name):
        assert name.isascii() and name.isprintable() and name == accounts.plain_name(name) and "/" not in name


@pytest.mark.parametrize("member", ["display", "tenant"])
@pytest.mark.parametrize("value", [" ", "a\0", "a\u202eb", "x" * 129])
def test_texts_are_printable_and_short(store: Store, member: str, value: str) -> None:
    """What pages show is shown as it is."""
    with pytest.raises(AccountError) as refused:
        made(store, **{member: value})
    assert refused.value.member == member


def test_a_change_that_came_in_between_is_told(store: Store) -> None:
    """Two admins who looked at the same state: the second changes nothing and is told what it is now."""
    seen = made(store).revision
    first = accounts.change(
        store, "ada", Change(role=Role.AUDITOR), accounts.Under("user:eve", revision=seen)
    )

    with pytest.raises(Changed) as changed:
        accounts.change(store, "ada", Change(display="Countess"), accounts.Under("user:bob", revision=seen))

    assert changed.value.now == first and "auditor" in changed.value.told()
    assert accounts.find(store, "ada") == first
    assert [act["action"] for act in acts(store)] == ["account.update", "account.create"]


def test_a_change_to_the_same_is_none(store: Store) -> None:
    """Nothing is counted or noted where nothing changes."""
    ada = made(store)
    assert accounts.change(store, "ada", Change(role=Role.REVIEWER, display="ada", disabled=False)) == ada
    assert len(acts(store)) == 1


def test_another_tenants_account_is_not_there(store: Store) -> None:
    """Who manages one tenant finds and changes nobody of another."""
    made(store, tenant="acme")
    assert accounts.find(store, "ada", "other") is None
    assert accounts.accounts(store, "other") == []
    assert accounts.change(store, "ada", Change(disabled=True), accounts.Under(tenant="other")) is None
    assert accounts.find(store, "ada", "acme") is not None


@pytest.mark.parametrize("wanted", [Change(disabled=True), Change(password="new")])
def test_what_shuts_out_ends_visits(store: Store, wanted: Change) -> None:
    """A disabled account and a new password end every visit, but the one that is to be kept."""
    made(store, "root", Role.ADMIN)
    ada = made(store)
    first, second = (visits.begin(store, ada, "10.0.0.1", "Firefox", "password") or "" for _ in range(2))
    accounts.change(store, "ada", wanted, accounts.Under(keep=visits.visit_id(first)))
    assert visits.visitor(store, second) is None
    assert (visits.visitor(store, first) is None) == bool(wanted.disabled)


def test_the_last_way_in_stays_open(store: Store) -> None:
    """The only admin is neither disabled nor made something else, as long as no key could undo it."""
    made(store, "root", Role.ADMIN)
    made(store, "invited", Role.ADMIN, password=None)
    for wanted in (Change(disabled=True), Change(role=Role.VIEWER)):
        with pytest.raises(LastWay):
            accounts.change(store, "root", wanted)
    assert accounts.change(store, "root", Change(password="new")) is not None

    key = create_key(store, "key", terms=parse_terms({"role": "admin"}, FREE)).stored.key_id
    assert accounts.change(store, "root", Change(role=Role.VIEWER)) is not None
    accounts.change(store, "root", Change(role=Role.ADMIN))
    revoke_key(store, key)
    with pytest.raises(LastWay):
        accounts.change(store, "root", Change(disabled=True))
    assert accounts.change(store, "root", Change(disabled=True), accounts.Under(other_way=True)) is not None


def test_two_admins_cannot_shut_out_each_other(store: Store) -> None:
    """However it comes: one of the two stays."""
    names = ("one", "two")
    for name in names:
        made(store, name, Role.ADMIN)
    outcomes: list[str] = []
    together = threading.Barrier(2)

    def shut(name: str) -> None:
        together.wait()
        try:
            accounts.change(store, name, Change(disabled=True))
            outcomes.append("done")
        except LastWay:
            outcomes.append("refused")

    _both(lambda: shut("one"), lambda: shut("two"))
    assert sorted(outcomes) == ["done", "refused"]
    assert sorted(accounts.find(store, name).state for name in names) == ["active", "disabled"]  # type: ignore[union-attr]


def test_one_of_two_changes_at_once_is_refused(store: Store) -> None:
    """Both looked at the same state; whoever is second changes nothing."""
    made(store)
    outcomes: list[str] = []
    together = threading.Barrier(2)

    def change(role: Role) -> None:
        together.wait()
        try:
            accounts.change(store, "ada", Change(role=role), accounts.Under(revision=1))
            outcomes.append("done")
        except Changed:
            outcomes.append("told")

    _both(lambda: change(Role.VIEWER), lambda: change(Role.EDITOR))
    assert sorted(outcomes) == ["done", "told"]
    assert accounts.find(store, "ada").revision == 2  # type: ignore[union-attr]


def _both(*works: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


def test_lists_are_filtered_and_paged(store: Store) -> None:
    """By role and state, by name from a name on."""
    made(store, "ada")
    made(store, "bob", Role.ADMIN, password=None)
    made(store, "cleo", Role.ADMIN)
    made(store, "dan", Role.ADMIN)
    accounts.change(store, "cleo", Change(disabled=True))

    def names(**asked: Any) -> list[str]:
        return [each.name for each in accounts.accounts(store, **asked)]

    assert names() == ["ada", "bob", "cleo", "dan"]
    assert names(after="ada", limit=2) == ["bob", "cleo"]
    assert names(role="admin", state="invited") == ["bob"]
    assert (names(state="disabled"), names(state="active")) == (["cleo"], ["ada", "dan"])


def test_who_wrote_something_is_called_by_name(store: Store) -> None:
    """People by what they are called; keys, unknown and hostile names are left out, and there is an end to it."""
    made(store, display="Ada Lovelace")
    asked = ["user:ada", "user:nobody", "admin", "0190abc", "user:\0", "user:" + "x" * 999]
    assert accounts.displays(store, asked) == {"user:ada": "Ada Lovelace"}
    assert accounts.displays(store, ["admin"]) == {}
    assert accounts.displays(store, [f"user:a{n}" for n in range(3_000)]) == {}


def test_only_an_invited_person_is_linked(store: Store) -> None:
    """Who has a password, or signs in through a provider already, is never taken over."""
    invited, known = made(store, "invited", password=None), made(store, "known")
    linked = accounts.link(store, invited, "https://id.example", "sub-1")
    assert linked is not None and accounts.find_subject(store, "https://id.example", "sub-1") == linked
    assert accounts.link(store, invited, "https://id.example", "sub-2") is None
    assert accounts.link(store, known, "https://id.example", "sub-3") is None
    assert accounts.any_accounts(store)
