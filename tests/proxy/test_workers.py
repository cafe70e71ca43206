"""Several processes behind one socket: a real command, whose workers die."""

from __future__ import annotations

import os
import signal
import socket
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import cast

import pytest

from proxy.workers import STARTUP_FAILURE, Workers, _Place
from tests.proxy.test_listener import Server, ended, serving
from tests.proxy.test_server import lines_until

pytestmark = pytest.mark.long


def children(pid: int) -> set[int]:
    """The processes that a process has begun and that serve."""
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(each) for each in told if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()}


def wait_until_gone(pids: set[int]) -> None:
    """Returns when none of them runs."""
    until = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def answers(server: Server) -> bool:
    """Whether somebody serves."""
    return server.ready()[0] == 200


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_a_worker_that_dies_is_replaced_and_none_outlives_its_parent(tmp_path: Path) -> None:
    """Killed one by one, then the parent: the address is free at once."""
    with serving(tmp_path, "2", notice=0, drain=1) as server:
        first = children(server.process.pid)
        assert len(first) == 2
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        assert answers(server)
        second = children(server.process.pid)
        assert second and not second & first

        server.tell(signal.SIGKILL)
        wait_until_gone(second)
        with socket.socket() as bound:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(("127.0.0.1", server.port))
            bound.listen()


def test_the_third_signal_kills(tmp_path: Path) -> None:
    """Whatever the workers do: here they wait for a client that does not read."""
    with serving(tmp_path, "2", notice=60, drain=60) as server:
        for _ in range(3):
            told = server.tell()
            time.sleep(1)  # two that come at once are one
        # Long before the notice is over.
        assert ended(server, 40) == 0
        assert time.monotonic() - told < 40


def test_workers_that_cannot_start_stop_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is gained by starting them again."""
    # A worker imports this module, wherever the tests are run from.
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with socket.socket() as listening:
            assert Workers(_failing, listening, (), 2).run() == STARTUP_FAILURE
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_worker_that_cannot_start_is_tried_ever_more_rarely() -> None:
    """Half a second, then twice as long each time up to half a minute; one that lived for a while begins anew."""
    place = _Place(cast(BaseProcess, None), 0.0)
    pauses = []
    for _ in range(8):
        place.empty(place.began + 1)
        pauses.append(place.pause)
        place.began = place.due or 0.0
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30]
    place.empty(place.began + 61)
    assert place.pause == 0.5


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_a_worker_that_cannot_start_again_says_why_in_one_line(tmp_path: Path) -> None:
    """The others serve on; it comes back when the reason is gone."""
    with serving(tmp_path, "2", notice=0, drain=1) as server:
        assert answers(server)
        file = tmp_path / "guardhouse.yaml"
        good = file.read_text()
        file.write_text("model_list: [")
        first = children(server.process.pid)
        os.kill(min(first), signal.SIGKILL)
        said = lines_until(server.process, "a worker cannot start")
        said += lines_until(server.process, "ended with 1 and is replaced")
        assert answers(server)
        file.write_text(good)
        until = time.monotonic() + 60
        while len(children(server.process.pid)) < 2 or not answers(server):
            assert time.monotonic() < until
            time.sleep(0.1)
    assert "Traceback" not in said
    assert "guardhouse.yaml" in said


def _failing(listening: socket.socket) -> None:
    raise SystemExit(STARTUP_FAILURE)
