"""Processes that are measured: started on one core, what they cost in CPU and memory, and when they are done (Linux)."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


def cores() -> tuple[int, int]:
    """The core of the proxies, and the core of provider and load; the same one where there is only one."""
    if not hasattr(os, "sched_getaffinity"):
        raise SystemExit("this benchmark reads /proc and pins processes: it needs Linux")
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """This process, and what it starts meanwhile, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    """A port nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Process:
    """A process and its descendants. What it prints goes to `log`, or nowhere."""

    def __init__(
        self,
        command: Sequence[str],
        core: int,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
        folder: Path | None = None,
    ) -> None:
        with pinned(core), Path(log or os.devnull).open("ab") as out:
            self._running = subprocess.Popen(
                list(command),
                env={**os.environ, "PYTHONPATH": "" if folder else str(ROOT), **(environment or {})},
                cwd=folder or ROOT,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    @property
    def ended(self) -> bool:
        """Whether it is no more."""
        return self._running.poll() is not None

    def tree(self) -> list[int]:
        """The ids of the process and its descendants."""
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                    children.setdefault(parent, []).append(int(entry.name))
        found = [self._running.pid]
        for pid in found:
            found += children.get(pid, [])
        return found

    def cpu(self) -> float:
        """Seconds of CPU the whole tree has used, to the nanosecond: the clocks that Linux keeps for each process."""
        spent = 0.0
        for pid in self.tree():
            with contextlib.suppress(OSError):
                spent += time.clock_gettime((~pid << 3) | 2)
        return spent

    def settled(self, limit: float = 3.0) -> float:
        """`cpu` when the work left behind (what is still written to a database) is done, or after `limit` seconds."""
        until, before = time.perf_counter() + limit, self.cpu()
        while time.perf_counter() < until:
            time.sleep(0.06)
            now = self.cpu()
            if now - before < 0.003:
                return now
            before = now
        return before

    def memory(self) -> float:
        """Proportional set size of the whole tree in MB."""
        kilobytes = 0
        for pid in self.tree():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        kilobytes += int(line.split()[1])
        return kilobytes / 1024

    def stop(self) -> None:
        """End it and what it started."""
        for each in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pid, each)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._running.wait(15)
                return


def module(name: str, *arguments: object) -> list[str]:
    """The command that runs one of the benchmarks' modules."""
    return [sys.executable, "-m", f"tests.bench.{name}", *map(str, arguments)]


def wait_for(port: int, process: Process, limit: float = 120) -> None:
    """Until somebody listens.

    Raises:
        RuntimeError: the process ended, or nobody listens in time.
    """
    until = time.perf_counter() + limit
    while time.perf_counter() < until and not process.ended:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.005)
    raise RuntimeError("it ended" if process.ended else f"nobody listens on {port}")
