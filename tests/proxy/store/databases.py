"""The databases that the store's tests run on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from proxy.store.db import Store, migrate, open_store
from proxy.store.db import _engine as engine_of
from proxy.store.partitions import is_partition
from tests.proxy.store.schemas import schemas

KEY = b"k" * 32
BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.services)]


def opened(kind: str, folder: Path) -> Iterator[Store]:
    """A store of that kind, empty, and gone afterwards."""
    if kind == "sqlite":
        store = open_store(prepared(folder / "traces.sqlite3"), KEY)
        yield store
        store.close()
        return
    with schemas().lent() as url:
        store = open_store(url, KEY)
        yield store
        store.close()


def prepared(file: Path) -> str:
    """The URL of an empty SQLite database, made here unless it exists: its schema is copied, not migrated to again."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not file.exists():
        file.touch(0o600)
        file.write_bytes(_schema())
    return f"sqlite:///{file}"


@cache
def _schema() -> bytes:
    """The file of a SQLite database with this version's schema and no rows."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "schema.sqlite3")
        engine = engine_of(f"sqlite:///{file}")
        migrate(engine)
        engine.dispose()
        return file.read_bytes()


def ours(name: str | None, kind: str, _: object) -> bool:
    """What a database's full-text index is made of, and partitions, no class describes."""
    if kind == "index":
        return name != "span_text_words"
    return kind != "table" or not (is_partition(name) or (name or "").startswith("span_word"))
