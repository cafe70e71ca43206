"""Builders for finished exchanges, as the pipeline would leave them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from guardrails.types import Action, CheckFailure, Edit, Finding, Mode, Stage, Verdict
from proxy.dialects.chat_dialect import CHAT
from proxy.exchange import Exchange, Principal

SECRET = "ada.lovelace@example.com"
"""Stands in the raw request and nowhere else."""


def finding(start: int, end: int, **over: Any) -> Finding:
    """A finding of an e-mail address in the last message."""
    values: dict[str, Any] = {
        "rule": "pii",
        "check": "pii",
        "entity": "EMAIL_ADDRESS",
        "stage": Stage.INPUT,
        "pointer": "/messages/0/content",
        "start": start,
        "end": end,
        "score": 0.9,
        "action": Action.REDACT,
        "mode": Mode.ENFORCE,
        "fingerprint": "f1",
    }
    return Finding(**{**values, **over})


JUDGE: Any = SimpleNamespace(policy=SimpleNamespace(label="default@0123456789ab", rules=()))
"""Stands for the guard of an exchange that is only recorded."""


def masked(text: str = "hello", **over: Any) -> Exchange:
    """A chat in which an e-mail address was masked on the way in."""
    raw = f"mail {SECRET} {text}"
    exchange = Exchange("/v1/chat/completions", CHAT, JUDGE)
    exchange.principal = Principal("key-1")
    exchange.model = "small"
    exchange.body = raw.encode()
    exchange.request = {"model": "small", "messages": [{"role": "user", "content": raw}]}
    exchange.safe_request = {
        "model": "small",
        "messages": [{"role": "user", "content": f"mail [EMAIL_ADDRESS] {text}"}],
    }
    exchange.safe_response = {
        "id": "chatcmpl-1",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Done."}, "finish_reason": "stop"}
        ],
    }
    end = 5 + len(SECRET)
    exchange.input = Verdict(
        action=Action.REDACT,
        decided=Action.REDACT,
        findings=(finding(5, end),),
        failures=(CheckFailure("names", "pii", "timeout", "TimeoutError", Action.ALLOW),),
        edits=(Edit("/messages/0/content", 5, end, "[EMAIL_ADDRESS]"),),
        timings={"pii": 0.2},
    )
    exchange.usage = {"prompt_tokens": 9, "completion_tokens": 2}
    exchange.finish_reasons = ("stop",)
    exchange.duration_us, exchange.first_token_us, exchange.http_status = 1500, 900, 200
    exchange.upstream_called, exchange.attempts = True, 1
    for name, value in over.items():
        setattr(exchange, name, value)
    return exchange
