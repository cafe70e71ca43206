"""How many traces are newer than a list."""

from __future__ import annotations

import pytest

from proxy.store import newer as module
from proxy.store.db import Store
from proxy.store.filters import parse
from proxy.store.newer import newer
from proxy.store.queries import list_spans
from tests.proxy.store.test_bulk import fill


def test_what_came_since_is_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the filter alone, up to a number; without time, none is told."""
    ids = fill(store, 4)
    started = {one["id"]: one["started_us"] for one in list_spans(store).items}

    assert newer(store, parse("flagged:true"), started[ids[1]]) == 2
    assert newer(store, parse("outcome:blocked"), 0) == 0
    monkeypatch.setattr(module, "MOST", 3)
    assert newer(store, parse(""), 0) == 3
    monkeypatch.setattr(module, "NEWER_S", 0)
    assert newer(store, parse(""), 0) == 0
