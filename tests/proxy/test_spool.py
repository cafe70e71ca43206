"""The spool: what was acknowledged is read back, whatever happened to the rest."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.spool import MAGIC, START, Position, Reader, SpoolError, Writer, claim, frame, orphans, parse


def put(writer: Writer, records: list[bytes]) -> None:
    """Append, and see to it that it is on disk, as the recorder does."""
    writer.append(records)
    writer.retire()
    position = writer.position
    writer.flush()
    writer.flushed(position)


def _writer(root: Path, segment_bytes: int = 1 << 20) -> tuple[Writer, Reader]:
    slot = claim(root)
    reader = Reader(slot)
    return Writer(slot, reader.end(), segment_bytes), reader


def test_records_come_back_in_order_over_segments(tmp_path: Path) -> None:
    """A small segment size makes several files; reading goes through them in order."""
    writer, reader = _writer(tmp_path, 64)
    records = [f"record {n}".encode() for n in range(21)]
    for record in records:
        put(writer, [record])

    read: list[bytes] = []
    while (batch := reader.read(writer.position, most=3)).records:
        read += batch.records
        reader.forget(batch.next)

    assert read == records
    assert len(reader.slot.segments()) == 1


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=6), st.data())
def test_one_damaged_byte_costs_at_most_one_record(records: list[bytes], data: st.DataObject) -> None:
    """Reading goes on at the next good record, and the damage is reported."""
    whole = b"".join(map(frame, records))
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]

    read = [record for record, _ in parse(damaged)]

    kept = [record for record in read if record is not None]
    assert len(kept) == len(records) - 1
    assert read.count(None) == 1


@given(st.lists(st.binary(max_size=40), max_size=5), st.integers(0, 400))
def test_a_torn_end_costs_only_what_was_torn(records: list[bytes], cut: int) -> None:
    """Cut anywhere, as a crash would: every record that is whole is read."""
    whole = b"".join(map(frame, records))[:cut]
    complete, size = 0, 0
    for record in records:
        size += len(frame(record))
        complete += size <= cut

    assert [record for record, _ in parse(whole) if record is not None] == records[:complete]


@given(st.integers(1, 6), st.integers(0, 3))
def test_each_damaged_record_is_told(damaged: int, after: int) -> None:
    """Also of neighbours, as long as their headers are there."""
    records = [b"%d" % n * 50 for n in range(1 + damaged + after)]
    whole, size = bytearray(b"".join(map(frame, records))), len(frame(records[0]))
    for n in range(1, 1 + damaged):
        whole[n * size + 20] ^= 1

    read = [record for record, _ in parse(bytes(whole))]

    assert read == records[:1] + [None] * damaged + records[1 + damaged :]


def test_a_record_that_looks_like_a_header_is_still_one_record() -> None:
    """The content cannot be taken for structure."""
    record = MAGIC + frame(b"inner")

    assert [got for got, _ in parse(frame(record) + frame(b"x"))] == [record, b"x"]


def test_the_checkpoint_survives_and_numbers_are_not_used_again(tmp_path: Path) -> None:
    """After everything was forgotten, a new writer's records are not mistaken for old ones."""
    writer, reader = _writer(tmp_path)
    put(writer, [b"one"])
    writer.close()
    reader.forget(reader.read(writer.position).next, closed=True)
    reader.slot.release()

    writer, reader = _writer(tmp_path)
    put(writer, [b"two"])

    assert reader.read(writer.position).records == [b"two"]


def test_only_what_is_on_disk_is_read(tmp_path: Path) -> None:
    """The reader stops at the writer's position, so that it never sees half a record."""
    writer, reader = _writer(tmp_path)
    put(writer, [b"one"])
    position = writer.position
    put(writer, [b"two"])

    assert reader.read(position).records == [b"one"]
    assert reader.read(Position(position.segment, 0)).records == []


def test_processes_do_not_share_a_slot_and_orphans_are_found(tmp_path: Path) -> None:
    """A held slot is nobody else's; one whose process is gone is offered with its records."""
    writer, reader = _writer(tmp_path)
    put(writer, [b"left behind"])
    second = claim(tmp_path)
    assert second.folder != reader.slot.folder
    assert list(orphans(tmp_path)) == []

    reader.slot.release()
    found = list(orphans(tmp_path))

    assert [Reader(slot).read(None).records for slot in found] == [[b"left behind"]]


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """The operator learns which folder it is."""
    (tmp_path / "file").write_text("")

    with pytest.raises(SpoolError, match="file"):
        claim(tmp_path / "file")


@given(st.binary(max_size=60) | st.just(b"99 0") | st.just(frame(b"x 1")), st.integers(0, 12))
def test_a_checkpoint_that_is_garbage_costs_nothing(garbage: bytes, cut: int) -> None:
    """Whatever stands in it, every record that is not surely carried over is read."""
    with tempfile.TemporaryDirectory() as name:
        writer, reader = _writer(Path(name), 1)
        for record in (b"one", b"two", b"three"):
            put(writer, [record])
        reader.forget(Position(2, 0))
        checkpoint = reader.slot.folder / "checkpoint"
        checkpoint.write_bytes(garbage or checkpoint.read_bytes()[:cut])

        again = Reader(reader.slot)

        assert again.position == START
        assert again.read(None).records == [b"two", b"three"]
        reader.slot.release()


def test_a_bit_flip_in_the_checkpoint_skips_nothing(tmp_path: Path) -> None:
    """Every single bit: it is read as it was written, or not at all."""
    writer, reader = _writer(tmp_path)
    put(writer, [b"one"])
    reader.forget(Position(1, 15))
    checkpoint = reader.slot.folder / "checkpoint"
    whole = checkpoint.read_bytes()

    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        checkpoint.write_bytes(damaged)
        assert Reader(reader.slot).position == START
    checkpoint.write_bytes(whole)
    assert Reader(reader.slot).position == Position(1, 15)


@pytest.mark.parametrize("why", ["large", "old"])
def test_a_segment_ends_when_it_is_large_or_old(tmp_path: Path, why: str) -> None:
    """The next record goes to another, so that this one can be deleted."""
    slot = claim(tmp_path)
    reader = Reader(slot)
    writer = Writer(slot, reader.end(), *((1, 1e9) if why == "large" else (1 << 30, 0.0)))

    put(writer, [b"one"])

    assert (writer.durable, writer.position) == (Position(2, 0), Position(2, 0))
    batch = reader.read(writer.durable)
    assert (batch.records, batch.next) == ([b"one"], Position(2, 0))
    assert reader.forget(batch.next) == len(frame(b"one"))
    assert slot.segments() == []


def test_what_was_not_flushed_is_cut_off_when_the_disk_fails(tmp_path: Path) -> None:
    """What is surely there stays; the rest is appended again, and nothing is read twice."""
    writer, reader = _writer(tmp_path)
    put(writer, [b"safe"])
    writer.append([b"unsure"])

    writer.give_up()
    put(writer, [b"unsure"])

    assert reader.read(writer.durable).records == [b"safe", b"unsure"]
    assert reader.read(None).corrupt == 0
    assert writer.written == reader.slot.size()


def test_what_must_be_kept_is_not_forgotten(tmp_path: Path) -> None:
    """Reading goes on, but a reader that starts again begins at what was to be kept."""
    writer, reader = _writer(tmp_path, 1)
    for record in (b"one", b"two", b"three"):
        put(writer, [record])

    reader.forget(Position(3, 0), keep=Position(2, 0))

    assert reader.read(None).records == [b"three"]
    assert Reader(reader.slot).read(None).records == [b"two", b"three"]


FILLED = """
import resource, signal, sys
from pathlib import Path
from proxy.spool import Position, Reader, Writer, claim

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[2])
slot = claim(Path(sys.argv[1]))
writer = Writer(slot, Reader(slot).end())
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
for n in range(6):
    try:
        writer.append([b"record %d" % n])
    except OSError:
        break
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
for rest in range(n, 6):
    writer.append([b"record %d" % rest])
"""


@pytest.mark.long
@pytest.mark.parametrize("limit", [0, 1, 11, 12, 13, 19, 20, 21, 50, 79, 119])
def test_a_disk_that_is_full_at_any_byte_leaves_no_half_record(tmp_path: Path, limit: int) -> None:
    """The file system takes so many bytes and no more; when there is room again the records follow, in order."""
    subprocess.run(
        [sys.executable, "-c", FILLED, str(tmp_path), str(limit)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        check=True,
        timeout=60,
    )

    batch = Reader(next(orphans(tmp_path))).read(None)

    assert batch.records == [b"record %d" % n for n in range(6)]
    assert batch.corrupt == 0


@given(
    st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=8),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), max_size=3),
)
def test_bits_that_flip_anywhere_cost_no_more_records_than_flips(
    records: list[bytes], flips: list[tuple[float, int]]
) -> None:
    """Whatever was not hit comes back, in order, and nothing comes back that was never written."""
    whole = bytearray(b"".join(map(frame, records)))
    for at, bit in flips:
        whole[int(at * len(whole))] ^= 1 << bit

    read = [record for record, _ in parse(bytes(whole))]

    kept = [record for record in read if record is not None]
    assert len(kept) >= len(records) - len(flips)
    left = iter(records)
    assert all(any(record == each for each in left) for record in kept)
    assert (None in read) == (len(kept) < len(records))
