"""Calls to providers, counted under OpenTelemetry's names: bounded labels, honest numbers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from proxy.config import Config
from proxy.config_deployments import Deployment
from proxy.exchange import Failure
from proxy.metrics_calls import result
from proxy.routing import Attempt
from proxy.telemetry import Metrics
from tests.proxy.exchanges import masked

CONFIG = Config(
    Path("guardhouse.yaml"),
    (
        Deployment("openai/a", "small", "openai_wire", "openai", "a"),
        Deployment("openai/b", "small", "openai_wire", "openai", "b"),
        Deployment("mistral/c", "large", "openai_wire", "mistral", "c"),
    ),
)
ASKED = {
    "gen_ai_operation_name": "chat",
    "gen_ai_request_model": "small",
    "gen_ai_provider_name": "openai",
}


@pytest.fixture
def metrics() -> Metrics:
    """The metrics of a proxy with three deployments."""
    made = Metrics("1", "p@1")
    made.configuration(CONFIG, "p@1")
    return made


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """One number."""
    return metrics.registry.get_sample_value(name, labels)


def test_a_call_is_timed_and_its_tokens_counted(metrics: Metrics) -> None:
    """Without the time that guardrails took before and after it."""
    timings = {"auth": 0.1, "parse": 0.1, "inspect_input": 0.3, "inspect_output": 0.2}
    metrics.observe(masked(deployment="openai/a", timings=timings, stream=True))

    seconds = value(metrics, "gen_ai_client_operation_duration_seconds_sum", **ASKED, error_type="")
    assert seconds == pytest.approx(0.0008)
    first = value(metrics, "gen_ai_client_operation_time_to_first_chunk_seconds_sum", **ASKED)
    assert first == pytest.approx(0.0004)
    for kind, tokens in (("input", 9), ("output", 2)):
        assert value(metrics, "gen_ai_client_token_usage_sum", **ASKED, gen_ai_token_type=kind) == tokens


@pytest.mark.parametrize(
    ("over", "kind"),
    [
        ({"failure": Failure(504, "t", "upstream_timeout", "m")}, "upstream_timeout"),
        ({"failure": Failure(400, "t", "any word of a provider", "m")}, "_OTHER"),
        ({"failure": Failure(500, "t", None, "m")}, "_OTHER"),
        ({"cancelled": True}, "cancelled"),
    ],
)
def test_errors_have_names_of_our_own(metrics: Metrics, over: dict[str, Any], kind: str) -> None:
    """A provider's own words never become a label."""
    metrics.observe(masked(deployment="openai/a", **over))

    assert value(metrics, "gen_ai_client_operation_duration_seconds_count", **ASKED, error_type=kind) == 1


def test_what_reached_no_provider_is_no_call(metrics: Metrics) -> None:
    """A blocked request, and one that the cache answered."""
    metrics.observe(masked(upstream_called=False))

    assert "gen_ai_client_operation_duration_seconds_count{" not in metrics.render()[0].decode()


def test_a_stream_without_counts_is_told(metrics: Metrics) -> None:
    """Only one that came to its end; a whole reply without counts is another matter."""
    for over in ({"stream": True}, {"stream": True, "cancelled": True}, {"stream": False}):
        metrics.observe(masked(deployment="openai/a", usage=None, **over))

    assert value(metrics, "guardhouse_stream_usage_missing_total") == 1


def test_attempts_retries_and_fallbacks_are_counted_by_deployment(metrics: Metrics) -> None:
    """A retry stays in the group that was asked, a fallback goes to another."""
    tried = [
        Attempt("openai/a", 503, None, 1.0),
        Attempt("openai/b", 0, "upstream_timeout", 1.0),
        Attempt("mistral/c", 429, None, 1.0),
        Attempt("mistral/c", 200, None, 1.0),
    ]
    metrics.attempts("small", tried)

    told = [
        ("attempts", "openai/a", "error"),
        ("attempts", "openai/b", "timeout"),
        ("attempts", "mistral/c", "rate_limited"),
        ("attempts", "mistral/c", "ok"),
    ]
    for name, deployment, outcome in told:
        assert value(metrics, f"guardhouse_upstream_{name}_total", deployment=deployment, result=outcome) == 1
    assert value(metrics, "guardhouse_upstream_retries_total", deployment="openai/b") == 1
    assert value(metrics, "guardhouse_upstream_retries_total", deployment="mistral/c") == 1
    assert value(metrics, "guardhouse_upstream_fallbacks_total", deployment="mistral/c") == 1


@pytest.mark.parametrize(
    ("status", "code", "name"),
    [(200, None, "ok"), (404, None, "refused"), (500, None, "error"), (0, "upstream_unreachable", "unreachable"),
     (0, "cancelled", "cancelled"), (0, "strange", "error")],
)  # fmt: skip
def test_an_attempt_has_one_of_seven_results(status: int, code: str | None, name: str) -> None:
    """Whatever the provider said."""
    assert result(Attempt("d", status, code, 1.0)) == name


def test_a_hostile_caller_makes_no_series(metrics: Metrics) -> None:
    """A thousand models, paths, tools and errors that nobody configured: as many series as one of each."""
    from proxy.exchange import ToolCall

    def series() -> int:
        return len([line for line in metrics.render()[0].splitlines() if not line.startswith(b"#")])

    def hostile(number: int) -> None:
        call = ToolCall("c", f"tool{number}", "{}", state=f"state{number}")
        metrics.observe(
            masked(
                path=f"/v1/{number}",
                # What is not served never becomes the model of an exchange: see pipeline._parse.
                model="",
                deployment=f"d{number}",
                tool_calls=[call],
                failure=Failure(400, f"t{number}", f"c{number}", "m"),
                usage={f"k{number}": number, "prompt_tokens": f"x{number}"},
            )
        )

    hostile(0)
    before = series()
    for number in range(1, 1001):
        hostile(number)

    assert series() == before


def test_tools_that_a_rule_lists_have_a_name_and_no_other(metrics: Metrics) -> None:
    """Callers choose the names of tools: those that no rule lists are `other`."""
    from proxy.exchange import ToolCall

    listed = SimpleNamespace(
        id="t", check="tools", options={"allow": ["search"]}, mode=SimpleNamespace(value="enforce")
    )
    guard: Any = SimpleNamespace(policy=SimpleNamespace(label="p@2", rules=(listed,)))
    exchange = masked(
        tool_calls=[ToolCall("1", "search", "{}"), ToolCall("2", "wipe", "{}", state="answered")]
    )
    exchange.guard = guard
    metrics.observe(exchange)

    assert value(metrics, "guardhouse_tool_calls_total", tool="search", state="requested") == 1
    assert value(metrics, "guardhouse_tool_calls_total", tool="other", state="answered") == 1
