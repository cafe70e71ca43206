"""The record while something it needs is away: `python tests/bench/bench_outage.py [--quick] [--json]`.

A real server under eight callers, in turn: its PostgreSQL is stopped; its SQLite is locked by another process; its disk takes
not one byte more (RLIMIT_FSIZE of the running process), with the database there, and with neither and `on_full: block`. Each
for 60 seconds, after 20 seconds of load that warm its caches. Counted: what callers were told, how soon `/readyz` said no, how
much memory grew, and whether every exchange that was answered is a row afterwards, once.
"""

from __future__ import annotations

import http.client
import json
import re
import resource
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import create_engine, text

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.acceptance.services import Postgres
from tests.bench.report import Row, command
from tests.proxy.test_server import lines_until, start
from tests.servers import ADMIN_KEY

CALLERS = 8
CONFIG = """
model_list:
  - {model_name: echo, litellm_params: {model: fake/echo}}
guardhouse:
  policy: {name: p, rules: [{id: mail, check: pii, with: {entities: [EMAIL_ADDRESS]}, stages: [input], action: redact}]}
  shutdown: {notice_s: 0}
  spool: {on_full: %s}
"""


@dataclass
class Server:
    """A real server, and what its callers were told."""

    pid: int
    port: int
    statuses: Counter[int] = field(default_factory=Counter)
    answered: list[str] = field(default_factory=list)
    stop: bool = False

    def call(self, caller: int) -> None:
        """One request after another, every second one a stream, until told to stop."""
        number = 0
        while not self.stop:
            number += 1
            # Few texts: what is remembered of texts and runs would grow anyway, and is not what is measured.
            said = f"{caller}/{number % 20}: write to ada.lovelace@example.com "
            asked = {"role": "user", "content": said * 8}
            body = json.dumps({"model": "echo", "stream": number % 2 == 0, "messages": [asked]})
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            connection.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {ADMIN_KEY}"})
            answer = connection.getresponse()
            whole = answer.read()
            connection.close()
            good = answer.status == 200 and b'"error"' not in whole
            self.statuses[599 if answer.status == 200 and not good else answer.status] += 1
            if good:
                self.answered.append(answer.headers["x-guardhouse-trace-id"])
            time.sleep(0.02)

    def ready(self) -> bool:
        """Whether `/readyz` says so."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
        connection.close()
        return status == 200

    def memory(self) -> float:
        """Resident MB."""
        told = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        return int(told[1]) / 1024 if told else 0.0


@contextmanager
def serving(folder: Path, on_full: str = "drop", **variables: str) -> Iterator[Server]:
    """A server under load; it is stopped in the end, as one does."""
    variables |= {"GUARDHOUSE_ADMIN_KEY": ADMIN_KEY, "GUARDHOUSE_DATA_KEY": "6b" * 32}
    process = start(folder, config=CONFIG % on_full, **variables)
    port = int(lines_until(process, "listens on").rpartition("127.0.0.1:")[2].split()[0])
    server = Server(process.pid, port)
    callers = [threading.Thread(target=server.call, args=(each,), daemon=True) for each in range(CALLERS)]
    try:
        for caller in callers:
            caller.start()
        yield server
    finally:
        server.stop = True
        for caller in callers:
            caller.join(90)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
    while list((folder / "data" / "spool").rglob("*.log")):
        # It stopped before all was carried over; the next start goes on.
        process = start(folder, config=CONFIG % on_full, **variables)
        server.port = int(lines_until(process, "listens on").rpartition("127.0.0.1:")[2].split()[0])
        until = time.monotonic() + 60
        while not server.ready() and time.monotonic() < until:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)


def outage(
    name: str, server: Server, away: Callable[[], None], back: Callable[[], None], warm: float, seconds: float
) -> list[Row]:
    """What callers and operators notice while something is away."""
    time.sleep(warm)
    before, most, red = server.memory(), 0.0, float("nan")
    away()
    began = time.monotonic()
    while (gone := time.monotonic() - began) < seconds:
        if red != red and not server.ready():
            red = time.monotonic() - began
        most = max(most, server.memory())
        time.sleep(0.5)
    back()
    began = time.monotonic()
    while not server.ready() and time.monotonic() - began < 120:
        most = max(most, server.memory())
        time.sleep(0.1)
    well = time.monotonic() - began
    return [
        Row(f"{name}: health red after", red, "s", 30 if seconds >= 30 else None, must=seconds >= 30),
        Row(f"{name}: memory grew by", most - before, "MB", 50, must=True, note=f"of {before:.0f}; {gone:.0f} s away"),
        Row(f"{name}: healthy again after", well, "s"),
    ]  # fmt: skip


def told(name: str, server: Server, stored: Counter[str], refusals: bool = False) -> list[Row]:
    """What became of each exchange."""
    errors = sum(n for status, n in server.statuses.items() if status != 200)
    unkept = set(server.answered) - stored.keys()
    note = f"{len(server.answered):,} answered, {len(stored):,} rows"
    return [
        Row(f"{name}: refused with 503" if refusals else f"{name}: client errors", errors, "", None if refusals else 0,
            must=True, note=str(dict(server.statuses))),
        Row(f"{name}: answered and no row", len(unkept), "", 0, must=True, note=note),
        Row(f"{name}: rows twice", sum(n > 1 for n in stored.values()), "", 0, must=True),
    ]  # fmt: skip


def in_postgres(url: str) -> Counter[str]:
    """How often each exchange is stored there."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = Counter(connection.execute(text("SELECT id FROM span")).scalars())
        connection.execute(text("DELETE FROM span"))
        connection.commit()
    engine.dispose()
    return found


def in_sqlite(file: Path) -> Counter[str]:
    """The same."""
    with closing(sqlite3.connect(file, timeout=30)) as database:
        return Counter(id for (id,) in database.execute("select id from span"))


def sqlite_locked(warm: float, seconds: float) -> list[Row]:
    """Another process holds the lock of the database."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "data" / "guardhouse.sqlite3"
        with serving(folder) as server:
            other = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=30)
            rows = outage(
                "SQLite locked",
                server,
                lambda: other.execute("begin exclusive") and None,
                lambda: other.execute("rollback") and None,
                warm,
                seconds,
            )
            other.close()
        return rows + told("SQLite locked", server, in_sqlite(file))


def postgres_away(database: Postgres, warm: float, seconds: float) -> list[Row]:
    """The database is stopped as a crash would, and started again."""
    with tempfile.TemporaryDirectory() as name:
        with serving(Path(name), GUARDHOUSE_DATABASE_URL=database.url) as server:
            rows = outage("PostgreSQL away", server, database.stop, database.start, warm, seconds)
        return rows + told("PostgreSQL away", server, in_postgres(database.url))


def disk_full(database: Postgres, both: bool, warm: float, seconds: float) -> list[Row]:
    """No file grows by one byte; `both`: the database is away, too, and no trace may be lost."""
    name = "disk full and PostgreSQL away, block" if both else "disk full"
    with tempfile.TemporaryDirectory() as at:
        on_full = "block" if both else "drop"
        with serving(Path(at), on_full, GUARDHOUSE_DATABASE_URL=database.url) as server:
            hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)[1]

            def away() -> None:
                resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, hard))
                if both:
                    database.stop()

            def back() -> None:
                resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (hard, hard))
                if both:
                    database.start()

            rows = outage(name, server, away, back, warm, seconds)
        return rows + told(name, server, in_postgres(database.url), refusals=both)


def measure(quick: bool) -> Sequence[Row]:
    """Every outage."""
    warm, seconds = (2.0, 3.0) if quick else (20.0, 60.0)
    # PostgreSQL reads it as a user of its own.
    with tempfile.TemporaryDirectory() as name:
        database = Postgres(Path(name) / "postgres")
        database.start()
        try:
            return [
                *sqlite_locked(warm, seconds),
                *postgres_away(database, warm, seconds),
                *disk_full(database, False, warm, seconds),
                *disk_full(database, True, warm, seconds),
            ]
        finally:
            database.stop("fast")


if __name__ == "__main__":
    command(__doc__, measure)
