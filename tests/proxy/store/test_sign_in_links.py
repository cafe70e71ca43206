"""A link signs in once, whoever is quickest, and not for long."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from proxy.roles import Role
from proxy.store import accounts, sign_in_links, visits
from proxy.store.accounts import NewAccount
from proxy.store.audit import acts
from proxy.store.db import Store
from proxy.store.tables_review import VISIT


def test_of_many_at_once_one_comes_in(store: Store) -> None:
    """The others are nobody; the database never had the secret; the act names the key."""
    secret, _ = sign_in_links.make(store, "k1", "acme")
    with store.read() as connection:
        assert secret not in str(connection.execute(select(VISIT)).all())
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda _: sign_in_links.use(store, secret), range(16))]

    assert sorted(found, key=str) == [None] * 15 + ["k1"]
    assert (acts(store)[0]["action"], acts(store)[0]["actor"]) == ("review.link", "k1")
    assert secret not in str(acts(store))


def test_a_link_that_is_too_old_signs_nobody_in(store: Store) -> None:
    """It is gone then, too."""
    secret, _ = sign_in_links.make(store, "k1", "acme")
    with store.begin() as connection:
        connection.execute(update(VISIT).values(expires_us=VISIT.c.expires_us - sign_in_links.LASTS_US))

    assert sign_in_links.use(store, secret) is None
    with store.read() as connection:
        assert connection.execute(select(VISIT)).all() == []


@pytest.mark.parametrize("secret", ["", "ghl-", "ghl-" + "x" * 43, "ghl-" + "x" * 44, "ghl-\0", "é" * 50])
def test_what_is_no_link_signs_nobody_in(store: Store, secret: str) -> None:
    """Whatever it looks like."""
    sign_in_links.make(store, "k1", "acme")
    assert sign_in_links.use(store, secret) is None


def test_links_and_visits_are_not_taken_for_each_other(store: Store) -> None:
    """A visit's secret is no link, a link's is no cookie, and nobody's list of visits has it."""
    ada = accounts.create(store, NewAccount("ada", Role.REVIEWER, password="hash"))
    visit = visits.begin(store, ada, "10.0.0.1", "", "password")
    link, _ = sign_in_links.make(store, "k1", "acme")

    assert visit is not None and sign_in_links.use(store, visit) is None
    assert visits.visitor(store, visit) is not None and visits.visitor(store, link) is None
    assert len(visits.visits(store, "ada")) == 1
