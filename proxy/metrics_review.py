"""How review goes on: what waits in each queue, how far reviewers agree, what they said."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.store.agreements import agreements
from proxy.store.db import Store
from proxy.store.queue_figures import queue_figures
from proxy.store.queues import queues

FRESH_SECONDS = 300.0
"""How long figures are told after they were read: then another process reads them, or nobody does."""
_AGREE_SINCE_US = 30 * 86_400_000_000


@dataclass(frozen=True, slots=True)
class Figures:
    """What one look at the store found, by queue."""

    open: Mapping[str, int]
    oldest_us: Mapping[str, int]
    agreement: Mapping[tuple[str, str], float]
    """By queue and by what verdicts are on."""


def look(store: Store, now_us: int | None = None) -> Figures:
    """How the open queues stand now."""
    now = time.time_ns() // 1000 if now_us is None else now_us
    names = {row["id"]: row["name"] for row in queues(store, None) if row["closed_us"] is None}
    found = queue_figures(store, [*names], now)
    alphas = agreements(store, since_us=now - _AGREE_SINCE_US).queues
    # Queues of several tenants may have one name.
    open, oldest = Counter[str](), dict.fromkeys(names.values(), now)
    for id, each in found.items():
        open[names[id]] += each.open + each.disputed
        oldest[names[id]] = min(oldest[names[id]], each.oldest_us or now)
    return Figures(
        open=open,
        oldest_us=oldest,
        agreement={(each.name, each.on): each.alpha for each in alphas if each.alpha is not None},
    )


class Review:
    """A collector. The store is read by maintenance, never when somebody asks."""

    def __init__(self, registry: Any, clock: Callable[[], float] = time.time) -> None:
        import prometheus_client

        self._clock = clock
        self._figures: Figures | None = None
        self._read_at = 0.0
        self._verdicts = prometheus_client.Counter(
            "guardhouse_review_verdicts", "What reviewers said.", ("verdict",), registry=registry
        )
        registry.register(self)

    def judged(self, verdicts: Iterable[str]) -> None:
        """Count what a reviewer said, one verdict each."""
        for verdict in verdicts:
            self._verdicts.labels(verdict).inc()

    def update(self, figures: Figures) -> None:
        """Tell these figures for a while."""
        self._figures, self._read_at = figures, self._clock()

    def collect(self) -> Iterator[Any]:
        """Every figure, if it is not too old."""
        from prometheus_client.core import GaugeMetricFamily

        now = self._clock()
        found = self._figures if now - self._read_at < FRESH_SECONDS else None
        told: Sequence[tuple[str, str, Mapping[str, float]]] = (
            ("open_items", "Items that wait for a review or an adjudication.", found.open if found else {}),
            (
                "oldest_seconds",
                "How long the oldest of them has waited.",
                {name: max(0.0, now - us / 1e6) for name, us in found.oldest_us.items()} if found else {},
            ),
        )
        for name, help, values in told:
            family = GaugeMetricFamily(f"guardhouse_review_{name}", help, labels=["queue"])
            for queue, value in values.items():
                family.add_metric([queue], value)
            yield family
        words = "Krippendorff's alpha of the last 30 days, on findings and on traces."
        family = GaugeMetricFamily("guardhouse_review_agreement", words, labels=["queue", "on"])
        for (queue, on), value in found.agreement.items() if found else ():
            family.add_metric([queue, on], value)
        yield family
