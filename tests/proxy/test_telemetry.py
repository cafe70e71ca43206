"""Metrics and logs: bounded labels, nothing raw, one registry per app."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proxy.exchange import Failure, Principal
from proxy.telemetry import Metrics
from tests.proxy.exchanges import SECRET, masked


def _value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"guardhouse_{name}", labels)


def test_an_exchange_is_counted_with_its_findings_and_failures() -> None:
    """Numbers come from the verdicts, not from status codes."""
    metrics = Metrics("1", "p@1")

    metrics.observe(masked())

    path = "/v1/chat/completions"
    assert _value(metrics, "requests_total", path=path, outcome="masked") == 1
    assert _value(metrics, "request_seconds_sum", path=path) == 0.0015
    assert _value(metrics, "first_token_seconds_count") == 1
    found = {"rule": "pii", "entity": "EMAIL_ADDRESS", "action": "redact", "mode": "enforce"}
    assert _value(metrics, "guardrail_findings_total", **found) == 1
    assert _value(metrics, "guardrail_failures_total", rule="names", kind="timeout") == 1
    assert _value(metrics, "guardrail_seconds_count", rule="pii") == 1


def test_what_a_caller_chooses_makes_no_series() -> None:
    """A path or model that a caller made up is not a label, and no text of an exchange is."""
    metrics = Metrics("1", "p@1")

    metrics.observe(masked(path="/v1/made-up", model="made-up-model"))
    text = metrics.render()[0].decode()

    assert _value(metrics, "requests_total", path="other", outcome="masked") == 1
    assert "made-up" not in text
    assert SECRET not in text


def test_costs_are_counted_in_dollars_and_what_is_not_known_apart() -> None:
    """By configured model and team; what was never sent is neither."""
    metrics = Metrics("1", "p@1")
    metrics.models = {"small"}
    who = Principal("k", team="search")

    for cost in (1_500_000_000, 500_000_000, None):
        metrics.observe(masked(principal=who, cost_nanousd=cost, upstream_called=True))
    metrics.observe(masked(cost_nanousd=0))
    metrics.observe(masked(cost_nanousd=None, upstream_called=False))

    assert _value(metrics, "cost_usd_total", model="small", team="search") == 2
    assert _value(metrics, "cost_unknown_total", model="small") == 1
    assert 'team=""' not in metrics.render()[0].decode()


def test_shadows_are_counted_apart() -> None:
    """No number about callers is about them too."""
    metrics = Metrics("1", "p@1")

    def others() -> list[str]:
        told = metrics.render()[0].decode().splitlines()
        return [line for line in told if "shadow" not in line and not line.startswith("process_")]

    before = others()

    metrics.observe(masked(shadow_of="x", failure=Failure(502, "t", "upstream_error", "m")))
    metrics.shadow("not_sent")

    assert _value(metrics, "shadow_requests_total", outcome="failed") == 1
    assert _value(metrics, "shadow_requests_total", outcome="not_sent") == 1
    assert others() == before


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (502, "upstream_unreachable", "unreachable"),
        (504, "upstream_timeout", "timeout"),
        (502, "upstream_error", "error"),
        (429, "rate_limit_exceeded", "rate_limited"),
        (400, "any word of the provider", "refused"),
        (500, None, "error"),
    ],
)
def test_upstream_errors_have_five_kinds(status: int, code: str | None, kind: str) -> None:
    """A provider's own words never become a label."""
    metrics = Metrics("1", "p@1")

    metrics.observe(masked(failure=Failure(status, "t", code, "m")))

    assert _value(metrics, "upstream_errors_total", kind=kind) == 1


def test_a_failure_before_the_provider_is_not_the_providers() -> None:
    """Bad JSON is not an upstream error."""
    metrics = Metrics("1", "p@1")

    metrics.observe(masked(failure=Failure(400, "t", "invalid_json", "m"), upstream_called=False))

    assert "upstream_errors_total{" not in metrics.render()[0].decode()


def test_a_new_policy_replaces_the_old_one_in_build_info() -> None:
    """Only what runs is said to run."""
    metrics = Metrics("1", "p@1")
    metrics.policy("p@2")

    assert _value(metrics, "build_info", version="1", policy="p@2") == 1
    assert _value(metrics, "build_info", version="1", policy="p@1") is None


def test_every_metric_is_documented() -> None:
    """docs/reference/metrics.md has a row for each, and for no other."""
    metrics = Metrics("1", "p@1")
    page = (Path(__file__).resolve().parents[2] / "docs/reference/metrics.md").read_text(encoding="utf-8")
    names = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in metrics.registry.collect()
    }

    assert set(re.findall(r"^\| `(\w+)`", page.partition("## Reasons")[0], re.M)) == names
