"""What published eval runs scored, by the last one of each suite. Labels are bounded: publishers choose the names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from proxy.eval_scores import number, record, text

MOST_SUITES, MOST_METRICS = 50, 30
"""Suites, and metrics of each, that have a time series; what is published of others is not told here."""
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.:@+-]{0,63}")


class Evals:
    """Counts published runs, and keeps the means of the last one of each suite."""

    def __init__(self, registry: Any) -> None:
        from prometheus_client import Counter, Gauge

        self._score = Gauge(
            "guardhouse_eval_score",
            "Mean of a scorer in the suite's last published run.",
            ("suite", "metric"),
            registry=registry,
        )
        self._regressions = Counter(
            "guardhouse_eval_regressions",
            "Published runs that the gate blocked.",
            ("suite",),
            registry=registry,
        )
        self._metrics: dict[str, set[str]] = {}

    def published(self, run: Mapping[str, Any]) -> None:
        """Tell of a run that was published just now. What only the one before it scored is forgotten."""
        suite = text(run.get("suite"))
        if not _NAME.fullmatch(suite) or (suite not in self._metrics and len(self._metrics) >= MOST_SUITES):
            return
        means = {
            str(name): mean
            for name, summary in record(run.get("summary")).items()
            if _NAME.fullmatch(str(name)) and (mean := number(record(summary).get("mean"))) is not None
        }
        told = dict(list(means.items())[:MOST_METRICS])
        for name in self._metrics.get(suite, set()) - set(told):
            self._score.remove(suite, name)
        self._metrics[suite] = set(told)
        for name, mean in told.items():
            self._score.labels(suite, name).set(mean)
        # Named from the first run on, so that the first regression is seen as an increase.
        regressions = self._regressions.labels(suite)
        if record(run.get("gate")).get("verdict") == "block":
            regressions.inc()
