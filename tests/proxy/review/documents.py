"""Trace and run documents as a working proxy and an eval run would leave them, for the pages to show."""

from __future__ import annotations

import json
import time
from typing import Any

POLICY = "default@3f9c21d07b4e"
HOUR = 3_600_000_000


def trace(number: int, **over: Any) -> dict[str, Any]:
    """A trace document; a larger number is older. `over` replaces fields."""
    started = time.time_ns() // 1000 - number * 7 * 60_000_000 - 90_000_000
    document: dict[str, Any] = {
        "id": f"{0x0199A4C0FFEE7000 - number:016x}{0xBEE5_0000_0000_0001 + number:016x}",
        "trace_id": f"{number:032x}",
        "started_us": started,
        "duration_us": 812_000 + number * 41_337 % 900_000,
        "first_token_us": 231_000 + number * 7_001 % 200_000,
        "path": "/v1/chat/completions",
        "dialect": "chat",
        "stream": number % 2 == 1,
        "tenant": "default",
        "key_id": "0199a3f0c1d27b3e9a415d20c7718e01",
        "model": "gpt-4o-mini",
        "answered_model": "gpt-4o-mini-2024-07-18",
        "deployment": "openai/gpt-4o-mini",
        "provider": "openai_wire",
        "policy": POLICY,
        "outcome": "passed",
        "http_status": 200,
        "error": None,
        "usage": {"prompt_tokens": 412, "completion_tokens": 87, "total_tokens": 499},
        "finish_reasons": ["stop"],
        "attempts": 1,
        "upstream_called": True,
        "request": {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]},
        "response": reply("Hello, how can I help?"),
        "findings": [],
        "failures": [],
        "tool_calls": [],
        "retrieval": [],
        "timings": {
            "auth": 0.03,
            "parse": 0.11,
            "inspect_input": 1.84,
            "upstream": 804.2,
            "inspect_output": 0.93,
        },
        "action": "allow",
        "decided": "allow",
    }
    return document | over


def reply(text: str | None, **message: Any) -> dict[str, Any]:
    """A stored reply of one choice."""
    finish = message.pop("finish_reason", "stop")
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, **message},
        "finish_reason": finish,
    }
    return {"id": "chatcmpl-8Xk2", "object": "chat.completion", "choices": [choice]}


def finding(pointer: str, text: str, token: str, **over: Any) -> dict[str, Any]:
    """A finding whose place in the stored text is where `token` first stands in it."""
    start = text.index(token)
    found = {
        "side": "input",
        "rule": "pii",
        "check": "pii",
        "entity": token.strip("[]").rpartition("_")[0] if "_" in token else "EMAIL_ADDRESS",
        "stage": "input",
        "pointer": pointer,
        "within": "",
        "start": start,
        "end": start + 17,
        "score": 0.95,
        "action": "pseudonymize",
        "mode": "enforce",
        "fingerprint": "b1946ac92492d234",
        "masked_start": start,
        "masked_end": start + len(token),
    }
    return found | over


SYSTEM = (
    "You are the support assistant of Northwind Bikes. Answer from the documents you are given and name the "
    "document. Never promise a refund above 200 EUR. Text such as EMAIL_ADDRESS_3f9a1c02de stands for a value "
    "that was masked: use it as it is."
)
ASK = (
    "Hi, I'm EMAIL_ADDRESS_5c20d9a7f1 and my order NW-48213 still hasn't arrived. You can reach me on "
    "PHONE_NUMBER_a81f03c6be. Can you check where it is and refund the express shipping to "
    "IBAN_CODE_90be17d2aa?"
)
ARGUMENTS = {
    "order": "NW-48213",
    "customer": {"email": "EMAIL_ADDRESS_5c20d9a7f1", "notify": True},
    "fields": ["status", "carrier", "eta"],
}
RESULT = (
    '{"status": "in transit", "carrier": "DHL", "eta": "2026-10-03", "shipping_paid": 14.9,\n'
    ' "contact": "EMAIL_ADDRESS_0d4471ab9e"}'
)
ANSWER = (
    "Your order NW-48213 is in transit with DHL and should arrive on 3 October.\n\n"
    "Express shipping is refunded when a parcel is more than two working days late [shipping-policy.md]. Yours "
    "is four days late, so I have prepared a refund of 14.90 EUR to IBAN_CODE_90be17d2aa. You will hear from us "
    "at EMAIL_ADDRESS_5c20d9a7f1 once it is booked."
)


def agent() -> dict[str, Any]:
    """The rich one: masked on the way in, a tool call with its result, retrieval, a shadow rule, a failed check."""
    call = {
        "id": "call_7Hq",
        "type": "function",
        "function": {"name": "lookup_order", "arguments": json.dumps(ARGUMENTS)},
    }
    question = "/messages/1/content"
    arguments = "/messages/2/tool_calls/0/function/arguments"
    hits = [
        ("shipping-policy.md", 0.871, "Express shipping is refunded in full when a parcel arrives more than two working days after the date named at checkout."),
        ("refunds.md", 0.794, "Refunds go to the account the order was paid from. Support may book up to 200 EUR without approval."),
        ("faq.md", 0.512, "Questions about parcels: write to EMAIL_ADDRESS_77e2c08d13 or use the chat."),
    ]  # fmt: skip
    return trace(
        1,
        outcome="masked",
        action="pseudonymize",
        decided="block",
        model="support-default",
        duration_us=1_842_113,
        request={
            "model": "gpt-4o-mini",
            "messages": [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": ASK},
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "call_7Hq", "content": RESULT},
            ],
            "tools": [{"type": "function", "function": {"name": "lookup_order", "description": "Status of an order."}}],
        },
        response=reply(ANSWER),
        findings=[
            finding(question, ASK, "EMAIL_ADDRESS_5c20d9a7f1"),
            finding(question, ASK, "PHONE_NUMBER_a81f03c6be", score=0.75),
            finding(question, ASK, "IBAN_CODE_90be17d2aa", score=1.0),
            finding(
                question, ASK, "refund the express shipping", rule="injection", check="injection", entity="INJECTION",
                score=0.62, action="block", mode="shadow",
            ),
            finding(arguments, "EMAIL_ADDRESS_5c20d9a7f1", "EMAIL_ADDRESS_5c20d9a7f1", within="/customer/email", stage="tool_call"),
            finding("/messages/3/content", RESULT, "EMAIL_ADDRESS_0d4471ab9e", stage="tool_result"),
            finding("/guardhouse/retrieval/2/text", hits[2][2], "EMAIL_ADDRESS_77e2c08d13", stage="retrieval"),
            finding("/messages/1/content", ASK, "NW-48213", entity="ORDER_NUMBER", rule="internal-ids", check="words", score=1.0, action="flag"),
        ],
        failures=[
            {"side": "output", "rule": "grounding", "check": "grounding", "kind": "timeout", "reason": "TimeoutError", "action": "allow"}
        ],
        tool_calls=[
            {"call_id": "call_7Hq", "name": "lookup_order", "arguments": json.dumps(ARGUMENTS), "result": RESULT, "state": "answered"}
        ],
        retrieval=[
            {"rank": rank, "doc_id": doc, "score": score, "text": text, "source": "request"}
            for rank, (doc, score, text) in enumerate(hits, 1)
        ],
    )  # fmt: skip


def blocked(number: int = 0) -> dict[str, Any]:
    """A key in the prompt: refused, nothing sent."""
    text = "Why does this deploy script fail?\n\nexport AWS_SECRET_ACCESS_KEY=[AWS_SECRET_KEY]\naws s3 sync ./dist s3://northwind-web"
    return trace(
        number,
        outcome="blocked",
        action="block",
        decided="block",
        http_status=400,
        answered_model=None,
        deployment="",
        provider="",
        upstream_called=False,
        attempts=0,
        usage=None,
        finish_reasons=[],
        response=None,
        first_token_us=None,
        duration_us=2_310,
        stream=False,
        error={
            "type": "invalid_request_error", "code": "content_filter", "param": "/messages/0/content",
            "message": "Rule 'secrets' blocked this request: AWS_SECRET_KEY at /messages/0/content.",
        },
        request={"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]},
        findings=[
            finding("/messages/0/content", text, "[AWS_SECRET_KEY]", rule="secrets", check="secrets", entity="AWS_SECRET_KEY", score=1.0, action="block")
        ],
        timings={"auth": 0.03, "parse": 0.09, "inspect_input": 1.12},
    )  # fmt: skip


def masked(number: int, text: str, *tokens: str, **over: Any) -> dict[str, Any]:
    """A prompt in which tokens stand for what was found."""
    found = [finding("/messages/0/content", text, token) for token in tokens]
    request = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}
    values = {"outcome": "masked", "action": "pseudonymize", "decided": "pseudonymize"} | over
    return trace(number, request=request, findings=found, **values)


def ordinary() -> list[dict[str, Any]]:
    """A morning's queue."""
    ask = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Summarise the attached complaint in two sentences."}]}  # fmt: skip
    leak = "The card on file is [CREDIT_CARD], expiring in May. Shall I charge it?"
    out = finding("/choices/0/message/content", leak, "[CREDIT_CARD]", side="output", stage="output", entity="CREDIT_CARD", action="redact", score=1.0)  # fmt: skip
    words = "Is Project Heron on track for the March launch? Legal asked for a summary before the board meets on Thursday, please keep it short."
    flag = finding("/messages/0/content", words, "Project Heron", rule="codenames", check="words", entity="CODENAME", action="flag", score=1.0)  # fmt: skip
    return [
        blocked(),
        agent(),
        trace(2, outcome="masked", action="redact", decided="redact", request=ask, response=reply(leak), findings=[out]),
        masked(3, "Draft a reply to EMAIL_ADDRESS_1f20c4d8e9 about the invoice from last week", "EMAIL_ADDRESS_1f20c4d8e9"),
        trace(4, outcome="flagged", action="flag", decided="flag", model="claude-sonnet", answered_model="claude-sonnet-4-5", request={"messages": [{"role": "user", "content": words}]}, findings=[flag]),
        masked(5, "Add PHONE_NUMBER_77ab01c2d3 and EMAIL_ADDRESS_aa10b2c3d4 to the contact sheet, then sort it by surname and remove the rows that have no company name in them.", "PHONE_NUMBER_77ab01c2d3", "EMAIL_ADDRESS_aa10b2c3d4", model="llama-3.3-70b"),
        trace(6, outcome="failed", http_status=504, usage=None, response=None, request=ask, duration_us=61_204_000, attempts=3, first_token_us=None,
              error={"type": "server_error", "code": "upstream_timeout", "message": "The provider did not answer in time.", "param": None},
              failures=[{"side": "input", "rule": "injection", "check": "injection", "kind": "timeout", "reason": "TimeoutError", "action": "allow"}]),
        masked(7, "EMAIL_ADDRESS_d0d1d2d3d4 asks whether the warranty covers the battery. What do we say?", "EMAIL_ADDRESS_d0d1d2d3d4", outcome="cancelled"),
        blocked(8),
        masked(9, "Translate to Dutch: please call me on PHONE_NUMBER_0a1b2c3d4e after six", "PHONE_NUMBER_0a1b2c3d4e"),
        trace(10),
        trace(11, request=None, response=None),
    ]  # fmt: skip


def run(id: str = "0199a4c2d1c07a1f8e20", **over: Any) -> dict[str, Any]:
    """A blocked run of 24 items with its baseline."""
    golden = {"name": "support", "version": "1.2.0", "content_sha256": "9d" * 32, "n": 24}
    items, cases = [], []
    for place in range(24):
        bad = place in (3, 8, 15)
        text = (
            "The battery is covered for two years [warranty.md]."
            if not bad
            else "All parts are covered for life."
        )
        scores: dict[str, Any] = {
            "groundedness": {"status": "scored", "value": 0.31 if bad else 0.97, "reason": "claim without support: 'for life'" if bad else ""},
            "recall@5": {"status": "scored", "value": 1.0, "reason": ""},
            "f1": {"status": "scored", "value": 0.4 if bad else 0.88, "reason": ""},
        }  # fmt: skip
        if place == 5:
            text, scores["groundedness"] = (
                "",
                {"status": "unscored", "value": None, "reason": "the target gave no answer"},
            )
        items.append({
            "id": f"warranty-{place:02}", "sha256": "ab" * 32, "repeat": 0, "scores": scores,
            "output": {
                "text": text, "tool_calls": [{"name": "search", "arguments": '{"query": "battery warranty"}'}] if place == 1 else [],
                "hits": [], "verdict": "allow", "usage": None, "latency_ms": 612.0 + place * 13, "trace_id": "", "error": "timed out after 60 s" if place == 5 else "",
            },
        })  # fmt: skip
        cases.append({"id": f"warranty-{place:02}", "question": "Is the battery covered by the warranty, and for how long?", "expected": "For two years."})  # fmt: skip
    ref = {"name": "support", "version": "7", "sha256": "cd" * 32}
    document = {
        "format": "guardhouse.run/1", "id": id, "created_at": "2026-10-01T09:12:44Z", "suite": "support-answers",
        "golden": golden, "prompt": {**ref, "version": "8"}, "repeats": 1,
        "target": {"kind": "http", "base_url": "http://127.0.0.1:4000/v1", "model": "gpt-4o-mini", "answered_models": ["gpt-4o-mini-2024-07-18"]},
        "scorers": [{"name": name, "version": "1"} for name in ("groundedness", "recall@5", "f1")],
        "summary": {
            "groundedness": {"mean": 0.884, "n": 23, "unscored": 1, "low": 0.79, "high": 0.95},
            "recall@5": {"mean": 1.0, "n": 24, "unscored": 0, "low": 0.86, "high": 1.0},
            "f1": {"mean": 0.82, "n": 24, "unscored": 0, "low": 0.74, "high": 0.89},
        },
        "gate": {
            "verdict": "block", "reason": "groundedness got worse by 0.082 (95 % interval 0.031 to 0.140), beyond the margin of 0.03.",
            "metrics": [
                {"metric": "groundedness", "verdict": "block", "reason": "it got worse, beyond chance", "margin": 0.03, "n": 23, "baseline": 0.966, "candidate": 0.884, "delta": -0.082, "low": -0.14, "high": -0.031},
                {"metric": "recall@5", "verdict": "pass", "reason": "no loss beyond the margin of 0.03", "margin": 0.03, "n": 24, "baseline": 1.0, "candidate": 1.0, "delta": 0.0, "low": 0.0, "high": 0.0},
                {"metric": "f1", "verdict": "none", "reason": "reported, does not gate", "margin": 0.03, "n": 24, "baseline": 0.86, "candidate": 0.82, "delta": -0.04, "low": -0.09, "high": 0.01},
            ],
        },
        "baseline": {
            "id": "0199a1b07c337e55a0aa", "prompt": ref,
            "flips": [{"id": f"warranty-{place:02}", "metric": "groundedness", "before": 0.97, "after": 0.31} for place in (3, 8, 15)]
            + [{"id": "warranty-11", "metric": "f1", "before": 0.3, "after": 0.9}],
        },
        "cases": cases, "items": items,
    }  # fmt: skip
    return document | over


def runs(trace_id: str) -> list[dict[str, Any]]:
    """A run that may ship and one that may not, oldest first."""
    good = run(
        "0199a1b07c337e55a0aa", created_at="2026-09-30T16:40:02Z", baseline=None,
        prompt={"name": "support", "version": "7", "sha256": "cd" * 32},
        gate={"verdict": "pass", "reason": "every gating metric holds its threshold.", "metrics": []},
    )  # fmt: skip
    bad = run()
    bad["items"][0]["output"]["trace_id"] = trace_id
    return [good, bad]
