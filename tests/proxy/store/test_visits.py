"""Visits end when they should: at the very next request, whoever answers it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from proxy.roles import Role
from proxy.store import accounts, visits
from proxy.store.accounts import Account, Change, NewAccount
from proxy.store.audit import acts
from proxy.store.db import Store
from proxy.store.tables_review import VISIT


@pytest.fixture
def ada(store: Store) -> Account:
    """A person with a password."""
    return accounts.create(store, NewAccount("ada", Role.REVIEWER, password="hash"))


def begun(store: Store, account: Account) -> str:
    """The secret of a new visit."""
    secret = visits.begin(store, account, "10.0.0.1", "Firefox\0\n" + "x" * 999, "password")
    assert secret is not None
    return secret


def _age(store: Store, secret: str, **columns: int) -> None:
    """Make a visit older than it is, in microseconds."""
    values = {name: VISIT.c[name] - by for name, by in columns.items()}
    with store.begin() as connection:
        connection.execute(update(VISIT).where(VISIT.c.id == visits.visit_id(secret)).values(**values))


def test_a_visit_is_known_by_its_secret_alone(store: Store, ada: Account) -> None:
    """The database holds a hash; the act says who, from where; what the browser says is kept short and plain."""
    secret = begun(store, ada)
    found = visits.visitor(store, secret)
    assert found is not None and found.account.name == "ada" and found.visit.address == "10.0.0.1"
    assert found.visit.browser.isprintable() and len(found.visit.browser) <= visits.BROWSER
    with store.read() as connection:
        (row,) = connection.execute(select(VISIT)).mappings().all()
    assert secret not in str(dict(row)) and secret.removeprefix(visits.PREFIX) not in str(dict(row))
    assert visits.visitor(store, row["id"]) is None
    act = acts(store)[0]
    assert (act["action"], act["actor"], act["detail"]["address"]) == (
        "review.sign_in",
        "user:ada",
        "10.0.0.1",
    )
    assert accounts.find(store, "ada").signed_in_us is not None  # type: ignore[union-attr]


@given(st.text(max_size=80))
def test_no_made_up_secret_is_accepted(secret: str) -> None:
    """What does not look like one of ours is not even looked for."""
    assert not visits.is_secret(secret)


def test_a_changed_secret_is_nobodys(store: Store, ada: Account) -> None:
    """Any one other character makes it worthless."""
    secret = begun(store, ada)
    for place, char in enumerate(secret):
        assert (
            visits.visitor(store, secret[:place] + ("A" if char != "A" else "B") + secret[place + 1 :])
            is None
        )


def test_a_visit_ends_at_its_hours_and_when_idle(store: Store, ada: Account) -> None:
    """Each limit by itself; whatever is over is deleted, whatever is not stays."""
    idle, old, fresh = begun(store, ada), begun(store, ada), begun(store, ada)
    _age(store, idle, seen_us=visits.IDLE_US - 1_000_000)
    _age(store, old, expires_us=visits.LONGEST_US - 60_000_000)
    assert visits.visitor(store, idle, active=False) and visits.visitor(store, old)
    _age(store, idle, seen_us=2_000_000)
    _age(store, old, expires_us=60_000_000)
    assert visits.visitor(store, idle) is None and visits.visitor(store, old) is None
    assert visits.delete_over(store) == 2
    assert visits.visitor(store, fresh) is not None and len(visits.visits(store, "ada")) == 1


def test_asking_keeps_a_visit_alive(store: Store, ada: Account) -> None:
    """A request by a person moves the end of idleness; a heartbeat of a page does not."""
    secret = begun(store, ada)
    _age(store, secret, seen_us=visits.IDLE_US // 2)
    before = visits.visitor(store, secret, active=False)
    again = visits.visitor(store, secret)
    after = visits.visitor(store, secret)
    assert before and again and after
    assert before.visit.seen_us == again.visit.seen_us < after.visit.seen_us


def test_what_is_changed_counts_at_once(store: Store, ada: Account) -> None:
    """Another role in the next request; a disabled account in none."""
    accounts.create(store, NewAccount("root", Role.ADMIN, password="hash"))
    secret = begun(store, ada)
    accounts.change(store, "ada", Change(role=Role.VIEWER))
    assert visits.visitor(store, secret).account.role is Role.VIEWER  # type: ignore[union-attr]
    accounts.change(store, "ada", Change(disabled=True))
    assert visits.visitor(store, secret) is None
    accounts.change(store, "ada", Change(disabled=False))
    assert visits.visitor(store, secret) is None


def test_who_was_shut_out_meanwhile_does_not_come_in(store: Store, ada: Account) -> None:
    """Between the password that fitted and the visit, the account was disabled, or has another password."""
    accounts.change(store, "ada", Change(password="another"))
    assert visits.begin(store, ada, "", "", "password") is None
    ada = accounts.change(store, "ada", Change(disabled=True)) or ada
    assert visits.begin(store, ada, "", "", "password") is None
    assert visits.visits(store, "ada") == []


def test_signing_out_ends_it_on_the_server(store: Store, ada: Account) -> None:
    """Once; a second time there is nothing to end, and nothing to note."""
    secret, other = begun(store, ada), begun(store, ada)
    assert visits.end(store, secret) and not visits.end(store, secret)
    assert visits.visitor(store, secret) is None and visits.visitor(store, other) is not None
    assert [act["action"] for act in acts(store)].count("review.sign_out") == 1


def test_signing_out_elsewhere(store: Store, ada: Account) -> None:
    """Of one visit, or of all but this; never of somebody else's."""
    bob = accounts.create(store, NewAccount("bob", Role.VIEWER, password="hash"))
    here, there, far, bobs = begun(store, ada), begun(store, ada), begun(store, ada), begun(store, bob)
    assert visits.end_all(store, ada, "user:ada", only=visits.visit_id(bobs)) == 0
    assert visits.end_all(store, ada, "user:ada", only=visits.visit_id(there)) == 1
    assert visits.end_all(store, ada, "user:ada", keep=visits.visit_id(here)) == 1
    assert [visits.visitor(store, each) is not None for each in (here, there, far, bobs)] == [
        True,
        False,
        False,
        True,
    ]


def test_a_person_has_so_many_visits(store: Store, ada: Account) -> None:
    """One more ends the one that was used longest ago."""
    first = begun(store, ada)
    _age(store, first, seen_us=1_000_000)
    rest = [begun(store, ada) for _ in range(visits.MOST)]
    assert visits.visitor(store, first) is None
    assert all(visits.visitor(store, each) for each in rest)
