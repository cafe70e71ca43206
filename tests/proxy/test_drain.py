"""The drain: everything in the spool reaches the database, drafts only where nothing better follows."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from proxy import drain as draining
from proxy.document import document
from proxy.drain import DRAFT, Drain, Sink, Stopped
from proxy.spool import Batch, Position, Reader, Writer, claim
from proxy.store.bodies import encode
from proxy.store.spool_seal import Seal
from proxy.telemetry import Metrics
from tests.proxy.exchanges import masked
from tests.proxy.test_spool import put

SEAL = Seal(b"k" * 32)


class Slot:
    """A slot that a test writes into, and its drain."""

    def __init__(self, root: Path, **options: Any) -> None:
        self.stored: list[dict[str, Any]] = []
        self.lost: list[str] = []
        self.unstorable: list[str] = []
        slot = claim(root)
        self.reader = Reader(slot)
        self.writer = Writer(slot, self.reader.end(), 1)
        self.stopping = threading.Event()
        self.sink = Sink(
            options.get("write", self.write),
            SEAL,
            Metrics("0", "p@1"),
            root / "refused",
            lambda reason, count=1: self.lost.extend([reason] * count),
            self.stopping,
        )
        self.drain = Drain(self.reader, self.sink)

    def write(self, documents: list[dict[str, Any]]) -> list[str]:
        """Store them."""
        self.stored += documents
        return self.unstorable

    def add(self, id: str, draft: bool = False, **more: Any) -> None:
        """Append a document."""
        whole = {"id": id, **more} | ({DRAFT: True} if draft else {})
        put(self.writer, [SEAL.close(encode(whole))])

    def carry(self) -> list[str]:
        """Carry all over that is there; the ids that are stored by then."""
        while self.drain.carry(self.writer.durable):
            pass
        return [one["id"] for one in self.stored]


def test_a_draft_waits_for_the_whole_and_its_segment_stays(tmp_path: Path) -> None:
    """Only the whole document is stored; until it is there, what could replace it is not deleted."""
    slot = Slot(tmp_path)
    slot.add("a", draft=True)
    slot.add("b")

    assert slot.carry() == ["b"]
    assert Reader(slot.reader.slot).position < slot.reader.position

    slot.add("a", whole=True)
    assert slot.carry() == ["b", "a"]
    assert slot.stored[-1] == {"id": "a", "whole": True}
    assert slot.reader.slot.segments() == []


def test_a_draft_whose_process_died_is_stored_as_it_is(tmp_path: Path) -> None:
    """The next process finds nothing better: the exchange was answered, so it is recorded."""
    first = Slot(tmp_path)
    first.add("a", draft=True)
    first.add("b")
    first.carry()
    first.reader.slot.release()

    second = Slot(tmp_path)
    second.carry()
    second.drain.finish(closed=True)

    assert {"id": "a"} in second.stored
    assert second.reader.slot.segments() == []


def test_a_draft_that_nothing_follows_is_stored_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole document was lost: what there is keeps the segments no longer."""
    slot = Slot(tmp_path)
    slot.add("a", draft=True)
    assert slot.carry() == []
    monkeypatch.setattr(draining, "DRAFT_SECONDS", -1.0)
    slot.add("b")

    assert slot.carry() == ["b", "a"]
    assert slot.reader.slot.segments() == []


def test_a_draft_does_not_age_while_the_database_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written soon after it takes its place, however long ago that was; what was written late does not."""
    slot, now = Slot(tmp_path), 1_000_000_000
    passed = {"duration_us": 1_000_000}
    slot.add("a", draft=True, started_us=now, **passed)
    slot.add("b", draft=True, started_us=now, **passed)
    slot.add("c", started_us=now + 60_000_000, **passed)
    batch = slot.reader.read

    def few(end: Position | None) -> Batch:
        return batch(end, most=1)

    monkeypatch.setattr(Reader, "read", lambda _, end: few(end))
    for _ in range(3):
        assert slot.drain.carry(slot.writer.durable)
    slot.add("a", started_us=now, duration_us=61_000_000, whole=True)
    slot.add("d", started_us=now + 120_000_000, duration_us=1_000_001)

    for _ in range(2):
        assert slot.drain.carry(slot.writer.durable)
    assert [one["id"] for one in slot.stored] == ["c", "a", "d", "b"]
    assert slot.stored[1]["whole"]


def test_a_draft_that_nothing_at_all_follows_is_stored_in_the_end(tmp_path: Path) -> None:
    """Nobody writes any more: everything was read, and the whole would have been there long since."""
    slot = Slot(tmp_path)
    slot.add("a", draft=True, started_us=1, duration_us=1)

    assert slot.carry() == ["a"]


def test_the_oldest_of_what_was_refused_goes_when_it_is_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is counted and logged; the newest stays."""
    slot = Slot(tmp_path)
    records = [b"%d" % n * 10 for n in range(5)]
    names = iter("abcde")  # ids of one millisecond are in no order
    monkeypatch.setattr(draining, "new_id", lambda: next(names))
    monkeypatch.setattr(draining, "REFUSED_BYTES", 35)

    put(slot.writer, records)
    slot.carry()

    kept = [path.read_bytes() for path in sorted((tmp_path / "refused").iterdir())]
    assert kept == records[2:]
    assert slot.lost == ["refused"] * 5 + ["refused_full"] * 2
    assert "its 2 oldest traces are deleted" in caplog.text


def test_records_of_an_older_version_are_carried_over(tmp_path: Path) -> None:
    """It wrote them as plain JSON."""
    slot = Slot(tmp_path)
    put(slot.writer, [b'{"id": "old"}'])

    assert slot.carry() == ["old"]


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"\x01",
        b"garbage",
        b"{",
        Seal(b"x" * 32).close(b"{}"),
        SEAL.close(b"[]"),
        SEAL.close(b"{}"),
        SEAL.close(encode({DRAFT: True})),
        SEAL.close(encode({DRAFT: True, "id": ["a"]})),
    ],
    ids=["empty", "mark", "garbage", "half", "another-key", "list", "no-id", "draft-without-id", "odd-id"],
)
def test_a_record_nobody_can_read_is_put_aside_and_the_others_go_on(tmp_path: Path, record: bytes) -> None:
    """It is kept as it is, and counted."""
    slot = Slot(tmp_path)
    put(slot.writer, [record])
    slot.add("next")

    assert slot.carry() == ["next"]
    assert slot.lost == ["refused"]
    assert [path.read_bytes() for path in (tmp_path / "refused").iterdir()] == [record]


def test_what_was_refused_is_offered_again_and_stands_nowhere_in_plain(tmp_path: Path) -> None:
    """A later version may take it; what an older one left unsealed is sealed."""
    slot = Slot(tmp_path)
    refused = tmp_path / "refused"
    refused.mkdir()
    (refused / "1.json").write_bytes(b'{"id": "plain"}')
    slot.unstorable = ["plain"]

    list(slot.sink.retry())
    (kept,) = refused.iterdir()
    assert SEAL.open(kept.read_bytes()) == b'{"id": "plain"}'
    assert b"plain" not in kept.read_bytes()

    slot.unstorable = []
    list(slot.sink.retry())
    assert list(refused.iterdir()) == []


def test_a_database_that_fails_is_tried_until_it_takes_all_in_order(tmp_path: Path) -> None:
    """Nothing is skipped and nothing taken twice."""
    tries = 0

    def write(documents: list[dict[str, Any]]) -> list[str]:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise ConnectionError
        return slot.write(documents)

    slot = Slot(tmp_path, write=write)
    for n in range(5):
        slot.add(str(n))

    assert slot.carry() == ["0", "1", "2", "3", "4"]


def test_when_it_stops_the_database_is_tried_once_more(tmp_path: Path) -> None:
    """What it does not take is still in the spool."""

    def write(documents: list[dict[str, Any]]) -> list[str]:
        raise ConnectionError

    slot = Slot(tmp_path, write=write)
    slot.add("a")
    slot.stopping.set()

    with pytest.raises(Stopped):
        slot.carry()
    assert len(slot.reader.read(None).records) == 1


def test_a_draft_is_a_document_with_a_mark(tmp_path: Path) -> None:
    """What is stored in the end does not have it."""
    slot = Slot(tmp_path)
    whole = document(masked())
    put(slot.writer, [SEAL.close(encode(whole | {DRAFT: True}))])
    slot.carry()
    slot.drain.finish(closed=True)

    assert [one["id"] for one in slot.stored] == [whole["id"]]
    assert DRAFT not in slot.stored[0]
