"""What is true of the running proxy at the moment somebody looks: nothing is counted until then."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proxy.lag import Lag
    from proxy.maintenance import Maintenance
    from proxy.reload import Reloads
    from proxy.store.rule_figures import RuleFigures

RELOADS = ("applied", "unchanged", "failed")
"""Results of a reload."""


class Running:
    """A collector: reads what it is told to watch whenever it is asked."""

    def __init__(self) -> None:
        self.reloads: Reloads | None = None
        self.lag: Lag | None = None
        self.streams = 0
        """Streamed replies that are under way."""
        self.maintenance: Maintenance | None = None
        self.retained_at = 0.0
        """When retention last went through, Unix seconds; 0: not in this process."""
        self.anchored: dict[str, float] = {"file": time.time()}
        """When the end of the audit log was last known to be anchored, or else since when it should be, Unix seconds;
        by where: `file` or `url`."""
        self.posted = (-1, 0.0)
        """The end of the audit log that was posted last, and when, Unix seconds."""
        self.retained_rows: dict[str, int] = {}
        """Rows that retention deleted, by clock."""
        self.figures: Sequence[RuleFigures] = ()
        """What reviewers' verdicts say of each rule, as it was counted last."""
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
        yield from self._maintained()
        yield from self._judged()

    def retained(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Count what a run of retention took, rows by clock and table."""
        self.retained_at = time.time()
        for clock, by_table in counts.items():
            self.retained_rows[clock] = self.retained_rows.get(clock, 0) + sum(by_table.values())

    def _maintained(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        failures = self.maintenance.failures if self.maintenance else {}
        jobs = self.maintenance.jobs if self.maintenance else ()
        trouble = GaugeMetricFamily(
            "guardhouse_maintenance_trouble", "1 while a job of maintenance fails.", labels=["job"]
        )
        for job in jobs:
            trouble.add_metric([job.name], int(job.name in failures))
        yield trouble
        anchored = GaugeMetricFamily(
            "guardhouse_audit_anchored_timestamp_seconds",
            "When the audit log was anchored.",
            labels=["where"],
        )
        for where, at in self.anchored.items():
            anchored.add_metric([where], at)
        yield anchored
        yield GaugeMetricFamily(
            "guardhouse_retention_last_run_timestamp_seconds",
            "When retention last went through.",
            value=self.retained_at,
        )
        rows = CounterMetricFamily("guardhouse_retention_rows", "Rows deleted, by clock.", labels=["clock"])
        for clock, count in self.retained_rows.items():
            rows.add_metric([clock], count)
        yield rows

    def _judged(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily

        precision = GaugeMetricFamily(
            "guardhouse_guardrail_rule_precision",
            "Share of a rule's judged findings that were right, over 30 days.",
            labels=["rule", "bound"],
        )
        missed = GaugeMetricFamily(
            "guardhouse_guardrail_missed_estimate",
            "What a rule is estimated to have missed, over 30 days.",
            labels=["rule", "bound"],
        )
        for each in self.figures:
            for family, estimate in ((precision, each.precision), (missed, each.missed)):
                for bound in ("value", "low", "high") if estimate is not None else ():
                    family.add_metric([each.rule, bound], getattr(estimate, bound))
        yield precision
        yield missed

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
