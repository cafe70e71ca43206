"""Bulk jobs in threads: begun, taken over, and stopped when who ordered them may not any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy import bulk_jobs
from proxy.auth import Keyring
from proxy.context import Context
from proxy.key_terms import Terms
from proxy.roles import Role
from proxy.store import accounts, bulk, bulk_work
from proxy.store.accounts import NewAccount
from proxy.store.bulk import Order, start
from proxy.store.db import Store, open_store
from proxy.store.keys import active_keys, create_key, revoke_key
from tests.proxy.contexts import context_of
from tests.proxy.store.test_bulk import fill


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A store and its keys."""
    store = open_store(f"sqlite:///{tmp_path / 'traces.sqlite3'}", b"k" * 32)
    keyring = Keyring("admin")
    keyring.replace(active_keys(store))
    return context_of(store=store, keyring=keyring)


def _order(actor: str, scope: str | None = "default") -> Order:
    return Order("verdict", actor, "default", scope, "flagged:true", verdict="pass")


def _job(store: Store, id: str) -> bulk.Job:
    found = bulk.job(store, id, None)
    assert found is not None
    return found


def test_a_job_is_done_in_a_thread_of_its_own(context: Context) -> None:
    """To its end."""
    fill(context.store, 3)
    started = start(context.store, _order("admin", None))
    bulk_jobs.begin(context, started).join(20)

    assert (_job(context.store, started.job.id).state, _job(context.store, started.job.id).done) == (
        "done",
        3,
    )


def test_a_job_whose_process_is_gone_is_taken_over(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as its lease is over; one that lives is left alone."""
    fill(context.store, 3)
    living = start(context.store, _order("admin", None))
    begun = []
    monkeypatch.setattr(bulk_jobs, "begin", lambda _, started, stop: begun.append(started))
    bulk_jobs.resume(context, lambda: False)
    assert begun == []
    bulk_work.work(context.store, living, lambda _: None, lambda: True)
    bulk_jobs.resume(context, lambda: False)
    assert [one.job.id for one in begun] == [living.job.id]


@pytest.mark.parametrize("who", ["key", "role", "person", "disabled", "scope", "nobody"])
def test_who_may_not_review_any_more_is_told_so(context: Context, who: str) -> None:
    """A key that was revoked or has another role, a person who was shut out, a scope that is not theirs any more."""
    store = context.store
    fill(store, 1)
    reviewer = create_key(store, "r", terms=Terms(role=Role.REVIEWER))
    viewer = create_key(store, "v", terms=Terms(role=Role.VIEWER))
    for name, role in (("ann", Role.REVIEWER), ("bob", Role.VIEWER)):
        accounts.create(store, NewAccount(name, role, "default", password="$argon2id$none"))
    actor = {
        "role": viewer.stored.key_id,
        "person": "user:bob",
        "nobody": "user:eve",
        "disabled": "user:ann",
    }.get(who, reviewer.stored.key_id)
    context.keyring.replace(active_keys(store))
    if who in ("key", "scope", "disabled"):
        right = start(store, _order("user:ann" if who == "disabled" else actor)).job
        assert bulk_jobs.why_not(context, right) is None
    if who == "key":
        revoke_key(store, actor)
        context.keyring.replace(active_keys(store))
    if who == "disabled":
        accounts.change(store, "ann", accounts.Change(disabled=True), accounts.Under("admin", other_way=True))
    started = start(store, _order(actor, None if who == "scope" else "default"))
    bulk_jobs.begin(context, started).join(20)
    found = _job(store, started.job.id)

    assert (found.state, found.done) == ("failed", 0) and "any more" in (found.why or "")
