"""Services of a test's own that it may stop and start: a PostgreSQL cluster and a Redis, each on a free port."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def free_port() -> int:
    """A port nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


def needed(program: str) -> str:
    """The path of a program; without it the test is skipped, or fails where services are required."""
    found = shutil.which(program) or next(
        (str(each / program) for each in BINARIES if (each / program).exists()), None
    )
    if found is None:
        if os.environ.get("GUARDHOUSE_REQUIRE_SERVICES") == "1":
            pytest.fail(f"{program} must be installed")
        pytest.skip(f"{program} is not installed")
    return found


def wait_for_port(port: int, limit: float = 60.0) -> None:
    """Returns when somebody listens there."""
    until = time.monotonic() + limit
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < until, f"nobody listens on {port}"
            time.sleep(0.05)


class Postgres:
    """A cluster in a folder. PostgreSQL does not run as root: there it runs as `postgres`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._ctl = needed("pg_ctl")
        self._user = "postgres" if os.geteuid() == 0 else getpass.getuser()
        folder.mkdir(parents=True)
        if os.geteuid() == 0:
            for each in (folder, *folder.parents):
                if each.stat().st_uid == 0 and not each.stat().st_mode & 0o001:
                    each.chmod(each.stat().st_mode | 0o011)
            shutil.chown(folder, self._user)
        self._run(str(Path(self._ctl).resolve().parent / "initdb"), "-A", "trust", "-D", str(folder / "data"))

    @property
    def url(self) -> str:
        """SQLAlchemy URL of its database."""
        return f"postgresql+psycopg://{self._user}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and return when it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        log = str(self.folder / "log")
        self._run(self._ctl, "-D", str(self.folder / "data"), "-o", options, "-l", log, "-w", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it at once, as a crash would."""
        self._run(self._ctl, "-D", str(self.folder / "data"), "-m", mode, "-w", "-t", "180", "stop")

    def _run(self, *command: str) -> None:
        user = ["runuser", "-u", self._user, "--"] if os.geteuid() == 0 else []
        done = subprocess.run(
            [*user, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", timeout=240
        )
        assert done.returncode == 0, command


class Redis:
    """A server without a file."""

    def __init__(self) -> None:
        self.port = free_port()
        self._program = needed("redis-server")
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and return when it answers."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._running = subprocess.Popen([self._program, *options], stdout=subprocess.DEVNULL)
        wait_for_port(self.port)

    def stop(self) -> None:
        """End it."""
        if self._running is not None:
            self._running.kill()
            self._running.wait(30)
            self._running = None
