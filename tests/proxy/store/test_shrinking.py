"""Free pages go back to the disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from proxy.store.db import Store, open_store
from proxy.store.shrinking import shrink
from tests.proxy.store.aged import trace
from tests.proxy.store.databases import KEY


def test_a_file_shrinks_in_steps_and_its_log_is_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody is asked before each step."""
    monkeypatch.setattr("proxy.store.shrinking._PAGES", 10)
    file = tmp_path / "traces.sqlite3"
    store = open_store(f"sqlite:///{file}", KEY)
    store.write([trace(0, f"{n} " + "x" * 4000) for n in range(60)])
    shrink(store, lambda: None, deleted=True)
    before, asked = file.stat().st_size, []
    with store.begin() as connection:
        connection.execute(text("DELETE FROM blob"))

    shrink(store, lambda: asked.append(1), deleted=True)

    assert file.stat().st_size < before and len(asked) > 1
    assert Path(f"{file}-wal").stat().st_size == 0
    store.close()


def test_postgresql_does_so_by_itself(store: Store) -> None:
    """Nothing is asked there, and nothing fails."""
    shrink(store, lambda: None, deleted=True)
