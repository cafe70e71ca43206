"""Moderation without a provider: the policy judges the input, and its verdict is the answer. Nothing is forwarded."""

from __future__ import annotations

from dataclasses import replace

import orjson

from guardrails.redact import mask
from guardrails.types import Action, merge
from proxy import relay
from proxy.dialects.moderations import judgement
from proxy.errors import Code, Unavailable
from proxy.exchange import Exchange
from proxy.identity import without_user
from proxy.kept import storable, storable_reply
from proxy.large import aside, texts_of
from proxy.verdicts import unscannable


async def answer(out: relay.Outlet) -> None:
    """Judge the request's input and reply. Raises Unavailable when a rule that must not be skipped could not run."""
    exchange = out.exchange
    with relay.Timed(exchange, "inspect_input"):
        await _judge(exchange)
    failed = next((each for each in exchange.input.failures if each.action is Action.BLOCK), None)
    if failed is not None:
        message = f"The input was not judged: the rule {failed.rule!r} could not check it. Try again later."
        raise Unavailable(message, code=Code.GUARDRAIL_UNAVAILABLE)
    reply = judgement(exchange.id, exchange.policy, exchange.request, exchange.input)
    exchange.safe_response = storable_reply(exchange, exchange.input, reply)
    await out.whole(200, orjson.dumps(reply))


async def _judge(exchange: Exchange) -> None:
    """Sets the verdict on the request and what is stored of it. What would be blocked elsewhere is only found here."""
    assert exchange.principal is not None
    guard, dialect, request = exchange.guard, exchange.dialect, exchange.request
    exchange.retrieval = []
    texts = await aside(exchange, texts_of, exchange)
    said = dialect.conversation(request, texts, exchange.principal.key_id)
    found = await guard.inspect(texts, conversation=said)
    parts = await aside(exchange, dialect.unscannable, request)
    verdict = merge([found, unscannable(parts, guard.policy.unscannable)])
    exchange.input = replace(verdict, edits=(), blocked_by="", blocked_at="")
    if storable(exchange, verdict):
        edits = mask(each for each in verdict.findings if each.end) if verdict.blocked_by else verdict.edits
        edited = await aside(exchange, dialect.edited, request, edits)
        # The model named is none that is served: that name could hold anything.
        exchange.safe_request = {
            key: value for key, value in without_user(dialect.stored(edited)).items() if key != "model"
        }
        exchange.retrieval = dialect.hits(edited)
