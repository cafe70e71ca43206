"""A run that is stopped, or whose target goes away: what was answered stays."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from evals.errors import TargetError
from evals.runner import Broken, Interrupted, heeding
from tests.evals import timeless
from tests.evals.test_runner import Provider, Scripted, go, played


def test_a_key_that_is_refused_in_mid_run_ends_it_and_what_is_there_stays(tmp_path: Path) -> None:
    """No call after that; the items so far come with the error, and the next run asks the rest."""
    target = Provider({("c3", 0): ["refuse"]})

    with pytest.raises(Broken, match="the key is refused: give another") as raised:
        played(target, tmp_path / "j", concurrency=1)
    again = Provider()
    played(again, tmp_path / "j")

    assert [item.id for item in raised.value.items] == ["c0", "c1", "c2"]
    assert sorted(target.tries) == [("c0", 0), ("c1", 0), ("c2", 0), ("c3", 0)]
    assert sorted(again.tries) == [("c3", 0), ("c4", 0), ("c5", 0)]


async def test_a_target_that_is_gone_leaves_what_was_answered_before(tmp_path: Path) -> None:
    """What the journal has is scored, so that a report is not emptier than the one of before."""

    class Gone(Scripted):
        async def probe(self) -> None:
            raise TargetError("not there")

    first = Scripted()
    first.fail = {"c1": "down", "c4": "down"}
    await go(first, tmp_path / "j")
    with pytest.raises(Broken, match="not there") as raised:
        await go(Gone(), tmp_path / "j")

    assert [item.id for item in raised.value.items] == ["c0", "c2", "c3", "c5"]
    assert all(item.scores["length"].value == 2 for item in raised.value.items)


def test_stopping_lets_what_is_under_way_come_to_its_end(tmp_path: Path) -> None:
    """Two calls are open, one waits for its next try: the open ones are kept, nothing else begins."""
    target = Provider({("c0", 0): ["break", "break"]})

    async def stopped() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(1.001, stop.set)
        await go(target, tmp_path / "j", concurrency=2, stop=stop)

    with pytest.raises(Interrupted, match="interrupted after 3 answers: go on with the same --out") as raised:
        timeless.run(stopped())
    again = Provider()
    items = played(again, tmp_path / "j")

    assert [item.id for item in raised.value.items] == ["c1", "c2", "c3"]
    assert sorted(place for place, _ in again.tries) == ["c0", "c4", "c5"]
    assert items[0].output.attempts == 2


def test_a_run_that_is_stopped_again_gives_all_that_is_there(tmp_path: Path) -> None:
    """Also what comes after the first call that was never made."""
    target = Provider({("c2", 0): ["error"]})
    played(target, tmp_path / "j")

    async def stopped() -> None:
        stop = asyncio.Event()
        stop.set()
        await go(Provider({("c2", 0): ["hang"]}), tmp_path / "j", stop=stop, concurrency=1, timeout_s=5)

    with pytest.raises(Interrupted) as raised:
        timeless.run(stopped())

    assert [item.id for item in raised.value.items] == ["c0", "c1", "c3", "c4", "c5"]


async def test_the_first_ctrl_c_stops_and_the_second_cancels(tmp_path: Path) -> None:
    """Real signals; afterwards Ctrl-C is what it was."""
    before, stop = signal.getsignal(signal.SIGINT), asyncio.Event()

    async def work() -> None:
        with heeding(stop):
            os.kill(os.getpid(), signal.SIGINT)
            await stop.wait()
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(60)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.ensure_future(work())
    assert signal.getsignal(signal.SIGINT) is before


async def test_without_a_main_thread_ctrl_c_is_left_alone() -> None:
    """A run in a thread of somebody else's program."""

    async def work() -> bool:
        with heeding(asyncio.Event()):
            return True

    assert await asyncio.to_thread(asyncio.run, work())
