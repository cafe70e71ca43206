"""What was asked of providers, under OpenTelemetry's names for generative AI, and how routing went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from proxy.errors import Code

if TYPE_CHECKING:
    from proxy.config import Config
    from proxy.exchange import Exchange
    from proxy.routing import Attempt

OTHER = "_OTHER"
"""OpenTelemetry's word for an error, a provider or a name that is in no list."""
OPERATIONS = {
    "/v1/chat/completions": "chat",
    "/v1/responses": "chat",
    "/v1/messages": "chat",
    "/v1/completions": "text_completion",
    "/v1/embeddings": "embeddings",
}
"""`gen_ai_operation_name` by route; any other route counts as `_OTHER`."""
RESULTS = ("ok", "refused", "rate_limited", "error", "timeout", "unreachable", "cancelled")
"""What an attempt came to."""

_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_FIRST = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_TOKENS = tuple(4.0**power for power in range(14))
_BEFORE = ("auth", "parse", "inspect_input")
_CODES = frozenset(map(str, Code))
_FAILED = {
    str(Code.UPSTREAM_TIMEOUT): "timeout",
    str(Code.UPSTREAM_UNREACHABLE): "unreachable",
    "cancelled": "cancelled",
}
_USED = (("input", ("prompt_tokens", "input_tokens")), ("output", ("completion_tokens", "output_tokens")))


class Calls:
    """Counts calls to providers. Models are labels as far as they are configured, providers as the vendors are."""

    def __init__(self, registry: Any) -> None:
        from prometheus_client import Counter, Histogram

        asked = ("gen_ai_operation_name", "gen_ai_request_model", "gen_ai_provider_name")
        self._seconds = Histogram(
            "gen_ai_client_operation_duration_seconds",
            "Time from asking a provider to the end of its answer.",
            (*asked, "error_type"),
            registry=registry,
            buckets=_SECONDS,
        )
        self._first = Histogram(
            "gen_ai_client_operation_time_to_first_chunk_seconds",
            "Time from asking a provider to the first text of a streamed answer.",
            asked,
            registry=registry,
            buckets=_FIRST,
        )
        self._tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens as the provider counted them.",
            (*asked, "gen_ai_token_type"),
            registry=registry,
            buckets=_TOKENS,
        )
        self._missing = Counter(
            "guardhouse_stream_usage_missing",
            "Streams whose provider did not count tokens.",
            registry=registry,
        )
        self._attempts = Counter(
            "guardhouse_upstream_attempts", "Tries.", ("deployment", "result"), registry=registry
        )
        self._retries = Counter(
            "guardhouse_upstream_retries", "Tries after the first.", ("deployment",), registry=registry
        )
        self._fallbacks = Counter(
            "guardhouse_upstream_fallbacks", "Changes to a fallback.", ("deployment",), registry=registry
        )
        self._known: dict[str, tuple[str, str]] = {}
        """Vendor and alias of each deployment that is configured."""
        self._aliases: set[str] = set()
        self._children: dict[tuple[Any, ...], Any] = {}

    def configuration(self, config: Config) -> None:
        """Take the labels of these deployments for requests that end from now on."""
        self._aliases |= {each.model_name for each in config.deployments}
        self._known |= {each.id: (each.vendor, each.model_name) for each in config.deployments}

    def observe(self, exchange: Exchange) -> None:
        """Count a finished exchange that a provider was asked for."""
        if not exchange.upstream_called or exchange.duration_us is None:
            return
        vendor, _ = self._known.get(exchange.deployment, (OTHER, ""))
        model = exchange.model if exchange.model in self._aliases else OTHER
        asked = (OPERATIONS.get(exchange.path, OTHER), model, vendor)
        before = sum(exchange.timings.get(step, 0.0) for step in _BEFORE) / 1e3
        after = exchange.timings.get("inspect_output", 0.0) / 1e3
        spent = max(0.0, exchange.duration_us / 1e6 - before - after)
        self._child(self._seconds, *asked, _error(exchange)).observe(spent)
        if exchange.stream and exchange.first_token_us is not None:
            self._child(self._first, *asked).observe(max(0.0, exchange.first_token_us / 1e6 - before))
        if exchange.usage is None:
            if exchange.stream and exchange.failure is None and not exchange.cancelled:
                self._missing.inc()
            return
        for kind, names in _USED:
            counted = next((exchange.usage[name] for name in names if name in exchange.usage), None)
            if isinstance(counted, int):
                self._child(self._tokens, *asked, kind).observe(counted)

    def attempts(self, model: str, tried: Sequence[Attempt]) -> None:
        """Count the attempts for a request that asked for this alias, in their order."""
        alias = model
        for place, attempt in enumerate(tried):
            self._child(self._attempts, attempt.deployment, result(attempt)).inc()
            group = self._known.get(attempt.deployment, ("", model))[1]
            if group != alias:
                self._child(self._fallbacks, attempt.deployment).inc()
            elif place:
                self._child(self._retries, attempt.deployment).inc()
            alias = group

    def _child(self, metric: Any, *labels: str) -> Any:
        key = (metric, *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return child


def result(attempt: Attempt) -> str:
    """What an attempt came to, one of RESULTS."""
    if attempt.code is not None:
        return _FAILED.get(str(attempt.code), "error")
    if attempt.status < 400:
        return "ok"
    if attempt.status == 429:
        return "rate_limited"
    return "refused" if attempt.status < 500 else "error"


def _error(exchange: Exchange) -> str:
    """Our own code of what went wrong; a provider's word is none. Empty when nothing did."""
    if exchange.cancelled:
        return "cancelled"
    if exchange.failure is None:
        return ""
    return exchange.failure.code if exchange.failure.code in _CODES else OTHER
