"""The recorder: no acknowledged trace is lost, and no lost trace is kept quiet."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.recorder import NotRecorded, Options, Recorder
from proxy.spool import parse
from proxy.store.bodies import decode
from proxy.store.db import open_store
from proxy.store.queries import count_spans, get_trace
from proxy.store.spool_seal import Seal
from proxy.telemetry import Metrics
from tests.proxy.exchanges import SECRET, masked

KEY = b"k" * 32
ROOT = Path(__file__).resolve().parents[2]


class Sink:
    """A database that can be away."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []
        self.up = True
        self.unstorable: set[str] = set()

    def write(self, documents: list[dict[str, Any]]) -> list[str]:
        """Take documents, or fail as a database that is away."""
        if not self.up:
            raise ConnectionError
        self.documents += [one for one in documents if one["id"] not in self.unstorable]
        return [one["id"] for one in documents if one["id"] in self.unstorable]


def _until(true: Callable[[], Any], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def _recorder(root: Path, sink: Sink, options: Options = Options()) -> tuple[Recorder, Metrics]:
    metrics = Metrics("0", "p@1")
    recorder = Recorder(root, sink.write, metrics, Seal(KEY), options)
    recorder.start()
    return recorder, metrics


def spooled(root: Path) -> list[str]:
    """The ids of the documents in the segments, in order."""
    seal = Seal(KEY)
    files = (path.read_bytes() for path in sorted(root.rglob("*.log")))
    return [decode(seal.open(record))["id"] for data in files for record, _ in parse(data) if record]


def _dropped(metrics: Metrics, reason: str) -> float:
    return metrics.registry.get_sample_value("guardhouse_traces_dropped_total", {"reason": reason}) or 0.0


def test_what_is_recorded_reaches_the_database_once(tmp_path: Path) -> None:
    """Every exchange arrives, in order, and the spool is empty after closing."""
    sink = Sink()
    recorder, metrics = _recorder(tmp_path, sink)
    exchanges = [masked(str(n)) for n in range(500)]

    for exchange in exchanges:
        recorder.record(exchange)
    recorder.close()

    assert [one["id"] for one in sink.documents] == [exchange.id for exchange in exchanges]
    assert not list(tmp_path.rglob("*.log"))
    assert metrics.registry.get_sample_value("guardhouse_traces_written_total") == 500


async def test_strict_mode_acknowledges_what_is_on_disk(tmp_path: Path) -> None:
    """When `written` returns, the record is in a segment file, database or not."""
    sink = Sink()
    sink.up = False
    recorder, _ = _recorder(tmp_path, sink, Options(mode="strict"))
    exchange = masked()

    recorder.record(exchange, waits=True)
    await asyncio.wait_for(recorder.written(exchange.id), 5)

    assert exchange.id in spooled(tmp_path)
    recorder.close(0.1)


@pytest.mark.parametrize("mode", ["group", "strict"])
def test_the_kernel_has_it_when_record_returns(tmp_path: Path, mode: Any) -> None:
    """Before any thread has done anything: the end of the process loses it no more."""
    metrics = Metrics("0", "p@1")
    recorder = Recorder(tmp_path, Sink().write, metrics, Seal(KEY), Options(mode=mode))
    recorder._spool = recorder._carry = lambda: None  # type: ignore[method-assign]
    recorder.start()
    exchanges = [masked(str(n)) for n in range(3)]

    for exchange in exchanges:
        recorder.record(exchange)

    assert spooled(tmp_path) == [exchange.id for exchange in exchanges]
    recorder.close()


def test_a_database_that_was_away_gets_everything(tmp_path: Path) -> None:
    """While it is away traces pile up in the spool; when it is back they arrive, and readiness returns."""
    sink = Sink()
    sink.up = False
    recorder, _ = _recorder(tmp_path, sink)
    for n in range(50):
        recorder.record(masked(str(n)))
    _until(lambda: recorder.spool_bytes() > 0 and recorder.oldest_unwritten_seconds() > 0.02)

    sink.up = True
    _until(lambda: len(sink.documents) == 50)

    _until(lambda: recorder.oldest_unwritten_seconds() == 0)
    recorder.close()


def test_what_was_left_is_replayed_at_the_next_start(tmp_path: Path) -> None:
    """A proxy that stops while the database is away loses nothing."""
    away = Sink()
    away.up = False
    first, _ = _recorder(tmp_path, away)
    exchange = masked()
    first.record(exchange)
    first.close()

    sink = Sink()
    second, _ = _recorder(tmp_path, sink)
    second.close()

    assert [one["id"] for one in sink.documents] == [exchange.id]


def test_a_full_spool_counts_what_it_drops_and_leaves_a_gap(tmp_path: Path) -> None:
    """Loss is told twice: in the metric at once, and as a gap record among the traces."""
    sink = Sink()
    sink.up = False
    recorder, metrics = _recorder(tmp_path, sink, Options(max_bytes=4096))
    recorder.record(masked("x" * 5000))
    _until(lambda: recorder.spool_bytes() > 4096)

    recorder.record(masked())
    assert recorder.accepting
    sink.up = True
    _until(lambda: any(one.get("kind") == "gap" for one in sink.documents))

    gap = sink.documents[-1]
    assert (gap["reason"], gap["lost"], _dropped(metrics, "spool_full")) == ("spool_full", 1, 1)
    recorder.close()


async def test_a_full_spool_counts_each_exchange_of_strict_mode_once(tmp_path: Path) -> None:
    """Its caller is refused, which there is no room for either: that is one trace that is lost, not two."""
    away = Sink()
    away.up = False
    recorder, metrics = _recorder(tmp_path, away, Options("strict", max_bytes=1))
    recorder.record(masked(), waits=True)

    for _ in range(3):
        exchange = masked()
        recorder.record(exchange, waits=True)
        with pytest.raises(NotRecorded):
            await recorder.written(exchange.id)
        recorder.record(exchange)

    assert _dropped(metrics, "spool_full") == 3
    recorder.close(0.1)


def test_what_was_refused_is_offered_after_what_is_new(tmp_path: Path) -> None:
    """However much of it there is, nobody waits for it."""
    refused = tmp_path / "refused"
    refused.mkdir()
    for n in range(3):
        (refused / f"{n}.json").write_bytes(b'{"id": "%d"}' % n)
    sink = Sink()
    sink.up = False
    first, _ = _recorder(tmp_path, sink)
    exchange = masked()
    first.record(exchange)
    first.close(0.1)
    sink.up = True
    second, _ = _recorder(tmp_path, sink)

    _until(lambda: not list(refused.iterdir()))
    second.close()

    assert [one["id"] for one in sink.documents] == [exchange.id, "0", "1", "2"]


def test_a_full_spool_that_blocks_takes_no_more_requests(tmp_path: Path) -> None:
    """`on_full: block` refuses new requests, and still keeps those on their way."""
    sink = Sink()
    sink.up = False
    recorder, metrics = _recorder(tmp_path, sink, Options(max_bytes=4096, on_full="block"))
    recorder.record(masked("x" * 5000))
    _until(lambda: not recorder.accepting)

    recorder.record(masked())
    assert recorder.trouble() == "the spool is full"
    sink.up = True
    _until(lambda: len(sink.documents) == 2 and recorder.accepting)

    assert _dropped(metrics, "spool_full") == 0
    recorder.close()


async def test_an_exchange_that_cannot_be_encoded_is_counted_not_raised(tmp_path: Path) -> None:
    """Recording never breaks a request; strict mode hears of it."""
    sink = Sink()
    recorder, metrics = _recorder(tmp_path, sink, Options(mode="strict"))
    broken = masked(timings={object(): 1.0})

    recorder.record(broken)

    assert _dropped(metrics, "error") == 1
    with pytest.raises(NotRecorded):
        await recorder.written(broken.id)
    recorder.close()


async def test_a_disk_that_takes_nothing_is_told_and_recovered_from(tmp_path: Path) -> None:
    """Strict: `written` raises and nothing of it is kept. What nobody waits for is written when the disk takes it."""
    sink = Sink()
    sink.up = False
    recorder, _ = _recorder(tmp_path, sink, Options(mode="strict"))
    folder = tmp_path / "0000"
    folder.rename(tmp_path / "away")
    exchange, other = masked(), masked()

    recorder.record(exchange, waits=True)
    with pytest.raises(NotRecorded):
        await recorder.written(exchange.id)
    assert "cannot be written" in (recorder.trouble() or "")
    with pytest.raises(NotRecorded):
        recorder.take([{"id": "a"}])
    recorder.record(other)
    (tmp_path / "away").rename(folder)
    await asyncio.wait_for(recorder.written(other.id), 5)

    assert spooled(tmp_path) == [other.id]
    assert recorder.trouble() is None
    recorder.close(0.1)


@pytest.mark.parametrize("calls", ["pwrite", "fdatasync"])
def test_what_a_failing_disk_does_not_take_reaches_the_database_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: str
) -> None:
    """Past the spool, in order, once; what comes when the disk works again takes the usual way."""
    sink = Sink()
    recorder, _ = _recorder(tmp_path, sink)
    exchanges = [masked(str(n)) for n in range(600)]
    told = set[str | None]()
    with monkeypatch.context() as broken:
        broken.setattr(os, calls, _fails)
        for exchange in exchanges[:500]:
            recorder.record(exchange)
            # It is told until what waited has reached the database.
            told.add(recorder.trouble())
        _until(lambda: told.add(recorder.trouble()) or len(sink.documents) == 500)
        assert any("No space left" in (each or "") for each in told)
    for exchange in exchanges[500:]:
        recorder.record(exchange)
    _until(lambda: len(sink.documents) == 600 and recorder.trouble() is None)

    assert [one["id"] for one in sink.documents] == [exchange.id for exchange in exchanges]
    assert recorder.queued() == 0
    recorder.close()


def _fails(*_: Any) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("on_full", ["drop", "block"])
def test_memory_has_a_bound_and_what_does_not_fit_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_full: Any
) -> None:
    """Neither disk nor database: what waits is bounded, `block` refuses before anything is lost."""
    sink = Sink()
    sink.up = False
    monkeypatch.setattr("proxy.recorder.MEMORY_BYTES", 20_000)
    monkeypatch.setattr(os, "pwrite", _fails)
    recorder, metrics = _recorder(tmp_path, sink, Options(on_full=on_full))

    recorder.record(masked("x" * 11_000))
    assert recorder.accepting == (on_full == "drop")
    recorder.record(masked("x" * 11_000))

    assert _dropped(metrics, "memory_full") == 1
    assert recorder.queued() == 1
    recorder.close(0.1)


def test_a_segment_whose_records_are_in_the_database_is_soon_deleted(tmp_path: Path) -> None:
    """Also when nothing more comes: what was erased from the database is not left in the spool."""
    sink = Sink()
    recorder, _ = _recorder(tmp_path, sink, Options(segment_seconds=0.0))

    recorder.record(masked())

    _until(lambda: len(sink.documents) == 1 and not list(tmp_path.rglob("*.log")))
    _until(lambda: recorder.spool_bytes() == 0)
    recorder.close()


def test_a_damaged_record_is_skipped_counted_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What follows a damaged record is read, and the damage is not kept quiet."""
    away = Sink()
    away.up = False
    first, _ = _recorder(tmp_path, away)
    exchanges = [masked(str(n)) for n in range(3)]
    for exchange in exchanges:
        first.record(exchange)
    first.close()
    (path,) = tmp_path.rglob("*.log")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)

    sink = Sink()
    with caplog.at_level(logging.WARNING):
        second, metrics = _recorder(tmp_path, sink)
        second.close()

    traces = [one["id"] for one in sink.documents if "kind" not in one]
    assert traces == [exchanges[0].id, exchanges[2].id]
    assert _dropped(metrics, "corrupt") == 1
    assert caplog.text.count("skipped 1 damaged places") == 1
    assert [(one["reason"], one["lost"]) for one in sink.documents if "kind" in one] == [("corrupt", 1)]


def test_a_document_no_database_takes_is_put_aside(tmp_path: Path) -> None:
    """One unstorable trace neither stops the others nor disappears."""
    sink = Sink()
    recorder, metrics = _recorder(tmp_path, sink)
    bad, good = masked(), masked()
    sink.unstorable = {bad.id}

    recorder.record(bad)
    recorder.record(good)
    recorder.close()

    assert [one["id"] for one in sink.documents if "kind" not in one] == [good.id]
    assert [(one["reason"], one["lost"]) for one in sink.documents if "kind" in one] == [("refused", 1)]
    assert _dropped(metrics, "refused") == 1
    (kept,) = (tmp_path / "refused").iterdir()
    assert bad.id.encode() not in kept.read_bytes()
    assert decode(Seal(KEY).open(kept.read_bytes()))["id"] == bad.id


KILLED = """
import asyncio, sys
from pathlib import Path
from proxy.recorder import Options, Recorder
from proxy.store.spool_seal import Seal
from proxy.telemetry import Metrics
from tests.proxy.exchanges import masked

def away(documents):
    raise ConnectionError

async def main():
    recorder = Recorder(Path(sys.argv[1]), away, Metrics("0", "p@1"), Seal(b"k" * 32), Options(mode="strict", segment_bytes=20_000))
    recorder.start()
    while True:
        exchanges = [masked(str(n)) for n in range(3)]
        for exchange in exchanges:
            recorder.record(exchange, waits=True)
        for exchange in exchanges:
            await recorder.written(exchange.id)
            sys.stdout.write(exchange.id + "\\n")
        sys.stdout.flush()

asyncio.run(main())
"""


def test_kill_9_loses_no_acknowledged_trace(tmp_path: Path) -> None:
    """Killed at any moment, every id that was acknowledged is in the database exactly once after a restart."""
    spool, acknowledged = tmp_path / "spool", []
    for round in range(3):
        victim = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(spool)], stdout=subprocess.PIPE, cwd=ROOT, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert victim.stdout is not None
        acknowledged += [victim.stdout.readline().strip() for _ in range(30 + 7 * round)]
        victim.send_signal(signal.SIGKILL)
        acknowledged += [line.strip() for line in victim.stdout if len(line) == 33]
        victim.stdout.close()
        victim.wait()

    store = open_store(f"sqlite:///{tmp_path / 'db.sqlite3'}", KEY)
    for _ in range(2):
        recorder = Recorder(spool, store.write, Metrics("0", "p@1"), Seal(KEY))
        recorder.start()
        recorder.close()

    assert len(acknowledged) > 90
    assert [id for id in acknowledged if get_trace(store, id) is None] == []
    assert count_spans(store) < len(acknowledged) + 3 * 6
    store.close()


def test_nothing_raw_reaches_a_disk(tmp_path: Path) -> None:
    """A value of the raw request is in no byte of spool, database or log; in the spool nothing can be read at all."""
    store = open_store(f"sqlite:///{tmp_path / 'db.sqlite3'}", KEY)
    writing = [False, False]

    def write(documents: list[dict[str, Any]]) -> list[str]:
        if not writing[0]:
            raise ConnectionError
        return store.write(documents)

    recorder = Recorder(tmp_path / "spool", write, Metrics("0", "p@1"), Seal(KEY))
    recorder.start()
    recorder.record(masked(timings={"marker-of-the-trace": 1.0}))
    _until(lambda: recorder.spool_bytes() > 0)
    on_disk = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert len(spooled(tmp_path)) == 1
    assert b"marker-of-the-trace" not in on_disk
    writing[0] = True
    _until(lambda: count_spans(store) == 1)
    on_disk += b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    assert SECRET.encode() not in on_disk
    assert not any(SECRET in str(get_trace(store, row)) for row in _ids(store))
    recorder.close()
    store.close()


def _ids(store: Any) -> list[str]:
    from proxy.store.queries import list_spans

    return [row["id"] for row in list_spans(store).items]
