"""Maintenance: each job in its time, by one process, and told when it fails."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from proxy.config_audit import Audit
from proxy.config_retention import DEFAULT
from proxy.maintenance import JOBS, Job, Maintenance
from proxy.store.db import Store
from proxy.store.turn import take_turn
from proxy.telemetry import Metrics
from tests.proxy.store.aged import trace
from tests.proxy.store.databases import BOTH, opened


@pytest.fixture(params=BOTH)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """An empty store."""
    yield from opened(request.param, tmp_path)


def _context(store: Store, folder: Path) -> Any:
    config = SimpleNamespace(retention=DEFAULT, data_dir=folder, audit=Audit())
    return SimpleNamespace(store=store, config=config, metrics=Metrics("1", "p@1"))


def test_retention_runs_and_is_counted(store: Store, tmp_path: Path) -> None:
    """What the metrics tell is what went."""
    store.write([trace(100), trace(1)])
    context = _context(store, tmp_path)
    maintenance = Maintenance(lambda: context, JOBS)
    maintenance.round()
    maintenance.close()

    assert maintenance.trouble() is None
    assert context.metrics.running.retained_rows["metadata"] >= 4
    assert context.metrics.running.retained_at > 0
    with store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM span")).scalar_one() == 1


def test_jobs_are_done_when_they_are_due_and_failures_are_told_once(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One that fails is tried again soon, and stops no other; afterwards nothing is wrong any more."""
    now, done, away = [0.0], [], [True]

    def failing(context: Any, stop: Any) -> None:
        done.append("failing")
        if away[0]:
            raise OperationalError("x", None, Exception("secret"))

    jobs = (Job("failing", 3600, failing), Job("other", 100, lambda context, stop: done.append("other")))
    context = _context(store, tmp_path)
    maintenance = Maintenance(lambda: context, jobs, lambda: now[0])
    with caplog.at_level(logging.WARNING):
        for now[0] in (0.0, 30.0, 60.0, 100.0):
            maintenance.round()
    assert done == ["failing", "other", "failing", "other"]
    assert maintenance.trouble() == "failing failed (OperationalError)"
    assert len(caplog.records) == 1 and "secret" not in caplog.text

    away[0], now[0] = False, 130.0
    maintenance.round()
    assert maintenance.trouble() is None
    maintenance.stop()
    now[0] = 9000.0
    maintenance.round()
    assert done[-1] == "failing" and len(done) == 5
    maintenance.close()


def test_a_job_may_fail_in_any_way(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody thought of is told too, by its name alone, and the other jobs go on."""
    monkeypatch.setattr("proxy.maintenance.LOOK_SECONDS", 0.0)
    rounds: list[int] = []

    def failing(context: Any, stop: Any) -> None:
        raise RuntimeError("secret")

    jobs = (Job("failing", 1, failing), Job("other", 0, lambda context, stop: rounds.append(1)))
    context = _context(store, tmp_path)
    maintenance = Maintenance(lambda: context, jobs)

    async def kept() -> bool:
        task = asyncio.create_task(maintenance.keep())
        while len(rounds) < 3 and not task.done():
            await asyncio.sleep(0.001)
        return not task.cancel()

    assert asyncio.run(kept()) is False
    assert maintenance.trouble() == "failing failed (RuntimeError)"
    maintenance.close()


def test_a_loop_that_ends_is_told_and_leaves_its_turn(store: Store, tmp_path: Path) -> None:
    """So that another process maintains the database."""
    context = _context(store, tmp_path)
    contexts = [context]
    maintenance = Maintenance(contexts.pop, ())
    maintenance.round()
    assert take_turn(store, tmp_path) is None

    with pytest.raises(IndexError):
        asyncio.run(maintenance.keep())

    assert "maintenance failed" in (maintenance.trouble() or "")
    turn = take_turn(store, tmp_path)
    assert turn is not None
    turn.give_up()


def test_another_process_leaves_it(store: Store, tmp_path: Path) -> None:
    """While somebody has the turn, nothing is done here."""
    turn = take_turn(store, tmp_path)
    done: list[int] = []
    context = _context(store, tmp_path)
    maintenance = Maintenance(lambda: context, (Job("one", 1, lambda context, stop: done.append(1)),))
    maintenance.round()
    assert done == [] and turn is not None
    turn.give_up()
    until = time.monotonic() + 30  # A database lets go of a closed connection's lock a little later.
    while not done and time.monotonic() < until:
        maintenance.round()
    assert done == [1]
    maintenance.close()
