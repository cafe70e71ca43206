"""Several server processes behind one socket: started, replaced when they die, stopped together."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from socket import socket

STARTUP_FAILURE = 3
"""uvicorn's exit status for an app that does not start: starting it again would not help."""
_LOOK_SECONDS = 0.2
_RESTART_SECONDS = 0.5
"""How long a place stays empty after its worker ended; twice as long each time that the next one ends soon."""
_LONGEST_SECONDS = 30.0
_SOON_SECONDS = 60.0
"""How long a worker has to live to be worth the first pause again."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Place:
    """Where a worker runs, or will run again."""

    process: BaseProcess
    began: float
    """When, on the monotonic clock."""
    pause: float = 0.0
    """Seconds that it was empty last."""
    due: float | None = None
    """When the next one is to begin; None while one runs."""

    def empty(self, now: float) -> None:
        """Its worker ended."""
        again = now - self.began < _SOON_SECONDS and self.pause > 0
        self.pause = min(_LONGEST_SECONDS, 2 * self.pause) if again else _RESTART_SECONDS
        self.due = now + self.pause


class Workers:
    """So many processes that run `work(listening, *arguments)` until a signal comes, which each of them gets.

    Args:
        work: a function of a module; it serves, and answers SIGTERM and SIGINT.
        listening: the socket; closed here when a signal comes, and by each worker in its own time.
        arguments: what else it is given; must be picklable.
        count: how many.
    """

    def __init__(
        self, work: Callable[..., None], listening: socket, arguments: Sequence[object], count: int
    ) -> None:
        self._work, self._arguments, self._count = work, (listening, *arguments), count
        self._listening = listening
        self._spawning = multiprocessing.get_context("spawn")
        # As long as somebody holds this end, the parent lives: no worker outlives it.
        self._alive, self._held = self._spawning.Pipe(duplex=False)
        self._places: list[_Place] = []
        self._told: list[int] = []

    def run(self) -> int:
        """Run them until a signal comes and all have ended; the exit status of the whole."""
        for each in _SIGNALS:
            signal.signal(each, lambda number, frame: self._told.append(number))
        signal.signal(signal.SIGHUP, lambda number, frame: self._pass_on(number))
        self._places = [_Place(self._started(), time.monotonic()) for _ in range(self._count)]
        failed = False
        while not self._told and not failed:
            wait([process.sentinel for process in self._alive_now()], _LOOK_SECONDS)
            failed = self._replace()
        if failed:
            self._told.append(signal.SIGTERM)
        self._stop()
        for each in _SIGNALS:  # One that comes now would make a failure of an end in order.
            signal.signal(each, signal.SIG_IGN)
        return STARTUP_FAILURE if failed else 0

    def _started(self) -> BaseProcess:
        process = self._spawning.Process(
            target=_served, args=(self._alive, self._work, *self._arguments), daemon=False
        )
        process.start()
        return process

    def _replace(self) -> bool:
        """Start a new process for each that died; whether one could not even start."""
        for place in self._places:
            if place.process.is_alive() or self._told:
                continue
            if place.process.exitcode == STARTUP_FAILURE:
                return True
            now = time.monotonic()
            if place.due is None:
                place.empty(now)
                told = "a worker ended with %s and is replaced in %.1f s"
                _log.warning(told, place.process.exitcode, place.pause)
            elif now >= place.due:
                place.process, place.began, place.due = self._started(), now, None
        return False

    def _alive_now(self) -> list[BaseProcess]:
        return [place.process for place in self._places if place.process.is_alive()]

    def _pass_on(self, number: int) -> None:
        for process in self._alive_now():
            _tell(process, number)

    def _stop(self) -> None:
        """Pass on every signal that comes, until all have ended; the third one kills."""
        self._listening.close()
        passed = 0
        while self._alive_now():
            while passed < len(self._told):
                for process in self._alive_now():
                    _tell(process, self._told[passed] if passed < 2 else signal.SIGKILL)
                passed += 1
            wait([process.sentinel for process in self._alive_now()], _LOOK_SECONDS)


def _tell(process: BaseProcess, number: int) -> None:
    if process.is_alive() and process.pid is not None:
        os.kill(process.pid, number)


def _served(alive: Connection, work: Callable[..., None], *arguments: object) -> None:
    """One worker. Its signals come from its parent: a terminal's Ctrl-C would reach it a second time."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    threading.Thread(target=_follow, args=(alive,), daemon=True).start()
    work(*arguments)


def _follow(alive: Connection) -> None:
    """Stop in order when the parent is gone."""
    try:
        alive.recv()
    except EOFError:
        os.kill(os.getpid(), signal.SIGTERM)
