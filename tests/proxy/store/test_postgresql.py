"""PostgreSQL that falls silent: over real connections that a relay stops forwarding."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from proxy.document import document
from proxy.recorder import Recorder
from proxy.store.db import AWAY, MIGRATING, MIGRATION_LOCK, Store, migrate, open_store
from proxy.store.keys import active_keys, create_key
from proxy.store.postgresql import Impatient, open_engine
from proxy.store.queries import count_spans
from proxy.store.spool_seal import Seal
from proxy.telemetry import Metrics
from tests.proxy.exchanges import masked
from tests.proxy.store.databases import KEY, opened
from tests.relay import Relay

pytestmark = pytest.mark.services


@pytest.fixture
def direct(tmp_path: Path) -> Iterator[Store]:
    """A store of its own in PostgreSQL."""
    yield from opened("postgresql", tmp_path)


@pytest.fixture
def relay(direct: Store) -> Iterator[Relay]:
    """Between us and PostgreSQL."""
    relay = Relay(direct.engine.url.host or "127.0.0.1", direct.engine.url.port or 5432)
    yield relay
    relay.close()


@pytest.fixture
def store(direct: Store, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The same database through the relay, with little patience."""
    url = direct.engine.url.set(host="127.0.0.1", port=relay.port)
    store = open_store(url.render_as_string(hide_password=False), KEY)
    monkeypatch.setattr(Impatient, "silence_s", 0.3)
    yield store
    store.close()


def test_a_connection_that_falls_silent_is_given_up(store: Store, relay: Relay) -> None:
    """What waits in the pool is asked first whether it lives, so reading goes on over a new connection at once."""
    made = create_key(store, "shop")
    relay.freeze()

    assert [row["key_id"] for row in active_keys(store)] == [made.stored.key_id]


def test_a_reading_under_way_is_given_up_too(store: Store, relay: Relay) -> None:
    """In the middle of a transaction, where nobody asks first whether the connection lives."""
    with pytest.raises(AWAY), store.read() as connection:
        connection.execute(text("SELECT 1"))
        relay.freeze()
        connection.execute(text("SELECT 2"))

    store.ping()


def test_a_statement_that_never_ends_is_given_up_at_the_server(store: Store, direct: Store) -> None:
    """Nothing is left that works on for nobody."""
    with pytest.raises(AWAY), store.read() as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        connection.execute(text("SELECT pg_sleep(600)"))

    at_work = "SELECT count(*) FROM pg_stat_activity WHERE pid = :pid AND state = 'active'"
    for _ in range(1000):
        # Within one transaction the server would tell again and again what it told first.
        with direct.read() as connection:
            if not connection.execute(text(at_work), {"pid": pid}).scalar_one():
                return
        time.sleep(0.01)
    pytest.fail("the statement goes on")


def test_every_trace_arrives_although_the_connection_hangs(
    store: Store, relay: Relay, tmp_path: Path, direct: Store
) -> None:
    """The recorder notices, and writes them over another connection."""
    store.write([document(masked("before"))])
    relay.freeze()
    recorder = Recorder(tmp_path / "spool", store.write, Metrics("0", "p@0"), Seal(store.key))
    recorder.start()
    recorder.take([document(masked("after"))])
    recorder.close(30)

    assert count_spans(direct) == 2


def test_a_migration_waits_as_long_as_it_takes(
    direct: Store, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process migrates meanwhile; afterwards the pool's connections are as impatient as ever."""
    monkeypatch.setattr(Impatient, "silence_s", 0.2)
    engine = open_engine(direct.engine.url)
    held, done = threading.Event(), threading.Event()

    def migrated() -> None:
        held.wait(20)
        migrate(engine)
        done.set()

    thread = threading.Thread(target=migrated)
    thread.start()
    with direct.begin() as connection:
        connection.execute(MIGRATING, {"id": MIGRATION_LOCK})
        held.set()
        waiting = not done.wait(1.0)
    thread.join(20)
    assert waiting and done.is_set()
    with engine.connect() as connection:
        reached = connection.connection.dbapi_connection
        assert isinstance(reached, Impatient) and reached.silence_s == 0.2
    engine.dispose()


def test_the_url_may_say_otherwise() -> None:
    """Options of the URL reach the driver as they are written, and win."""
    url = make_url(os.environ.get("GUARDHOUSE_TEST_POSTGRES_URL", "postgresql://root@127.0.0.1:5432/test"))
    engine = open_engine(url.update_query_dict({"keepalives_idle": "99", "options": "-cwork_mem=8MB"}))
    try:
        with engine.connect() as connection:
            reached = connection.connection.dbapi_connection
            assert isinstance(reached, Impatient)
            told = reached.info.get_parameters()
            assert (told["keepalives_idle"], told["keepalives_count"]) == ("99", "3")
            assert connection.execute(text("SHOW work_mem")).scalar_one() == "8MB"
    finally:
        engine.dispose()
