"""A stored trace as a span: the names that the proxy's own export to a collector has, from one mapping."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from guardrails.types import Action, Mode
from proxy.config_schema import Otlp
from proxy.export.lines import text
from proxy.telemetry_otlp import attributes

_BY_REFERENCE = Otlp(endpoint="http://unused")
_SAME = (
    "id", "parent_span", "started_us", "duration_us", "path", "model", "answered_model", "response_id",
    "finish_reasons", "usage", "run_id", "session_id", "http_status", "policy", "outcome", "deployment", "shadow_of",
)  # fmt: skip


def seen(trace: Mapping[str, Any]) -> Any:
    """A trace document as the exchange that it tells of, as far as `proxy.telemetry_otlp` looks at one."""
    error = trace["error"]
    called = trace["key_id"] is not None or trace["team"] is not None
    prompt = trace["prompt"]
    return SimpleNamespace(
        **{name: trace[name] for name in _SAME},
        trace_id=trace["trace_id"],
        span=trace["id"][16:],
        cancelled=trace["outcome"] == "cancelled",
        failure=error and SimpleNamespace(code=error["code"], status=trace["http_status"]),
        principal=SimpleNamespace(key_id=trace["key_id"], team=trace["team"]) if called else None,
        prompt=prompt and SimpleNamespace(name=prompt, version=trace["prompt_version"]),
        input=_verdict(trace, "input"),
        output=_verdict(trace, "output"),
    )


def _verdict(trace: Mapping[str, Any], side: str) -> Any:
    findings = [
        SimpleNamespace(
            rule=each["rule"], entity=each["entity"], action=Action(each["action"]), mode=Mode(each["mode"])
        )
        for each in trace["findings"]
        if each["side"] == side
    ]
    failures = [
        SimpleNamespace(rule=each["rule"], kind=each["kind"], action=Action(each["action"]))
        for each in trace["failures"]
        if each["side"] == side
    ]
    # The document says what both sides together came to.
    return SimpleNamespace(findings=findings, failures=failures, action=Action(trace["action"]))


def told(trace: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """The attributes of a trace's span; `content` adds its texts as they are stored, after the guardrails."""
    found = attributes(seen(trace), _BY_REFERENCE)
    if trace["deployment"]:
        found["gen_ai.provider.name"] = trace["deployment"].partition("/")[0]
    for name, side in (("input", "request"), ("output", "response")):
        if content and trace[side] is not None:
            found |= {f"{name}.value": text(trace[side]), f"{name}.mime_type": "application/json"}
    return found
