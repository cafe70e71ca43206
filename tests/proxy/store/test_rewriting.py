"""Files are written anew. That no byte is left then is tested with erasures."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from proxy.document import document
from proxy.store import postgresql, rewriting
from proxy.store.db import Store
from tests.proxy.exchanges import masked


def test_it_does_not_claim_more_than_it_did(store: Store) -> None:
    """Nothing is lost by it, and without `whole` bytes may be left."""
    store.write([document(masked())])

    assert rewriting.rewrite(store, whole=False) is False


@pytest.mark.services
def test_postgresql_may_take_longer_than_a_request_would_wait(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table of millions is written for minutes: nobody gives up on it."""
    monkeypatch.setattr(
        rewriting,
        "_NOW",
        text("SELECT (txid_current() % 4294967296)::text FROM (SELECT pg_sleep(0.5)) AS slept"),
    )
    monkeypatch.setattr(postgresql.Impatient, "silence_s", 0.1)
    if store.engine.dialect.name == "postgresql":
        store.close()

        assert rewriting.rewrite(store, whole=False) is False


@pytest.mark.long
def test_a_reader_that_never_ends_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may still see what was deleted."""
    monkeypatch.setattr(rewriting, "PATIENCE_S", 0)
    store.write([document(masked())])
    with store.read() as connection:
        if store.engine.dialect.name == "postgresql":
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        connection.execute(text("SELECT count(*) FROM gap")).fetchall()
        store.write([document(masked())])

        assert rewriting.rewrite(store, whole=True) is False
