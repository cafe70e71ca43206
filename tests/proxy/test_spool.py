"""The spool: what was acknowledged is read back, whatever happened to the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.spool import MAGIC, Position, Reader, SpoolError, Writer, claim, frame, orphans, parse


def _writer(root: Path, segment_bytes: int = 1 << 20) -> tuple[Writer, Reader]:
    slot = claim(root)
    reader = Reader(slot)
    return Writer(slot, reader.end(), segment_bytes), reader


def test_records_come_back_in_order_over_segments(tmp_path: Path) -> None:
    """A small segment size makes several files; reading goes through them in order."""
    writer, reader = _writer(tmp_path, 64)
    records = [f"record {n}".encode() for n in range(20)]
    for record in records:
        writer.append([record])

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


def test_a_record_that_looks_like_a_header_is_still_one_record() -> None:
    """The content cannot be taken for structure."""
    record = MAGIC + frame(b"inner")

    assert [got for got, _ in parse(frame(record) + frame(b"x"))] == [record, b"x"]


def test_the_checkpoint_survives_and_numbers_are_not_used_again(tmp_path: Path) -> None:
    """After everything was forgotten, a new writer's records are not mistaken for old ones."""
    writer, reader = _writer(tmp_path)
    writer.append([b"one"])
    writer.close()
    reader.forget(reader.read(writer.position).next, closed=True)
    reader.slot.release()

    writer, reader = _writer(tmp_path)
    writer.append([b"two"])

    assert reader.read(writer.position).records == [b"two"]


def test_only_what_is_on_disk_is_read(tmp_path: Path) -> None:
    """The reader stops at the writer's position, so that it never sees half a record."""
    writer, reader = _writer(tmp_path)
    writer.append([b"one"])
    position = writer.position
    writer.append([b"two"])

    assert reader.read(position).records == [b"one"]
    assert reader.read(Position(position.segment, 0)).records == []


def test_processes_do_not_share_a_slot_and_orphans_are_found(tmp_path: Path) -> None:
    """A held slot is nobody else's; one whose process is gone is offered with its records."""
    writer, reader = _writer(tmp_path)
    writer.append([b"left behind"])
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
