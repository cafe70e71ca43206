"""Health: when a deployment rests, and for how long."""

from __future__ import annotations

from proxy.config_deployments import Deployment
from proxy.health import FAILURE_WINDOW_SECONDS, LONGEST_REST_SECONDS, Health

A, B = (Deployment(id, "m", "fake", "fake", "echo") for id in "ab")


def test_one_that_fails_too_often_rests_for_a_while() -> None:
    """More than so many times within a minute; the others are awake."""
    health = Health("ab", 2, 5.0)
    for now in (0.0, 1.0):
        health.failed("a", now)
    assert health.awake([A, B], 1.0) == [A, B]
    health.failed("a", 2.0)
    assert health.awake([A, B], 6.9) == [B]
    assert health.awake([A, B], 7.0) == [A, B]


def test_old_failures_are_forgotten() -> None:
    """And a rest begins a new count."""
    health = Health("a", 1, 5.0)
    for number in range(5):
        health.failed("a", number * (FAILURE_WINDOW_SECONDS + 1))
    assert health.rests_until("a") <= 4 * (FAILURE_WINDOW_SECONDS + 1)


def test_one_that_asks_for_patience_gets_it() -> None:
    """At its first failure already, and never for ever; a later failure does not cut it short."""
    health = Health("a", 3, 5.0)
    health.failed("a", 0.0, 20.0)
    health.failed("a", 1.0)
    assert health.rests_until("a") == 20.0
    health.failed("a", 30.0, 86_400.0)
    assert health.rests_until("a") == 30.0 + LONGEST_REST_SECONDS
