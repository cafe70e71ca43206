"""Marks: what is remembered of runs, for how long, here and in Redis."""

from __future__ import annotations

import asyncio

import pytest

from proxy.exchange import new_id
from proxy.marks import MOST_RUNS, Mark, Marks, SharedMarks
from tests.proxy.test_vaults import Clock, redis_url

A, B = "a" * 32, "b" * 32


def test_the_last_mark_of_each_run_counts_the_newest_last() -> None:
    """A run that is marked again has one mark, behind the others."""
    marks = Marks(60, Clock())
    now = marks.now()
    marks.add([("k", Mark(A, "q", now)), ("k", Mark(B, "q", now)), ("k", Mark(A, "u", now))])

    assert marks.found(["k", "unknown"]) == {"k": [Mark(B, "q", now), Mark(A, "u", now)]}


def test_marks_are_forgotten_by_age_and_by_number() -> None:
    """A run that is idle for too long is not gone on with; memory does not grow without end."""
    clock = Clock()
    marks = Marks(60, clock, most=3)
    marks.add([("old", Mark(A, "q", marks.now()))])
    clock.now += 61
    assert marks.found(["old"]) == {}

    marks.add([(str(n), Mark(A, "q", marks.now())) for n in range(10)])
    marks.add([("9", Mark(f"{n:032x}", "q", marks.now())) for n in range(100)])
    assert len(marks) == 3
    assert len(marks.found(["9"])["9"]) == MOST_RUNS


@pytest.mark.services
async def test_what_one_proxy_marks_another_finds() -> None:
    """In order, bounded; what stands there in another form is passed over."""
    one, other, key = SharedMarks(redis_url(), 60), SharedMarks(redis_url(), 60), new_id()

    await one.add([(key, Mark(A, "q", 5)), (key, Mark(B, "a", 6))])
    await one._client.rpush(f"guardhouse:run:{key}", "nonsense")

    assert await other.found([key, new_id()]) == {key: [Mark(A, "q", 5), Mark(B, "a", 6)]}
    assert 0 < await one._client.ttl(f"guardhouse:run:{key}") <= 60
    await one.add([(key, Mark(A, "q", 7))] * 100)
    assert len((await other.found([key]))[key]) == 2 * MOST_RUNS
    await asyncio.gather(one.aclose(), other.aclose())


async def test_a_redis_that_is_away_is_asked_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is raised, one line is logged, and the next requests do not wait for it at all."""
    clock = Clock()
    shared = SharedMarks("redis://:password@127.0.0.1:1/0", 60, clock)

    assert await shared.found(["k"]) == {}
    await shared.add([("k", Mark(A, "q", 5))])
    assert await shared.found(["k"]) == {}
    assert len(caplog.records) == 1
    assert "password" not in caplog.text
    clock.now += 6
    await asyncio.gather(*(shared.found(["k"]) for _ in range(9)))
    assert len(caplog.records) == 1, "an outage is told once, however many requests meet it"
    await shared.aclose()


@pytest.mark.services
async def test_each_outage_of_redis_is_told_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests that meet it together say it once; its end is said, and the next outage is another."""
    clock = Clock()
    shared, gone = SharedMarks(redis_url(), 60, clock), SharedMarks("redis://127.0.0.1:1/0", 60)
    for client in (gone._client, shared._client) * 2:
        with monkeypatch.context() as patched:
            patched.setattr(shared, "_client", client)
            await asyncio.gather(*(shared.found([new_id()]) for _ in range(9)))
        clock.now += 6

    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "runs are grouped from memory alone",
        "runs are grouped over all processes again",
    ] * 2
    await asyncio.gather(shared.aclose(), gone.aclose())
