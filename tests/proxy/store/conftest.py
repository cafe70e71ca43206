"""Fixtures of the store's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.store.db import Store
from tests.proxy.store.databases import BOTH, opened


@pytest.fixture(params=BOTH)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store; on SQLite, and on PostgreSQL where there is one."""
    yield from opened(request.param, tmp_path)
