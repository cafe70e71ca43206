"""Partitions: months of traces on PostgreSQL, with everything that stood elsewhere before."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from proxy.document import document
from proxy.store import holds, partitions
from proxy.store.db import Store
from proxy.store.partitions import PARTITIONED, Month, is_partition, make_ahead, months
from proxy.store.queries import get_trace
from tests.proxy.exchanges import masked
from tests.proxy.store.databases import opened

NOW = int(__import__("time").time()) * 1_000_000


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Store]:
    """An empty store on PostgreSQL."""
    yield from opened("postgresql", tmp_path)


def _rows(store: Store, table: str) -> int:
    with store.read() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def test_months_follow_each_other() -> None:
    """Over the end of a year too, and an id of a moment stands in its month alone."""
    december = Month(2026, 12)

    assert december.next == Month(2027, 1)
    assert Month.of(december.next.start_us - 1) == december
    assert december.first_id == f"{december.start_us // 1000:012x}"
    assert december.name == "2026_12"
    assert is_partition("span_2026_12") and is_partition("blob_default")
    assert not is_partition("span") and not is_partition("other_2026_12") and not is_partition(None)


def test_sqlite_has_none(tmp_path: Path) -> None:
    """And nothing is done there."""
    for store in opened("sqlite", tmp_path):
        assert make_ahead(store, NOW) == []
        with store.read() as connection:
            assert months(connection, "span") == []


@pytest.mark.services
def test_this_month_and_the_next_two_are_made_once(postgres: Store) -> None:
    """Each table has them, beside DEFAULT."""
    made = make_ahead(postgres, NOW)

    assert len(made) == 3 * len(PARTITIONED)
    assert make_ahead(postgres, NOW) == []
    with postgres.read() as connection:
        wanted = [Month.of(NOW), Month.of(NOW).next, Month.of(NOW).next.next]
        assert all(months(connection, table) == wanted for table in PARTITIONED)


@pytest.mark.services
def test_rows_of_default_move_into_their_month(postgres: Store) -> None:
    """Nothing is lost or doubled, replays find what moved, and new traces stand in the month."""
    before, after = document(masked("before")), document(masked("after"))
    postgres.write([before])
    assert _rows(postgres, "span_default") == 1

    make_ahead(postgres, NOW)
    postgres.write([before, after])

    assert (_rows(postgres, "span_default"), _rows(postgres, f"span_{Month.of(NOW).name}")) == (0, 2)
    assert _rows(postgres, "blob_default") == 0
    for told in (before, after):
        assert (get_trace(postgres, told["id"]) or {})["request"] == told["request"]


@pytest.mark.services
def test_too_many_rows_stay_in_default(postgres: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copying them would take longer than it helps; the next months are made all the same."""
    monkeypatch.setattr(partitions, "MOST_MOVED", 1)
    postgres.write([document(masked(str(n))) for n in range(2)])

    make_ahead(postgres, NOW)

    assert _rows(postgres, "span_default") == 2
    with postgres.read() as connection:
        assert months(connection, "span") == [Month.of(NOW).next, Month.of(NOW).next.next]


@pytest.mark.services
def test_ids_of_another_kind_stand_in_default(postgres: Store) -> None:
    """Blobs of older versions, and what apps tell."""
    make_ahead(postgres, NOW)
    with postgres.begin() as connection:
        row = "INSERT INTO blob (id, tenant, codec, size, body) VALUES (:id, 't', 'raw', 1, 'x')"
        connection.execute(text(row), [{"id": "f" * 32}, {"id": "0" * 32}])

    assert _rows(postgres, "blob_default") == 2


@pytest.mark.services
def test_several_proxies_may_make_them_while_others_write(postgres: Store) -> None:
    """One makes each, nobody fails, every trace is there once."""
    failures: list[BaseException] = []
    told = [document(masked(str(n))) for n in range(40)]

    def tried(work: object) -> None:
        try:
            work()  # type: ignore[operator]
        except BaseException as error:
            failures.append(error)

    def stored(one: dict[str, Any]) -> list[str]:
        while True:
            try:
                return postgres.write([one])
            except IntegrityError:
                pass  # its partition was made meanwhile: whoever writes tries again, as the drain does

    def write() -> None:
        for one in told:
            assert stored(one) == []

    works = [lambda: make_ahead(postgres, NOW)] * 3 + [write]
    threads = [threading.Thread(target=tried, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert _rows(postgres, "span") == len(told)
    assert _rows(postgres, "span_default") == 0


@pytest.mark.services
def test_a_trace_on_its_way_to_default_is_tried_again(
    postgres: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row waits for DEFAULT's lock and is then in the wrong partition: for now, not for good."""
    one, making = document(masked()), threading.Event()
    outcome: list[object] = []
    found_months = partitions.months

    def months(connection: Connection, table: str) -> list[Month]:
        found = found_months(connection, table)
        if table == "span" and not making.is_set():
            connection.execute(text("LOCK TABLE span_default IN ACCESS EXCLUSIVE MODE"))
            making.set()
            _until_somebody_waits(postgres)
        return found

    def write() -> None:
        making.wait()
        try:
            outcome.append(postgres.write([one]))
        except IntegrityError as error:
            outcome.append(error)

    monkeypatch.setattr(partitions, "months", months)
    thread = threading.Thread(target=write)
    thread.start()
    make_ahead(postgres, NOW)
    thread.join()

    assert isinstance(outcome[0], IntegrityError), outcome
    assert postgres.write([one]) == []
    assert (_rows(postgres, "span"), _rows(postgres, "span_default")) == (1, 0)


def _until_somebody_waits(store: Store) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = to_regclass('span_default')"
    )
    for _ in range(20_000):
        with store.read() as connection:
            if connection.execute(waiting).scalar_one():
                return


@pytest.mark.services
def test_a_table_that_is_read_for_long_is_left_for_later(
    postgres: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody queues behind us for longer than we wait."""
    monkeypatch.setattr(partitions, "_WAIT_MS", 50)
    with postgres.read() as reader:
        reader.execute(text("SELECT * FROM span"))
        with pytest.raises(Exception) as caught:
            make_ahead(postgres, NOW)
    assert partitions.is_busy(caught.value)

    assert len(make_ahead(postgres, NOW)) == 3 * len(PARTITIONED)


@pytest.mark.services
def test_no_row_moves_while_others_are_deleted(postgres: Store) -> None:
    """Retention would pass over what stands in another table by the time it gets there."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    making = threading.Thread(target=make_ahead, args=(postgres, NOW))
    with postgres.begin() as deleting:
        holds.lock(deleting)
        making.start()
        while making.is_alive() and not deleting.execute(waiting).scalar_one():
            making.join(0.01)
        assert months(deleting, "span") == []
    making.join()
    with postgres.read() as connection:
        assert len(months(connection, "span")) == 3


@pytest.mark.services
def test_a_lookup_by_id_reads_one_partition(postgres: Store) -> None:
    """Whatever order the database sorts texts in: the ids sort by their bytes, and so do those that point to them."""
    make_ahead(postgres, NOW)
    queries = (
        f"SELECT * FROM span WHERE id = '{Month.of(NOW).first_id}'",
        f"SELECT * FROM finding WHERE span_id = '{Month.of(NOW).first_id}'",
    )
    with postgres.read() as connection:
        for query in queries:
            plan = str(connection.execute(text(f"EXPLAIN {query}")).fetchall())
            assert Month.of(NOW).name in plan and "default" not in plan
        ordered = connection.execute(
            text(
                "SELECT table_name || '.' || column_name FROM information_schema.columns"
                " WHERE table_schema = current_schema() AND collation_name = 'C'"
            )
        ).scalars()
        named = {name for name in ordered if not is_partition(name.partition(".")[0])}
    assert {"span.id", "annotation.span_id", "feedback.target", "message_ref.blob_id"} <= named
