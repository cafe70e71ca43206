"""Published eval runs as metrics."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry

from proxy.metrics_evals import MOST_METRICS, MOST_SUITES, Evals


def _run(suite: str = "support", verdict: str = "pass", **means: Any) -> dict[str, Any]:
    summary = {name: {"mean": mean} for name, mean in means.items()}
    return {"suite": suite, "gate": {"verdict": verdict}, "summary": summary}


def test_the_last_run_of_a_suite_is_told() -> None:
    """What it did not score any more goes; blocked runs are counted, from zero on."""
    registry = CollectorRegistry()
    evals = Evals(registry)

    def told(metric: str) -> float | None:
        return registry.get_sample_value("guardhouse_eval_score", {"suite": "support", "metric": metric})

    def blocked() -> float | None:
        return registry.get_sample_value("guardhouse_eval_regressions_total", {"suite": "support"})

    evals.published(_run(f1=0.8, exact=0.5))
    assert (told("f1"), told("exact"), blocked()) == (0.8, 0.5, 0.0)
    evals.published(_run(verdict="block", f1=0.6, nothing=None))
    assert (told("f1"), told("exact"), told("nothing"), blocked()) == (0.6, None, None, 1.0)


def test_publishers_make_only_so_many_series() -> None:
    """Names that are no plain words, and what is beyond the bounds, are left out."""
    registry = CollectorRegistry()
    evals = Evals(registry)
    for n in range(MOST_SUITES * 2):
        evals.published(_run(f"suite-{n}", **{f"m{m}": 0.5 for m in range(MOST_METRICS * 2)}))
    evals.published(_run('evil"} 1\n', f1=0.5))
    evals.published({"suite": 3, "summary": [], "gate": None})

    families = {family.name: len(family.samples) for family in registry.collect()}
    assert families["guardhouse_eval_score"] == MOST_SUITES * MOST_METRICS
