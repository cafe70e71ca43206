"""What is true of the running proxy at the moment somebody looks: nothing is counted until then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proxy.lag import Lag
    from proxy.reload import Reloads

RELOADS = ("applied", "unchanged", "failed")
"""Results of a reload."""


class Running:
    """A collector: reads what it is told to watch whenever it is asked."""

    def __init__(self) -> None:
        self.reloads: Reloads | None = None
        self.lag: Lag | None = None
        self.streams = 0
        """Streamed replies that are under way."""
        self.results = dict.fromkeys(RELOADS, 0)
        """How often a reload came to each result."""

    def collect(self) -> Iterator[Any]:
        """Every figure, as it is now."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        def gauge(name: str, help: str, value: float) -> Any:
            return GaugeMetricFamily(f"guardhouse_{name}", help, value=value)

        reloads = self.reloads
        yield gauge("requests_in_flight", "Requests under way.", reloads.requests if reloads else 0)
        yield gauge("streams_open", "Streamed replies under way.", self.streams)
        lag = self.lag.seconds() if self.lag else 0.0
        yield gauge("event_loop_lag_seconds", "Longest wait for a turn lately.", lag)
        counted = CounterMetricFamily("guardhouse_config_reloads", "Reloads by result.", labels=["result"])
        for result, times in self.results.items():
            counted.add_metric([result], times)
        yield counted
        trouble = reloads is not None and reloads.trouble is not None
        yield gauge("config_trouble", "1 while the last reload failed.", int(trouble))
        pending = len(reloads.needs_restart) if reloads else 0
        yield gauge("config_needs_restart", "Changed keys that wait for a restart.", pending)
        loaded = reloads.loaded if reloads else 0.0
        yield gauge("config_loaded_timestamp_seconds", "When the configuration in force was read.", loaded)
        yield from self._in_force()

    def _in_force(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        info = GaugeMetricFamily("guardhouse_config_info", "Always 1; what is in force.", labels=["revision"])
        resting = GaugeMetricFamily(
            "guardhouse_deployment_resting", "1 while a deployment is left alone.", labels=["deployment"]
        )
        cooldowns = CounterMetricFamily(
            "guardhouse_deployment_cooldowns", "How often one was left alone.", labels=["deployment"]
        )
        if self.reloads is not None:
            context = self.reloads.context
            info.add_metric([context.config.revision], 1)
            for standing in context.router.standing():
                resting.add_metric([standing.deployment], int(standing.resting))
                cooldowns.add_metric([standing.deployment], standing.rests)
        yield info
        yield resting
        yield cooldowns
