"""Starts bulk jobs in threads of this process, and takes over those whose process is gone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.exchange import Principal
from proxy.roles import Permission, may, tenant_of
from proxy.store import accounts, bulk_work
from proxy.store.bulk import MOST_JOBS, Job, Started
from proxy.store.db import AWAY

if TYPE_CHECKING:
    from proxy.context import Context

_log = logging.getLogger(__name__)


def begin(context: Context, started: Started, stop: Callable[[], bool] = lambda: False) -> threading.Thread:
    """Work on a job in a thread. Should the process end before, another goes on when the lease is over."""
    thread = threading.Thread(target=_work, args=(context, started, stop), name="bulk", daemon=True)
    thread.start()
    return thread


def resume(context: Context, stop: Callable[[], bool]) -> None:
    """Take over the jobs whose worker is not heard of any more, a few at a time."""
    for _ in range(MOST_JOBS):
        started = bulk_work.take(context.store)
        if started is None:
            return
        begin(context, started, stop)


def _work(context: Context, started: Started, stop: Callable[[], bool]) -> None:
    try:
        bulk_work.work(context.store, started, lambda job: why_not(context, job), stop)
    except AWAY as error:
        _log.warning("a bulk job waits (%s); it goes on in half a minute", type(error).__name__)


def why_not(context: Context, job: Job) -> str | None:
    """Why who ordered a job may not judge any more what it touches; None while they may."""
    by = job.detail.get("undone_by", job.actor) if job.state == "undoing" else job.actor
    who = _holder(context, by)
    if who is None or not may(who, Permission.REVIEWS_WRITE):
        return "Who ordered it may not review any more."
    if tenant_of(who) not in (None, job.scope):
        return "Who ordered it may not see all of its traces any more."
    return None


def _holder(context: Context, actor: str) -> Principal | None:
    """Who an actor is now; None for who is not let in any more."""
    if not actor.startswith(accounts.PERSON):
        found = context.keyring.holder(actor)
        return None if found is None else found[0]
    account = accounts.find(context.store, actor.removeprefix(accounts.PERSON))
    return account.principal() if account is not None and account.state == "active" else None
