"""Who is meant, and what is kept of having been asked. The work itself is tested in test_erasing.py."""

from __future__ import annotations

import pytest

from proxy.identity import session_hash
from proxy.store.db import Store
from proxy.store.erasures import (
    Asked,
    Who,
    count,
    erased_sessions,
    ids,
    meant,
    receipt,
    receipts,
    request,
    unfinished,
)
from proxy.store.filters import FilterError
from proxy.store.tables_governance import AUDIT_EVENT, ERASED_TRACE, ERASURE
from tests.proxy.store.persons import person


def test_nothing_is_kept_by_which_a_person_could_be_told(store: Store) -> None:
    """Neither the name nor the value that was given stands in what is kept of an erasure."""
    person(store, "ada")
    for kind, name in (("user", "ada.lovelace"), ("value", "ada.lovelace"), ("session", "ada.lovelace")):
        request(store, meant(store, Who(kind, (name,))), Asked("cli", "why"))  # type: ignore[arg-type]

    with store.read() as connection:
        kept = [connection.execute(table.select()).all() for table in (ERASURE, ERASED_TRACE, AUDIT_EVENT)]
    assert len(unfinished(store)) == len(kept[0]) == 3
    assert "lovelace" not in repr(kept)


def test_tenants_are_apart(store: Store) -> None:
    """A name of another tenant means nobody here, and neither do ids."""
    ada = person(store, "ada")

    assert count(store, meant(store, Who("user", ("ada",), "elsewhere")))["traces"] == 0
    assert ids(store, meant(store, Who("traces", (ada.traces[0].id,), "elsewhere"))) == []
    assert len(ids(store, meant(store, Who("user", (" ada ",))))) == 3


def test_receipts_are_listed_without_their_traces(store: Store) -> None:
    """The newest first; an id that there is not has none."""
    person(store, "ada")
    made = [request(store, meant(store, Who("user", (name,))), Asked("cli", name)) for name in ("ada", "bob")]

    assert [one["id"] for one in receipts(store)] == made[::-1]
    assert len((receipt(store, made[0]) or {})["traces"]) == 3
    assert receipt(store, "nothing") is None


def test_the_sessions_of_what_was_erased_are_told_once(store: Store) -> None:
    """By the hashes under which proxies keep their pseudonyms, objects at providers too."""
    person(store, "ada", object_id="resp_1")
    request(store, meant(store, Who("user", ("ada",))), Asked("cli", "why"))

    sessions, last = erased_sessions(store, 0)

    names = ("session of ada", "key-1/resp_1")
    assert sessions == {session_hash(store.key, "default", name) for name in names}
    assert erased_sessions(store, last) == (set(), last)


def test_a_filter_that_is_none_is_refused(store: Store) -> None:
    """Before anything is asked for."""
    with pytest.raises(FilterError):
        meant(store, Who("filter", ("colour:red",)))
    assert unfinished(store) == []
