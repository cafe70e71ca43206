"""Sums of a stretch of time: those of the traces in it, and of no others."""

from __future__ import annotations

from proxy.store.db import Store
from proxy.store.periods import Period, any_traffic, period
from proxy.store.rollups import HOUR_US
from tests.proxy.store.test_rollups import NOON, trace

START = NOON // HOUR_US * HOUR_US


def test_a_period_has_the_sums_of_its_hours(store: Store) -> None:
    """By outcome, with costs that are not known counted apart; shadows and other hours are left out."""
    store.write(
        [
            trace(outcome="passed", cost_nanousd=7, duration_us=1000),
            trace(outcome="blocked", cost_nanousd=None, found=[{"entity": "REPEATED_CALL"}, {"entity": "X"}]),
            trace(outcome="passed", shadow_of="a" * 32),
            trace(outcome="masked", started_us=NOON - 9 * HOUR_US, cost_nanousd=5),
        ]
    )

    found, before = period(store, START, START + HOUR_US), period(store, START - 24 * HOUR_US, START)

    assert (found.outcomes, found.requests, found.stopped) == ({"passed": 1, "blocked": 1}, 2, 1)
    assert (found.cost_nanousd, found.no_cost) == (7, 1) and found.p95_us is not None
    assert (before.outcomes, before.cost_nanousd) == ({"masked": 1}, 5)
    assert period(store, START, START + HOUR_US, "other") == Period()


def test_traffic_once_is_traffic(store: Store) -> None:
    """For the tenant that it was, however long ago."""
    assert not any_traffic(store)
    store.write([trace(started_us=NOON - 900 * HOUR_US)])
    assert any_traffic(store) and any_traffic(store, "default") and not any_traffic(store, "other")
