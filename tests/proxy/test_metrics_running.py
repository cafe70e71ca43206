"""What is true of the running proxy now: read when somebody looks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from proxy.lag import Lag
from proxy.routing import Standing
from proxy.telemetry import Metrics


def test_what_is_in_force_and_under_way_is_read_when_asked() -> None:
    """Also what changed since the last look: a revision that is no more in force is gone."""
    metrics = Metrics("1", "p@1")
    standing = [Standing("d1", "m", True, 3), Standing("d2", "m", False, 0)]
    context = SimpleNamespace(
        config=SimpleNamespace(revision="aaa"), router=SimpleNamespace(standing=lambda: standing)
    )
    reloads: Any = SimpleNamespace(
        context=context, requests=4, trouble="x", needs_restart=("a", "b"), loaded=12.5
    )
    lag = Lag(lambda: 1.0)
    lag.note(0.25)
    metrics.watch_app(reloads, lag)
    metrics.streaming(1)
    metrics.reload("failed")

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"guardhouse_{name}", labels)

    assert value("requests_in_flight") == 4
    assert value("streams_open") == 1
    assert value("event_loop_lag_seconds") == 0.25
    assert value("config_trouble") == 1
    assert value("config_needs_restart") == 2
    assert value("config_loaded_timestamp_seconds") == 12.5
    assert value("config_reloads_total", result="failed") == 1
    assert value("config_reloads_total", result="applied") == 0
    assert value("config_info", revision="aaa") == 1
    assert value("deployment_resting", deployment="d1") == 1
    assert value("deployment_cooldowns_total", deployment="d1") == 3
    context.config.revision, reloads.trouble = "bbb", None
    assert value("config_info", revision="aaa") is None
    assert value("config_trouble") == 0
