"""Callers without a good key: each is answered and counted, some have rows, the others share a gap record."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from proxy import strangers
from proxy.recorder import NotRecorded
from proxy.strangers import AT_ONCE, REASON, Strangers
from proxy.telemetry import Metrics
from tests.proxy.test_pipeline import ask, chat
from tests.servers import MemoryRecorder, Running, Upstream


class FullRecorder(MemoryRecorder):
    """Takes nothing."""

    def take(self, documents: Any) -> None:
        """There is no room."""
        raise NotRecorded("the spool is full")


@pytest.fixture
def metrics() -> Metrics:
    """Metrics that nobody has counted in."""
    return Metrics("1", "p@1")


def dropped(metrics: Metrics) -> float:
    """How many were counted."""
    name = "guardhouse_traces_dropped_total"
    return metrics.registry.get_sample_value(name, {"reason": REASON}) or 0.0


async def test_rows_and_gaps_add_up_to_all_that_came(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gap record comes by itself, once, and says how many it stands for."""
    monkeypatch.setattr(strangers, "EVERY_SECONDS", 0.05)
    made, recorder = Strangers(metrics), MemoryRecorder()

    rows = sum(made.may(recorder) for _ in range(1_000))
    while not recorder.documents:
        await asyncio.sleep(0.01)
    made.tell(recorder)

    [gap] = recorder.documents
    assert AT_ONCE <= rows < 1_000
    assert (gap["kind"], gap["reason"], gap["lost"]) == ("gap", REASON, 1_000 - rows)
    assert gap["started_us"] <= gap["ended_us"]
    assert dropped(metrics) == gap["lost"]


async def test_later_there_is_room_again(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more row for each time that has gone by, and never more than at first."""
    now = 100.0
    monkeypatch.setattr(strangers.time, "monotonic", lambda: now)
    made, recorder = Strangers(metrics), MemoryRecorder()
    first = sum(made.may(recorder) for _ in range(200))
    now += 3.5 * strangers.EVERY_SECONDS
    then = sum(made.may(recorder) for _ in range(200))
    now += 1e6
    last = sum(made.may(recorder) for _ in range(200))
    made.tell(recorder)

    assert (first, then, last) == (AT_ONCE, 3, AT_ONCE)


async def test_a_gap_that_is_not_taken_is_told_later(metrics: Metrics) -> None:
    """Nothing that was counted is forgotten while the spool is full."""
    made, full, recorder = Strangers(metrics), FullRecorder(), MemoryRecorder()
    for _ in range(AT_ONCE + 7):
        made.may(full)

    made.tell(full)
    made.tell(recorder)

    assert [gap["lost"] for gap in recorder.documents] == [7]


def test_a_flood_is_answered_and_bounded(proxy: Running, upstream: Upstream) -> None:
    """Every request is told 401; its callers' rows are bounded, and rows and gap are as many as requests."""
    flood = AT_ONCE + 20
    for n in range(flood):
        assert ask(proxy, chat(), headers={"authorization": f"Bearer guess-{n}"}).status == 401
    context, documents = proxy.app.context, proxy.recorder.documents
    proxy.loop.call_soon_threadsafe(context.strangers.tell, context.recorder)
    until = time.monotonic() + 10
    while "kind" not in documents[-1] and time.monotonic() < until:
        time.sleep(0.01)

    rows = [each for each in documents if "kind" not in each]
    [gap] = [each for each in documents if "kind" in each]
    assert len(rows) <= AT_ONCE + 1
    assert len(rows) + gap["lost"] == flood
    assert {row["http_status"] for row in rows} == {401}
    assert upstream.bodies == []
    assert ask(proxy, chat()).status == 200
