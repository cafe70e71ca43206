"""What is derived from traces follows each once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import Connection

from proxy.document import document
from proxy.store import db
from proxy.store.db import Store
from tests.proxy.exchanges import masked


def test_a_trace_is_followed_when_it_is_stored_first_and_never_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it comes, alone or among others, twice in one group too."""
    seen: list[str] = []

    def follow(connection: Connection, fresh: Mapping[str, Mapping[str, Any]]) -> None:
        seen.extend(fresh)

    monkeypatch.setattr(db, "follow", follow)
    one, two = document(masked("one")), document(masked("two"))
    for group in ([one], [one, two, two], [two], []):
        store.write(group)

    assert seen == [one["id"], two["id"]]
