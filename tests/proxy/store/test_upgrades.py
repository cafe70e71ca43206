"""Databases that older versions left are brought up to date, whatever interrupts that: dumps in `databases_of`."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, event, inspect, text

from proxy.store.db import Store, migrate, open_store
from proxy.store.queries import get_trace
from proxy.store.schema import METADATA
from proxy.store.verify import verify
from tests.proxy.store.databases import BOTH, KEY, opened, ours

DUMPS = Path(__file__).parent / "databases_of"
VERSIONS = sorted(path.stem for path in DUMPS.glob("*.json"))
BROKEN = "stopped here"


@contextmanager
def left_by(version: str, kind: str, folder: Path) -> Iterator[str]:
    """The URL of a database as that version left it."""
    dump = (DUMPS / f"{version}.{kind}.sql").read_text(encoding="utf-8")
    if kind == "sqlite":
        file = folder / "old.sqlite3"
        connection = sqlite3.connect(file)
        connection.executescript(dump)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
        yield f"sqlite:///{file}"
        return
    for store in opened("postgresql", folder):
        with store.begin() as connection:
            for name in inspect(connection).get_table_names():
                connection.execute(text(f'DROP TABLE IF EXISTS "{name}" CASCADE'))
            connection.connection.cursor().execute(dump)  # type: ignore[call-arg]
        yield store.engine.url.render_as_string(hide_password=False)


def told(version: str, kind: str) -> dict[str, Any]:
    """The traces in it, as that version read them."""
    found: dict[str, Any] = json.loads((DUMPS / f"{version}.json").read_text(encoding="utf-8"))[kind]
    return found


def check(store: Store, version: str, kind: str) -> None:
    """Everything is there as it was, and the schema is this version's."""
    for id, before in told(version, kind).items():
        found = get_trace(store, id) or {}
        # Judgements have gained members since: what older versions did not ask for is empty.
        for was, now in zip(before["reviews"], found["reviews"], strict=True):
            assert {name: now.pop(name) for name in was} == was
            assert not any(now.values())
        assert {name: found.get(name) for name in before if name != "reviews"} == {
            name: value for name, value in before.items() if name != "reviews"
        }
        assert found["content"] == "kept"
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": ours})
        assert compare_metadata(context, METADATA) == []


def state(engine: Engine) -> tuple[str, list[str]]:
    """The version a database says it has, and its tables and columns."""
    with engine.connect() as connection:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        tables = inspect(connection)
        return version, sorted(
            f"{table}.{column['name']}"
            for table in tables.get_table_names()
            for column in tables.get_columns(table)
        )


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_released_version_is_brought_up_to_date(version: str, kind: str, tmp_path: Path) -> None:
    """Each trace reads as before, hostile text too, and a second start changes nothing."""
    with left_by(version, kind, tmp_path) as url:
        for _ in range(2):
            store = open_store(url, KEY)
            check(store, version, kind)
            report = verify(store, None)
            assert report.sound, report.evidence
            store.close()


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", BOTH)
def test_an_error_at_any_statement_leaves_the_old_database(kind: str, tmp_path: Path) -> None:
    """It is old or new, never half; the next start goes through."""
    version = VERSIONS[-1]
    with left_by(version, kind, tmp_path) as url:
        engine = open_only(url)
        before, failed_at = state(engine), 0
        left = [0]

        @event.listens_for(engine, "before_cursor_execute")
        def _count(*_: Any) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise RuntimeError(BROKEN)

        while True:
            left[0] = failed_at + 1
            try:
                migrate(engine)
                break
            except RuntimeError as error:
                assert str(error) == BROKEN
            failed_at += 1
            left[0] = 0
            assert state(engine) == before
        engine.dispose()
        assert failed_at > 30
        store = open_store(url, KEY)
        check(store, version, kind)
        store.close()


def open_only(url: str) -> Engine:
    """An engine as the store makes it, without a migration."""
    from proxy.store.db import _open_postgresql, _open_sqlite

    return (_open_sqlite if url.startswith("sqlite") else _open_postgresql)(url)


KILLED = """
import os, signal, sys
from sqlalchemy import event
from proxy.store.db import migrate
from tests.proxy.store.test_upgrades import open_only
engine, left = open_only(sys.argv[1]), [int(sys.argv[2])]
@event.listens_for(engine, "after_cursor_execute")
def count(*_):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
migrate(engine)
"""
STARTED = "import sys; from proxy.store.db import open_store; open_store(sys.argv[1], b'k' * 32).close()"


@pytest.mark.long
@pytest.mark.parametrize("kind", BOTH)
def test_a_migration_that_is_killed_is_made_by_the_next_start(kind: str, tmp_path: Path) -> None:
    """kill -9 in the middle, three times at other places."""
    version = VERSIONS[0]
    with left_by(version, kind, tmp_path) as url:
        for at in (20, 45, 70):
            done = subprocess.run([sys.executable, "-c", KILLED, url, str(at)], timeout=60)
            assert done.returncode == -signal.SIGKILL
            engine = open_only(url)
            assert state(engine)[0] == version
            engine.dispose()
        store = open_store(url, KEY)
        check(store, version, kind)
        store.close()


@pytest.mark.long
@pytest.mark.parametrize("kind", BOTH)
def test_several_processes_may_start_on_an_old_database(kind: str, tmp_path: Path) -> None:
    """One migrates, the others wait and find it done."""
    version = VERSIONS[0]
    with left_by(version, kind, tmp_path) as url:
        started = [subprocess.Popen([sys.executable, "-c", STARTED, url]) for _ in range(3)]
        assert [each.wait(100) for each in started] == [0, 0, 0]
        store = open_store(url, KEY)
        check(store, version, kind)
        store.close()
