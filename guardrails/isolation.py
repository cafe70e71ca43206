"""A check in a process of its own: it may hang, crash or print, and only its own answer is lost.

What a thread cannot do to a check that hangs, a process can: it is killed, and started again. One process a
check, asked one thing at a time, in the order of the questions. One that is late, but may only be slow, is given
as long again as starting another would take, before it is killed: so waiting never costs more than twice that.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import weakref
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from time import monotonic
from typing import Any

from guardrails.check import entry
from guardrails.errors import BadResult, CheckError, CheckRaised, GuardrailsError, ModelError, WorkerDied
from guardrails.types import Segment, Span
from guardrails.worker import HEAD, MAX_ANSWER, frame, message, question

PATIENCE = 60.0
"""Seconds in which a check must have been built."""

DEATHS, WINDOW, REST = 3, 60.0, 5.0
"""A process that died this often within so many seconds is left alone for the last number of seconds."""

_MAIN = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from guardrails.worker import main; main()"


class Isolated:
    """A check that runs in a process of its own. Use `isolate` to make one."""

    def __init__(self, worker: _Worker, limit: float, streams: bool) -> None:
        self.could_stream = streams
        """Whether it is a scanner, which could work on a stream if it ran in this process."""
        self._worker, self._limit = worker, limit
        self._deaths: list[float] = []
        self._rested = 0.0
        weakref.finalize(self, worker.close)

    async def __call__(self, segments: Sequence[Segment], /) -> list[list[Span]]:
        """Spans found in each segment, in the order of the segments.

        Whoever calls sets the limit on waiting; cancelled, it leaves at once, and what was asked is finished or
        killed. Raises TimeoutError when it was killed, WorkerDied when it died or rests, CheckRaised with the class
        of what the check raised, ModelError when that was one, BadResult when the answer is not spans.
        """
        now = asyncio.get_running_loop().time()
        if now < self._rested:
            raise WorkerDied(f"it died {DEATHS} times within {WINDOW:g} seconds")
        try:
            return await asyncio.wrap_future(self._worker.submit(segments, self._limit))
        except WorkerDied:
            self._deaths = [death for death in self._deaths if now - death < WINDOW] + [now]
            if len(self._deaths) >= DEATHS:
                self._rested = now + REST
            raise

    async def aclose(self) -> None:
        """Ends the process; what was asked and not answered raises WorkerDied. It also ends with the object."""
        await asyncio.to_thread(self._worker.close, wait=True)


def isolate(name: str, options: dict[str, Any], limit: float, patience: float = PATIENCE) -> Isolated | None:
    """The check of that name in a process of its own; None when it may run in this process.

    The process is started, and builds the check, before this returns: here nothing of it is imported.

    Args:
        limit: seconds that one call may take; when it has taken as long again as a start takes, it is killed.
        patience: seconds that building the check may take.

    Raises CheckError with the reason when the check cannot be built, or its process dies or hangs over it.
    """
    recipe = [name, entry(name).value, options]
    try:
        frame(recipe)
    except (TypeError, ValueError, RecursionError):
        raise CheckError(
            f"check {name!r}: its options must be text, numbers, lists and mappings of them; quote a date."
        ) from None
    worker = _Worker(recipe, patience)
    try:
        kind, *rest = worker.start()
    except GuardrailsError:
        worker.close()
        raise
    if kind == "in process":
        worker.close()
        return None
    return Isolated(worker, limit, streams=bool(rest[0]))


class _Process:
    """One started process."""

    def __init__(self) -> None:
        path = json.dumps([place for place in sys.path if isinstance(place, str)])
        # A group of its own: a signal from the terminal passes it by, and a kill takes its children along.
        self._popen = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", _MAIN, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            process_group=0,
        )
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._questions, self._answers = self._popen.stdin.fileno(), self._popen.stdout.fileno()
        os.set_blocking(self._questions, False)

    def ask(self, asked: bytes, seconds: float) -> list[Any]:
        """Its answer. Raises TimeoutError when it is late, WorkerDied when it died or answered nonsense.

        After either it is of no more use.
        """
        until = monotonic() + seconds
        try:
            self._write(asked, until)
            size = int.from_bytes(self._read(HEAD, until), "big")
            answer = message(self._read(size, until)) if size <= MAX_ANSWER else None
        except TimeoutError:
            raise
        except (OSError, EOFError, ValueError, RecursionError):
            answer = None
        if not isinstance(answer, list) or not answer:
            raise WorkerDied
        return answer

    def _write(self, data: bytes, until: float) -> None:
        left = memoryview(data)
        while left:
            _wait(self._questions, select.POLLOUT, until)
            left = left[os.write(self._questions, left) :]

    def _read(self, size: int, until: float) -> bytes:
        data = bytearray()
        while len(data) < size:
            _wait(self._answers, select.POLLIN, until)
            piece = os.read(self._answers, size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)

    def kill(self) -> None:
        """Ends it now, and whatever it started."""
        if self._popen.returncode is not None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)

    def end(self) -> None:
        """Kills it, waits until it is gone, and closes the pipes."""
        self.kill()
        self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                pipe.close()


class _Worker:
    """A check's process and the thread that speaks with it; what is asked meanwhile waits in order."""

    def __init__(self, recipe: list[Any], patience: float) -> None:
        self._recipe, self._patience = recipe, patience
        self._process: _Process | None = None
        self._closed = False
        self._start_took = 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"check-{recipe[0]}")

    def start(self) -> list[Any]:
        """Starts a process and lets it build the check; returns what it says. Raises CheckError."""
        name, began = self._recipe[0], monotonic()
        try:
            self._process = process = _Process()
        except OSError as error:
            raise CheckError(f"check {name!r}: no process can be started: {error.strerror}.") from None
        if self._closed:
            process.kill()
        try:
            answer = process.ask(frame(self._recipe), self._patience)
        except (TimeoutError, WorkerDied) as error:
            self._end()
            how = f"took over {self._patience:g} seconds" if isinstance(error, TimeoutError) else "died"
            raise CheckError(f"check {name!r}: the process that was to build it {how}.") from None
        if answer[0] == "refused":
            self._end()
            raise CheckError(str(answer[1]))
        self._start_took = monotonic() - began
        return answer

    def submit(self, segments: Sequence[Segment], limit: float) -> Future[list[list[Span]]]:
        """The spans to come for some segments. Raises WorkerDied when closed."""
        if self._closed:
            raise WorkerDied
        return self._thread.submit(self._ask, segments, limit)

    def close(self, wait: bool = False) -> None:
        """Ends the process; what was submitted and is not answered raises WorkerDied."""
        self._closed = True
        if process := self._process:
            process.kill()
        try:
            self._thread.submit(self._end)
        except RuntimeError:  # closed before, or the interpreter is going: then the thread has gone
            self._end()
        self._thread.shutdown(wait)

    def _ask(self, segments: Sequence[Segment], limit: float) -> list[list[Span]]:
        self._revive()
        if self._process is None:
            raise WorkerDied
        try:
            patience = limit + self._start_took
            answer = self._process.ask(question(patience, segments), patience)
        except (TimeoutError, WorkerDied):
            self._end()
            with suppress(RuntimeError):
                self._thread.submit(self._revive)
            raise
        return _spans(answer)

    def _revive(self) -> None:
        """Starts a process if there is none, so that the next question need not wait for it."""
        if self._process is None and not self._closed:
            with suppress(CheckError):
                self.start()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end()


def _wait(file: int, event: int, until: float) -> None:
    """Returns when a file is ready. Raises TimeoutError when it is not by the time `until` (monotonic)."""
    poll = select.poll()
    poll.register(file, event)
    if not poll.poll(max(0.0, until - monotonic()) * 1000):
        raise TimeoutError


def _spans(answer: list[Any]) -> list[list[Span]]:
    """The spans in a process's answer. Raises what the check raised, or BadResult."""
    if answer[0] == "raised" and len(answer) == 3:
        raise ModelError if answer[2] else CheckRaised(str(answer[1])[:64])
    try:
        return [[Span(*span) for span in spans] for spans in answer[1]]
    except (IndexError, TypeError):
        raise BadResult from None
