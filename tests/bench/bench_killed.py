"""`kill -9` at random moments: `python tests/bench/bench_killed.py [--quick] [--json]`.

A real server under six callers (streams and whole replies in turn, an address masked in each request) is killed so often, half
of the times in `group` mode and half in `strict`, and started again on the same spool and database. An exchange is acknowledged
when its caller has the complete reply; every acknowledged one must be a row, once, with its finding. Then a record in the
middle of what a killed server left is damaged: that one is missing and told as a gap, and no other.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.acceptance.killing import killed, settle, stored
from tests.bench.report import Row, command

SEED = 7


def measure(quick: bool) -> Sequence[Row]:
    """Both modes, and the damaged record."""
    times = 2 if quick else 26
    return [*in_mode("group", times), *in_mode("strict", times), *damaged()]


def in_mode(mode: str, times: int) -> list[Row]:
    """What is lost of what was acknowledged, after so many kills."""
    random, owed, port = Random(SEED), list[str](), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(times):
            answered, port = killed(folder, mode, port, random.uniform(0, 1))
            owed += answered
        settle(folder, mode, port)
        spans, findings = stored(folder)
        gaps = _gaps(folder)
    note = f"{times} kills, {len(owed):,} acknowledged, {len(spans):,} rows"
    return [
        Row(f"{mode}: acknowledged and lost", len(set(owed) - spans.keys()), "", 0, must=True, note=note),
        Row(f"{mode}: stored more than once", sum(n > 1 for n in spans.values()), "", 0, must=True),
        Row(f"{mode}: findings lost", sum(findings[id] != 1 for id in owed), "", 0, must=True),
        Row(
            f"{mode}: torn ends that were told as gaps",
            gaps,
            note="of exchanges that nobody had the reply of",
        ),
    ]


def damaged() -> list[Row]:
    """One byte in the middle of a spool is another one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        owed: set[str] = set()
        port = 0
        while True:
            answered, port = killed(folder, "group", port, 0.4)
            owed |= set(answered)
            segments = sorted((folder / "data" / "spool").rglob("*.log"))
            if segments and segments[-1].stat().st_size > 10_000:
                break
            time.sleep(0.1)
        data = bytearray(segments[-1].read_bytes())
        data[len(data) // 2] ^= 0x10
        segments[-1].write_bytes(data)
        settle(folder, "group", port)
        spans, _ = stored(folder)
        gaps = _gaps(folder)
    lost = len(owed - spans.keys())
    return [
        Row(
            "a byte damaged: exchanges lost",
            lost,
            "",
            1,
            must=True,
            note="0 when it was in the database already",
        ),
        Row("the same: told as gaps", gaps, "", 1 if lost else 0, True, must=True),
    ]


def _gaps(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "data" / "guardhouse.sqlite3", timeout=10)) as database:
        return int(database.execute("select coalesce(sum(lost), 0) from gap").fetchone()[0])


if __name__ == "__main__":
    command(__doc__, measure)
