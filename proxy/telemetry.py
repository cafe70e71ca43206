"""What operators watch: the Prometheus metrics of one app.

No label holds what a caller chose freely: values come from the policy, the code or a closed list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proxy.errors import Code
from proxy.lag import Lag
from proxy.metrics_calls import Calls
from proxy.metrics_evals import Evals
from proxy.metrics_review import Review
from proxy.metrics_rules import Rules
from proxy.metrics_running import Running
from proxy.pooled import SHARE_SECONDS, Family, Pool

if TYPE_CHECKING:
    from proxy.config import Config
    from proxy.exchange import Exchange
    from proxy.reload import Reloads
    from proxy.routing import Attempt

PATHS = frozenset(
    {
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/responses",
        "/v1/responses/compact",
        "/v1/responses/input_tokens",
        "/v1/responses/{response_id}",
        "/v1/responses/{response_id}/cancel",
        "/v1/responses/{response_id}/input_items",
        "/v1/chat/completions/{completion_id}",
        "/v1/chat/completions/{completion_id}/messages",
        "/v1/embeddings",
        "/v1/moderations",
        "/v1/models",
        "/v1/messages",
        "/v1/messages/count_tokens",
        "/v1/traces",
    }
)
"""Routes that have a `path` label of their own; any other path counts as `other`."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The metrics of one app, in a registry of its own. Thread-safe; `observe` takes tens of microseconds."""

    def __init__(self, version: str, policy: str) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

        self.registry = CollectorRegistry(auto_describe=False)

        def make(kind: Any, name: str, help: str, labels: tuple[str, ...] = (), **options: Any) -> Any:
            return kind(f"guardhouse_{name}", help, labels, registry=self.registry, **options)

        self._requests = make(Counter, "requests", "Requests by route and outcome.", ("path", "outcome"))
        self._request_seconds = make(
            Histogram, "request_seconds", "Time from request to last byte.", ("path",), buckets=_SECONDS
        )
        self._first_token_seconds = make(
            Histogram, "first_token_seconds", "Time from request to first reply text.", buckets=_SECONDS
        )
        self._upstream_errors = make(
            Counter, "upstream_errors", "Exchanges that failed at the provider.", ("kind",)
        )
        self._shadows = make(
            Counter, "shadow_requests", "Copies of requests for another model, by outcome.", ("outcome",)
        )
        self._runs = make(
            Counter, "runs", "Agent runs and conversations, by what they were known by.", ("source",)
        )
        self._prompts = make(Counter, "prompt_requests", "Requests by prompt.", ("prompt", "version"))
        self._limited = make(
            Counter, "limit_refusals", "Requests over a limit of a key or team.", ("scope", "limit")
        )
        self._degraded = make(
            Gauge, "limits_degraded", "1 while limits are not counted in Redis as they should."
        )
        self._leases = make(Gauge, "limit_leases", "Requests under way of limited keys and teams.")
        self._cost = make(Counter, "cost_usd", "US dollars that exchanges cost.", ("model", "team"))
        self._cost_unknown = make(
            Counter, "cost_unknown", "Exchanges whose price or usage is not known.", ("model",)
        )
        self._spool_bytes = make(Gauge, "spool_bytes", "Bytes of the local spool on disk.")
        self._oldest = make(
            Gauge, "spool_oldest_unwritten_seconds", "Age of the oldest trace not yet in the database."
        )
        self._queue = make(Gauge, "trace_queue_depth", "Traces that are not on disk yet.")
        self._written = make(Counter, "traces_written", "Traces committed to the database.")
        self._dropped = make(Counter, "traces_dropped", "Traces lost, by reason.", ("reason",))
        self._app_spans = make(
            Counter, "app_spans", "Spans that apps sent, by what became of them.", ("result",)
        )
        self._feedback = make(Counter, "feedback", "What somebody thought of a reply.", ("value",))
        self._otlp_dropped = make(Counter, "otlp_dropped", "Spans of our own that no collector took.")
        self._build = make(Gauge, "build_info", "Always 1; what is running.", ("version", "policy"))
        self._calls, self.rules = Calls(self.registry), Rules(self.registry)
        self._evals = Evals(self.registry)
        self.review = Review(self.registry)
        self.running = Running()
        self.registry.register(self.running)
        ProcessCollector(registry=self.registry)
        self._pool: Pool | None = None
        self._version = version
        self.models: Collection[str] = ()
        """Names that are served; any other counts as `other`."""
        self._children: dict[tuple[Any, ...], Any] = {}
        """Metrics by label values: the library looks them up under a lock. As few as there are time series."""
        self.policy(policy)

    def observe(self, exchange: Exchange) -> None:
        """Count a finished exchange. Shadows are counted apart: no other number is about them."""
        if exchange.shadow_of is not None:
            self.shadow(exchange.outcome)
            return
        path = exchange.path if exchange.path in PATHS else "other"
        self._child(self._requests, path, exchange.outcome).inc()
        if exchange.duration_us is not None:
            self._child(self._request_seconds, path).observe(exchange.duration_us / 1e6)
        if exchange.first_token_us is not None:
            self._first_token_seconds.observe(exchange.first_token_us / 1e6)
        if exchange.prompt is not None:
            self._child(self._prompts, exchange.prompt.name, exchange.prompt.version).inc()
        if exchange.failure is not None and exchange.upstream_called:
            self._child(self._upstream_errors, _kind(exchange.failure.code, exchange.failure.status)).inc()
        self._observe_cost(exchange)
        self.rules.observe(exchange)
        self._calls.observe(exchange)

    def attempts(self, model: str, tried: Sequence[Attempt]) -> None:
        """Count the attempts that were made for a request for this alias."""
        self._calls.attempts(model, tried)

    def streaming(self, more: int) -> None:
        """Count a streamed reply that begins (1) or ends (-1)."""
        self.running.streams += more

    def _observe_cost(self, exchange: Exchange) -> None:
        model = exchange.model if exchange.model in self.models else "other"
        if exchange.cost_nanousd is None and exchange.upstream_called:
            self._child(self._cost_unknown, model).inc()
        elif exchange.cost_nanousd:
            # Only a caller whose team is configured gets as far as a cost.
            team = (exchange.principal and exchange.principal.team) or ""
            self._child(self._cost, model, team).inc(exchange.cost_nanousd / 1e9)

    def shadow(self, outcome: str) -> None:
        """Count a shadow: its exchange's outcome, or `not_sent` when too many were under way."""
        self._child(self._shadows, outcome).inc()

    def run(self, source: str) -> None:
        """Count a new run."""
        self._child(self._runs, source).inc()

    def limited(self, scope: str, limit: str) -> None:
        """Count a request that a limit of a `key` or `team` refused: `rpm`, `tpm`, `parallel` or `budget`."""
        self._child(self._limited, scope, limit).inc()

    def watch_limits(self, degraded: Callable[[], float], leases: Callable[[], float]) -> None:
        """Read how limits are counted whenever somebody looks."""
        self._degraded.set_function(degraded)
        self._leases.set_function(leases)

    def _child(self, metric: Any, *labels: str) -> Any:
        key = (metric, *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return child

    def policy(self, label: str) -> None:
        """Say which policy (`name@revision`) is enforced from now on."""
        self._build.clear()
        self._build.labels(self._version, label).set(1)

    def configuration(self, config: Config, policy: str) -> None:
        """Say what is in force from now on."""
        self.policy(policy)
        self.models = frozenset(each.model_name for each in config.deployments)
        self._calls.configuration(config)

    def reload(self, result: str) -> None:
        """Count a reload: `applied`, `unchanged` or `failed`."""
        self.running.results[result] += 1

    def written(self, traces: int) -> None:
        """Count traces that are in the database."""
        self._written.inc(traces)

    def dropped(self, reason: str, traces: int = 1) -> None:
        """Count traces that are lost. `reason` is one of a closed list, see docs/reference/metrics.md."""
        self._dropped.labels(reason).inc(traces)

    def app_spans(self, kept: int, refused: int) -> None:
        """Count spans that an app sent in one request."""
        self._child(self._app_spans, "kept").inc(kept)
        self._child(self._app_spans, "refused").inc(refused)

    def feedback(self, value: str) -> None:
        """Count one `up`, `down` or `score`."""
        self._child(self._feedback, value).inc()

    def published(self, run: Mapping[str, Any]) -> None:
        """Tell of an eval run that was published."""
        self._evals.published(run)

    def otlp_dropped(self, spans: int) -> None:
        """Count spans of our own that were not exported."""
        self._otlp_dropped.inc(spans)

    def watch(
        self, spool_bytes: Callable[[], float], oldest: Callable[[], float], queue: Callable[[], float]
    ) -> None:
        """Read the spool's size, its oldest trace's age and the queue before it whenever somebody looks."""
        self._spool_bytes.set_function(spool_bytes)
        self._oldest.set_function(oldest)
        self._queue.set_function(queue)

    def watch_app(self, reloads: Reloads, lag: Lag) -> None:
        """Read what is in force and under way whenever somebody looks."""
        self.running.reloads, self.running.lag = reloads, lag

    # --- several workers

    def join(self, folder: Path) -> None:
        """Take a place among the workers that share this folder: from now on `render` tells of all of them."""
        self._pool = Pool(folder)

    async def share(self) -> None:
        """Leave one's numbers for the other workers every few seconds. Never returns; alone, it does nothing."""
        while True:
            await asyncio.sleep(SHARE_SECONDS)
            if self._pool is not None:
                await asyncio.to_thread(self._share, self._pool)

    def _share(self, pool: Pool) -> list[Family]:
        families = self._families()
        try:
            pool.share(families)
        except OSError:
            pass  # the disk is full: the spool says so, and louder
        return families

    def _families(self) -> list[Family]:
        return [
            Family(
                metric.name,
                metric.type,
                metric.documentation,
                {
                    (metric.name, sample.name, tuple(sample.labels.items())): sample.value
                    for sample in metric.samples
                    if not sample.name.endswith("_created")
                },
            )
            for metric in self.registry.collect()
        ]

    def render(self) -> tuple[bytes, str]:
        """Everything in Prometheus' text format, and its content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        if self._pool is None:
            return generate_latest(self.registry), CONTENT_TYPE_LATEST
        # What is told now is also left for the others: whoever is asked next tells no less.
        families = self._pool.together(self._share(self._pool))
        return generate_latest(_Given(families)), CONTENT_TYPE_LATEST


class _Given:
    """Families as a registry that is only read."""

    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> list[Any]:
        from prometheus_client import Metric

        told = []
        for family in self._families:
            metric = Metric(family.name, family.help, family.kind)
            for (_, name, labels), value in family.numbers.items():
                metric.add_sample(name, dict(labels), value)
            told.append(metric)
        return told


def _kind(code: str | None, status: int) -> str:
    if code in (Code.UPSTREAM_UNREACHABLE, Code.UPSTREAM_TIMEOUT, Code.UPSTREAM_ERROR):
        return str(code).removeprefix("upstream_")
    if status == 429:
        return "rate_limited"
    return "refused" if status < 500 else "error"
