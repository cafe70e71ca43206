"""The store: opened, migrated, written in groups, and honest about what it cannot take."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from proxy.document import document
from proxy.store.db import Store, StoreError, open_store, url_of
from proxy.store.migrations import versions
from proxy.store.queries import count_spans, get_trace
from tests.proxy.exchanges import masked
from tests.proxy.store.databases import KEY


def test_writing_twice_stores_once(store: Store) -> None:
    """A replayed group changes nothing, also when part of it is new."""
    first, second = document(masked("one")), document(masked("two"))

    assert store.write([first]) == []
    assert store.write([first, second, second]) == []

    assert count_spans(store) == 2
    assert (get_trace(store, first["id"]) or {})["request"] == first["request"]


def test_one_unstorable_document_does_not_stop_the_others(store: Store) -> None:
    """Its id comes back; the rest is stored."""
    good, huge, strange = document(masked()), document(masked()), {"id": "strange"}
    huge["attempts"] = 1 << 80

    assert store.write([huge, good, strange]) == [huge["id"], "strange"]
    assert count_spans(store) == 1


def test_hostile_text_is_stored(store: Store) -> None:
    """NUL, lone surrogates and endless names do not make a trace unstorable."""
    hostile = document(masked(model="m\0\ud800" + "x" * 9000, deployment="\0", provider="é"))
    hostile["request"]["messages"][0]["content"] = "a\0b\ud800c"
    hostile["usage"] = {"note\0": "\0\ud800"}

    assert store.write([hostile]) == []

    found = get_trace(store, hostile["id"]) or {}
    assert found["request"] == hostile["request"]
    assert found["usage"] == hostile["usage"]


def test_the_file_of_a_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    """So is its folder, when it is made here; what is there already keeps its mode."""
    (tmp_path / "there").mkdir(mode=0o755)
    for folder, mode in (("made", 0o700), ("there", 0o755)):
        file = tmp_path / folder / "traces.sqlite3"
        store = open_store(f"sqlite:///{file}", KEY)
        store.write([document(masked(folder))])
        files = [file, Path(f"{file}-wal"), Path(f"{file}-shm")]
        assert [path.stat().st_mode & 0o777 for path in files] == [0o600] * 3
        assert file.parent.stat().st_mode & 0o777 == mode
        store.close()


def test_gap_documents_are_stored(store: Store) -> None:
    """Known loss is a row."""
    gap = {
        "kind": "gap",
        "id": "g",
        "tenant": "default",
        "started_us": 1,
        "ended_us": 2,
        "reason": "x",
        "lost": 3,
    }

    assert store.write([gap, gap]) == []

    with store.read() as connection:
        assert connection.execute(text("SELECT lost FROM gap")).scalars().all() == [3]


def test_a_database_that_is_away_raises(tmp_path: Path) -> None:
    """Nothing is called unstorable only because the database is not there."""
    store = open_store(f"sqlite:///{tmp_path / 'x.sqlite3'}", KEY)
    with store.begin() as connection:
        connection.execute(text("ALTER TABLE span RENAME TO gone"))

    with pytest.raises(OperationalError):
        store.write([document(masked())])
    store.close()


def test_sqlite_is_durable(tmp_path: Path) -> None:
    """WAL with synchronous=FULL: a committed trace survives a power cut."""
    store = open_store(f"sqlite:///{tmp_path / 'x.sqlite3'}", KEY)
    with store.read() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    store.close()

    assert found == ["wal", 2, 1, 5000]


def test_several_processes_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    """One migrates, the others wait and find it done."""
    failures: list[BaseException] = []

    def start() -> None:
        try:
            open_store(f"sqlite:///{tmp_path / 'x.sqlite3'}", KEY).close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("not a url", "is not a URL"),
        ("mysql://user:hunter2@host/x", "mysql"),
        ("sqlite://", "names no file"),
        ("postgresql://u:hunter2@127.0.0.1:1/x", "cannot be opened"),
    ],
)
def test_a_url_that_cannot_be_served_is_explained(url: str, says: str) -> None:
    """The message says what to write instead, and never repeats a password."""
    with pytest.raises(StoreError, match=says) as caught:
        open_store(url, KEY)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("revision", ["v0001", "v0002", "v0003"])
def test_a_database_of_an_older_version_is_brought_up_to_date(tmp_path: Path, revision: str) -> None:
    """With everything in it: what was recorded before a column was there has nothing in it."""
    url, exchange = url_of(tmp_path, None), masked()
    store = open_store(url, KEY)
    store.write([document(exchange)])
    config = Config()
    config.set_main_option("script_location", str(Path(versions.__file__).parent.parent))
    with store.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    store.close()

    store = open_store(url, KEY)
    found = get_trace(store, exchange.id) or {}
    store.close()
    assert [found.pop(name) for name in ("reviews", "outside", "feedback")] == [[], [], []]
    assert found == document(exchange)


def test_a_database_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    """An old program says that it is old."""
    url = url_of(tmp_path, None)
    store = open_store(url, KEY)
    with store.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'v9999'"))
    store.close()

    with pytest.raises(StoreError, match="newer version"):
        open_store(url, KEY)


def test_a_store_that_answers_has_no_trouble(store: Store) -> None:
    """Silence means that the database was asked and answered."""
    assert store.trouble() is None


def test_a_file_that_is_no_database_is_trouble_and_cannot_be_opened(tmp_path: Path) -> None:
    """Both say so in words: no stack trace, no empty database in its place."""
    path = tmp_path / "x.sqlite3"
    store = open_store(f"sqlite:///{path}", KEY)
    store.close()
    for other in tmp_path.iterdir():
        other.unlink()
    path.write_bytes(b"not a database" * 1000)

    assert "does not answer" in (store.trouble() or "")
    with pytest.raises(StoreError, match="cannot be opened"):
        open_store(f"sqlite:///{path}", KEY)
    store.close()
