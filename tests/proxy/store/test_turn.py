"""Whose turn it is to maintain a database."""

from __future__ import annotations

import time
from pathlib import Path

from proxy.store.db import Store
from proxy.store.turn import take_turn


def test_one_process_does_it_until_it_ends(store: Store, tmp_path: Path) -> None:
    """The next one goes on."""
    first = take_turn(store, tmp_path)
    assert first is not None and first.holds()
    assert take_turn(store, tmp_path) is None

    first.give_up()

    until = time.monotonic() + 30  # A database lets go of a closed connection's lock a little later.
    while (second := take_turn(store, tmp_path)) is None and time.monotonic() < until:
        time.sleep(0.01)
    assert second is not None
    second.give_up()
