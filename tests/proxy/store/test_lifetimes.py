"""No table is without a limit."""

from __future__ import annotations

from proxy.config_retention import CLOCKS
from proxy.store.lifetimes import CLOCK, WITHOUT
from proxy.store.schema import METADATA


def test_every_table_has_a_clock_or_a_reason() -> None:
    """A table added without one fails here."""
    assert set(CLOCK) | set(WITHOUT) == set(METADATA.tables)
    assert not set(CLOCK) & set(WITHOUT)
    assert set(CLOCK.values()) <= set(CLOCKS) and all(WITHOUT.values())
