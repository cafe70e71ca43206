"""A span as it is stored: after the policy, cut to size, told when it was cut or withheld."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from guardrails.engine import load_guard
from guardrails.policy import parse
from guardrails.types import Action, CheckFailure, Verdict
from proxy import identity
from proxy.exchange import Principal
from proxy.otlp import json_form
from proxy.otlp.documents import LONGEST, documents
from proxy.store.bodies import encode
from tests.proxy.otlp import exports
from tests.proxy.policies import policy

KEY = b"k" * 32
WHO = Principal("key-1", "acme")


def kept(*spans: dict[str, Any], failed: str = "") -> list[dict[str, Any]]:
    """The documents of some spans under a policy, a rule of which may not have done its work."""
    failure = CheckFailure(failed, "words", "timeout", "TimeoutError", Action.BLOCK)

    async def broken(*_: Any, **__: Any) -> Verdict:
        return Verdict(failures=(failure,))

    async def run() -> list[dict[str, Any]]:
        guard = load_guard(parse(policy()), KEY)
        judge = SimpleNamespace(policy=guard.policy, inspect=broken if failed else guard.inspect)
        context: Any = SimpleNamespace(key=KEY, policies=SimpleNamespace(guard_for=lambda *_: judge))
        try:
            return await documents(context, WHO, json_form.read(exports.export(*spans)).spans, 7)
        finally:
            await guard.aclose()

    return asyncio.run(run())


def test_every_part_of_a_span_is_where_it_belongs() -> None:
    """Ids, times, hashes, hits and a tool's call."""
    tool = {"openinference.span.kind": "TOOL", "tool.name": "send", "tool_call.id": "c1", "input.value": '{"a": 1}',
            "output.value": "done", "session.id": "s", "user.id": "u"}  # fmt: skip
    llm = {"gen_ai.operation.name": "chat", "gen_ai.response.id": "chatcmpl-1", "gen_ai.request.model": "m",
           "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": " why? "}  # fmt: skip
    first, second = kept(exports.spanned(tool), exports.spanned(llm, span="1" * 16, parentSpanId="2" * 16))

    assert first["tool_calls"] == [
        {"call_id": "c1", "name": "send", "arguments": '{"a":1}', "result": "done", "state": "ran"}
    ]
    assert first["detail"]["session"] == identity.session_hash(KEY, "acme", "s")
    assert "u" not in first["detail"].values()
    assert (first["tenant"], first["key_id"], first["received_us"]) == ("acme", "key-1", 7)
    assert (second["parent_span"], second["response_id"]) == ("2" * 16, "chatcmpl-1")
    assert second["asked"] == identity.asked(KEY, "acme", "why?")
    assert second["detail"] == {"attributes": {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}}


def test_a_check_that_could_not_look_keeps_nothing() -> None:
    """What it would have masked is unknown then: no name, no text, no id of a document."""
    [one] = kept(exports.retriever(("d1", "text", 0.5)), failed="mail")

    assert one["detail"] == {"withheld": True}
    assert (one["retrieval"], one["tool_calls"], one["name"]) == ([], [], "(not kept)")


def test_long_texts_are_cut_after_they_were_looked_at() -> None:
    """A value across the edge is masked as a whole; what was cut is told."""
    longest = LONGEST["text"]
    edge = "x" * (longest - 5) + " ada@example.com " + "y" * longest
    [one] = kept(exports.retriever(("d1", edge, 0.5)))

    [hit] = one["retrieval"]
    assert len(hit["text"]) == longest
    assert "ada" not in hit["text"]
    assert one["detail"]["truncated"] == ["documents/1"]


def test_what_is_kept_of_attributes_is_bounded() -> None:
    """At most 8 KB, whatever it holds."""
    wide = {
        "input.value": "\x01" * 4_000,
        "gen_ai.request.model": "\x01" * 10_000,
        "llm.model_name": "\U0001f600" * 999,
    }
    [one] = kept(exports.retriever(attributes=wide))

    assert len(encode(one["detail"])) <= 8_192


def test_a_blocking_rule_masks_what_it_found() -> None:
    """Nothing is refused to the app, which has done it already: only what is stored is less."""
    [one] = kept(exports.retriever(("d1", "the kryptonite plans", 0.5)))

    assert one["retrieval"][0]["text"] == "the [DENIED_WORD] plans"
    assert one["detail"]["rules"] == ["forbidden"]
