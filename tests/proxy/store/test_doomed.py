"""What the clocks have run out for."""

from __future__ import annotations

from proxy.config_retention import DEFAULT
from proxy.store.data_keys import DAY_US
from proxy.store.db import Store
from proxy.store.doomed import OF_OUTSIDE, OF_SPAN, TEXTS_OF_SPAN, Doomed, cutoffs
from proxy.store.lifetimes import CLOCK
from proxy.store.schema import METADATA
from tests.proxy.store.aged import NOW, trace


def test_cuts_fall_on_the_start_of_a_day() -> None:
    """So what was stored together goes together; before 1970 there is nothing."""
    cut = cutoffs(DEFAULT, NOW)

    assert cut.content % DAY_US == 0 and 30 * DAY_US <= NOW - cut.content < 31 * DAY_US
    assert cutoffs(DEFAULT, DAY_US).metadata == 0


def test_every_table_with_a_clock_is_looked_at(store: Store) -> None:
    """A table that has a clock, and that nothing deletes from, fails here."""
    with store.read() as connection:
        doomed = Doomed.at(connection, store.key, cutoffs(DEFAULT, NOW))
        plain = {(table.name, clock) for clock, table, _ in doomed.plain()}
    seen = {name for name, _ in plain} | {table.name for table in (*OF_SPAN, *OF_OUTSIDE, *TEXTS_OF_SPAN)}
    by_themselves = {"span", "outside_span", "blob", "data_key", "audit_event"}

    assert seen | by_themselves == set(CLOCK)
    assert {(name, CLOCK[name]) for name, _ in plain} == plain


def test_a_table_that_names_a_trace_goes_with_it() -> None:
    """Whatever has a column `span_id`, but for reveals and what was erased, which are kept as proof."""
    naming = {name for name, table in METADATA.tables.items() if "span_id" in table.c}

    assert naming - {"reveal", "erased_trace"} <= {table.name for table in (*OF_SPAN, *TEXTS_OF_SPAN)}


def test_days_with_old_content_are_found_oldest_first(store: Store) -> None:
    """Each once."""
    store.write([trace(days) for days in (1, 40, 35.5, 40)])
    with store.read() as connection:
        found = list(Doomed.at(connection, store.key, cutoffs(DEFAULT, NOW)).days())

    assert found == sorted({(NOW - int(days * DAY_US)) // DAY_US * DAY_US for days in (40, 35.5)})
