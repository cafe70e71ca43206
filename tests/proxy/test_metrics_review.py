"""Review in numbers: read by maintenance, told for a while, and not longer."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry

from proxy.metrics_review import FRESH_SECONDS, Review, look
from proxy.store.db import open_store
from tests.proxy.store.reviewing import give, queue, taken


def test_the_queues_are_told_until_the_figures_are_old(tmp_path: Path) -> None:
    """Open items, how long the oldest waits, agreement; verdicts are counted as they are given."""
    store = open_store(f"sqlite:///{tmp_path / 'traces.sqlite3'}", b"k" * 32)
    id = queue(store, 3, reviews=2)
    for reviewer in ("ann", "bob"):
        for verdict in ("pass", "fail"):
            assert give(store, taken(store, id, reviewer), reviewer, verdict)
    figures, now, registry = look(store), [1e9], CollectorRegistry()
    store.close()
    review = Review(registry, lambda: now[0])
    value = registry.get_sample_value
    assert value("guardhouse_review_open_items", {"queue": "mine"}) is None

    review.update(figures)
    review.judged(["pass", "pass"])

    assert value("guardhouse_review_open_items", {"queue": "mine"}) == 1
    assert value("guardhouse_review_agreement", {"queue": "mine", "on": "traces"}) == 1
    assert value("guardhouse_review_verdicts_total", {"verdict": "pass"}) == 2
    now[0] += FRESH_SECONDS
    assert value("guardhouse_review_open_items", {"queue": "mine"}) is None
