"""The store: opened, migrated, written in groups, and honest about what it cannot take."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Text, event, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import Pool

from proxy.document import document
from proxy.store.audit import Act, acts, note
from proxy.store.db import Store, StoreError, is_busy, open_store, url_of
from proxy.store.migrations import versions
from proxy.store.queries import count_spans, get_trace
from proxy.store.tables import BLOB, SPAN
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


def test_a_trace_whose_texts_do_not_fit_is_stored_without_them(store: Store) -> None:
    """What was found and decided is there, and says that something is missing."""
    broken, good = document(masked()), document(masked())
    broken["retrieval"] = [{"rank": 1 << 80, "doc_id": "d", "score": None, "text": "t", "source": None}]

    assert store.write([broken, good]) == []
    assert store.write([broken]) == []

    found = get_trace(store, broken["id"]) or {}
    assert (found["content"], found["request"], found["retrieval"]) == ("none", None, [])
    assert found["reduced"] in ("DataError", "OverflowError")
    assert found["outcome"] == broken["outcome"]
    assert [one["fingerprint"] for one in found["findings"]] == ["f1"]
    assert "reduced" not in (get_trace(store, good["id"]) or {})


HOSTILE = st.sampled_from(["a\0b", "\0", "\ud800", "x\udfff", "\0\ud800/~", "é" * 600, "plain"])
BODIES = st.dictionaries(
    HOSTILE,
    st.recursive(
        HOSTILE | st.none(),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(HOSTILE, inner, max_size=2),
        max_leaves=8,
    )
    | st.lists(st.dictionaries(HOSTILE, st.just("y" * 3000), min_size=1, max_size=2), min_size=1, max_size=3),
    min_size=1,
    max_size=3,
)


@given(request=BODIES, response=BODIES, said=HOSTILE)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_hostile_texts_anywhere_are_stored_as_they_are(
    store: Store, request: dict[str, Any], response: dict[str, Any], said: str
) -> None:
    """Member names too, at any depth, in bodies of one piece and of several; columns hold them made harmless."""
    whole = document(masked())
    whole["request"], whole["response"] = {**whole["request"], **request}, response
    columns = {column.name for column in SPAN.columns if isinstance(column.type, Text)}
    for name in columns & whole.keys() - {"id", "tenant", "tags", "request", "response"}:
        whole[name] = said
    whole["tags"] = {said: said}
    whole["error"] = dict.fromkeys(("type", "code", "message", "param"), said)
    whole["findings"] = [
        {name: said if isinstance(value, str) else value for name, value in found.items()}
        for found in whole["findings"]
    ]
    whole["tool_calls"] = [dict.fromkeys(("call_id", "name", "arguments", "result", "state"), said)]
    whole["retrieval"] = [{"rank": 1, "score": None, **dict.fromkeys(("doc_id", "text", "source"), said)}]
    whole["failures"] = [dict.fromkeys(("side", "rule", "check", "kind", "reason", "action"), said)]

    assert store.write([whole]) == []

    found = get_trace(store, whole["id"]) or {}
    assert "reduced" not in found
    assert (found["request"], found["response"]) == (whole["request"], response)
    assert found["failures"] == whole["failures"]


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


def test_a_new_connection_waits_for_no_writer(tmp_path: Path) -> None:
    """Readers of SQLite see what was there before."""
    store = open_store(f"sqlite:///{tmp_path / 'x.sqlite3'}", KEY)
    with store.begin() as connection:
        connection.execute(update(BLOB).values(size=0))
        with store.read() as one, store.read() as other:
            assert [each.execute(select(BLOB.c.id)).all() for each in (one, other)] == [[], []]
    store.close()


@pytest.mark.parametrize(("before", "after"), [(None, 8192), (4096, 4096)])
def test_a_new_file_has_pages_of_eight_kib(tmp_path: Path, before: int | None, after: int) -> None:
    """One that is there keeps its own; the log holds as many bytes of both."""
    file = tmp_path / "x.sqlite3"
    if before is not None:
        with closing(sqlite3.connect(file)) as database:
            database.execute(f"PRAGMA page_size = {before}")
            database.execute("CREATE TABLE there (id INTEGER)")
    store = open_store(f"sqlite:///{file}", KEY)
    with store.read() as connection:
        size, pages = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() or 0
            for name in ("page_size", "wal_autocheckpoint")
        )
    store.close()

    assert size == after and size * pages == 16 << 20


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


@pytest.mark.parametrize("revision", ["v0001", "v0002", "v0003", "v0004"])
def test_a_database_of_an_older_version_is_brought_up_to_date(tmp_path: Path, revision: str) -> None:
    """With everything in it: what was recorded before a column was there has nothing in it."""
    url, exchange = url_of(tmp_path, None), masked()
    store = open_store(url, KEY)
    store.write([document(exchange)])
    config = Config()
    config.set_main_option("script_location", str(Path(versions.__file__).parent.parent))
    with store.begin() as connection:
        for row in connection.execute(select(BLOB)).mappings().all():
            # Older versions encrypted nothing.
            plain = store.keys.decrypt(row["key_id"], row["id"], bytes(row["body"]))
            connection.execute(update(BLOB).where(BLOB.c.id == row["id"]).values(body=plain))
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    store.close()

    store = open_store(url, KEY)
    found = get_trace(store, exchange.id) or {}
    store.close()
    assert [found.pop(name) for name in ("reviews", "outside", "feedback", "content")] == [[], [], [], "kept"]
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


def test_a_migration_that_fails_says_why_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that is locked is another thing than one that is not there."""
    monkeypatch.setattr("proxy.store.db._BUSY_MS", 10)
    file = tmp_path / "x.sqlite3"
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as caught:
            open_store(f"sqlite:///{file}", KEY)
    said = "the database cannot be brought to the schema of this version: another program holds it locked."
    assert str(caught.value).startswith(f"{said} Nothing was changed. End that program")


def test_who_is_patient_waits_for_the_writer_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else writes for longer than SQLite waits: the impatient are told so, the patient are served."""
    monkeypatch.setattr("proxy.store.db._BUSY_MS", 10)
    file = tmp_path / "x.sqlite3"
    store = open_store(f"sqlite:///{file}", KEY)
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError) as caught, store.begin():
            pass
        assert is_busy(caught.value)
        ending = threading.Timer(0.3, other.rollback)
        ending.start()
        with store.begin(30) as connection:
            note(connection, Act("ann", "a", "b", {}))
        ending.join()
    assert [act["action"] for act in acts(store)] == ["a"]
    store.close()


def test_a_disk_that_is_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of a migration; afterwards the file is as it was, and opens."""
    file = tmp_path / "x.sqlite3"
    full = [True]

    def little(connection: Any, _record: Any) -> None:
        if full[0]:
            connection.execute("PRAGMA max_page_count = 20")

    event.listen(Pool, "connect", little)
    try:
        with pytest.raises(StoreError, match=r"schema.*its disk is full\. Nothing was changed\. Make room"):
            open_store(f"sqlite:///{file}", KEY)
    finally:
        event.remove(Pool, "connect", little)
    with closing(sqlite3.connect(file)) as found:
        assert found.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    full[0] = False
    open_store(f"sqlite:///{file}", KEY).close()


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
