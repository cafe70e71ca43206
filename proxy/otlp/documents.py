"""Spans of apps as they are stored: looked at by the policy first, cut to size after, and nothing raw in them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import orjson

from guardrails import redact
from guardrails.engine import Guard
from guardrails.policy import Capture
from guardrails.pseudonyms import Vault
from guardrails.types import Edit, Segment, Stage, Verdict
from proxy import identity
from proxy.context import Context
from proxy.exchange import Principal
from proxy.otlp.conventions import PLAIN, Told, as_json, told
from proxy.otlp.span import AppSpan
from proxy.pipeline import VAULT_SCOPE
from proxy.store.bodies import encode
from proxy.verdicts import scanned

LONGEST = {"text": 20_000, "arguments": 20_000, "result": 20_000, "query": 4_000}
"""Code points of a text that are kept; the rest is left out, and the span says so."""
_LONGEST_NAME = 256
_DETAIL_BYTES = 8_192
"""Bytes of what is kept of a span's attributes."""
_AT_ONCE = 100
"""Spans that are read in one go in a thread."""
_NAME, _WITHHELD = "name", "(not kept)"

_STAGES = {"query": Stage.RETRIEVAL, "arguments": Stage.TOOL_CALL, "result": Stage.TOOL_RESULT}


@dataclass(frozen=True, slots=True)
class Draft:
    """A span on its way to the store: raw."""

    id: str
    trace_id: str
    parent: str | None
    name: str
    service: str
    source: str
    """`otlp` or `api`."""
    started_us: int
    ended_us: int | None
    received_us: int
    error: bool
    told: Told
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Those of PLAIN that it has."""


def draft(span: AppSpan, who: Principal, received_us: int) -> Draft:
    """The draft of a span that an app sent. An app that sends a span twice gives it the same id."""
    started = span.started_ns // 1000 or received_us
    return Draft(
        id=f"{span.trace_id}{span.span_id}@{who.key_id}",
        trace_id=span.trace_id,
        parent=span.parent,
        name=span.name,
        service=span.service,
        source="otlp",
        started_us=started,
        ended_us=max(started, span.ended_ns // 1000) if span.ended_ns else None,
        received_us=received_us,
        error=span.error,
        told=told(span.attributes),
        attributes={name: span.attributes[name] for name in PLAIN if name in span.attributes},
    )


async def documents(
    context: Context, who: Principal, spans: Sequence[AppSpan], received_us: int
) -> list[dict[str, Any]]:
    """The spans as they may be stored, in their order. Others have their turn on the event loop meanwhile."""
    found: list[dict[str, Any]] = []
    for first in range(0, len(spans), _AT_ONCE):
        chunk = spans[first : first + _AT_ONCE]
        for one in await asyncio.to_thread(_drafts, chunk, who, received_us):
            found.append(await stored(context, who, one, "/v1/traces"))
            await asyncio.sleep(0)
    return found


def _drafts(spans: Sequence[AppSpan], who: Principal, received_us: int) -> list[Draft]:
    return [draft(one, who, received_us) for one in spans]


async def stored(context: Context, who: Principal, one: Draft, route: str) -> dict[str, Any]:
    """A draft as it may be stored: its texts inspected by the policy for this caller and route."""
    guard = context.policies.guard_for(who, "", route)
    body = _body(one)
    verdict = await guard.inspect(
        list(_segments(body)), Vault(context.key, who.tenant, VAULT_SCOPE), later=True
    )
    head = {
        "kind": "outside_span",
        "id": one.id,
        "tenant": who.tenant,
        "key_id": who.key_id,
        "trace_id": one.trace_id,
        "parent_span": one.parent,
        "span_kind": one.told.kind,
        "source": one.source,
        "started_us": one.started_us,
        "ended_us": one.ended_us,
        "received_us": one.received_us,
        "error": one.error,
        "response_id": identity.reply_id(one.told.response_id),
        "asked": identity.asked(context.key, who.tenant, one.told.asked) if one.told.asked else None,
        "subject": identity.subject_hash(context.key, who.tenant, one.told.user) if one.told.user else None,
    }
    safe = _safe(body, verdict, guard)
    return head | _told(context.key, who.tenant, one.told, safe, verdict)


def _body(one: Draft) -> dict[str, Any]:
    """Every text of a draft, by what it is."""
    told = one.told
    return {
        _NAME: one.name,
        "service": one.service,
        "query": _plain(told.query),
        "documents": [{"id": each.id, "text": each.text} for each in told.documents],
        "tool": told.tool,
        "call_id": told.call_id,
        "arguments": _plain(told.arguments),
        "result": _plain(told.result),
        "attributes": {
            name: value if isinstance(value, str | int | float | bool) else as_json(value)
            for name, value in one.attributes.items()
        },
    }


def _plain(text: str | None) -> str | None:
    """A text; JSON without escapes, behind which a rule would find nothing."""
    if text is None or text.lstrip()[:1] not in ("{", "[", '"'):
        return text
    try:
        return orjson.dumps(orjson.loads(text)).decode()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return text


def _segments(body: Mapping[str, Any]) -> Iterator[Segment]:
    for name in (_NAME, "service", "tool", "call_id"):
        if body[name]:
            yield Segment(
                body[name], f"/{name}", Stage.TOOL_CALL if body["tool"] else Stage.RETRIEVAL, "tool:app"
            )
    for name, stage in _STAGES.items():
        if body[name]:
            channel = "tool:app" if stage is Stage.TOOL_RESULT else "user"
            yield Segment(body[name], f"/{name}", stage, channel)
    for place, each in enumerate(body["documents"]):
        for name in ("id", "text"):
            if each[name]:
                yield Segment(
                    each[name], f"/documents/{place}/{name}", Stage.RETRIEVAL, f"retrieved:{place + 1}"
                )
    for name, value in body["attributes"].items():
        yield Segment(str(value), f"/attributes/{name}", Stage.RETRIEVAL, "tool:app")


def _safe(body: dict[str, Any], verdict: Verdict, guard: Guard) -> dict[str, Any] | None:
    """The texts that may be stored; None when a rule that acts could not look at them."""
    if not scanned(verdict, guard.policy):
        return None
    edits = redact.mask(f for f in verdict.findings if f.end) if verdict.blocked_by else verdict.edits
    by_pointer = sorted(edits, key=lambda edit: (edit.pointer, edit.start))
    safe = {
        **body,
        "documents": [{**each} for each in body["documents"]],
        "attributes": {**body["attributes"]},
    }
    for pointer, some in groupby(by_pointer, key=lambda edit: edit.pointer):
        _edit(safe, pointer, list(some))
    if guard.policy.capture is Capture.NONE:
        safe |= dict.fromkeys(("tool", "query", "arguments", "result"))
        safe |= {_NAME: _WITHHELD, "service": "", "attributes": {}}
        for each in safe["documents"]:
            each["text"] = ""
    return safe


def _edit(safe: dict[str, Any], pointer: str, edits: list[Edit]) -> None:
    kind, _, rest = pointer[1:].partition("/")
    if kind == "documents":
        place, _, name = rest.partition("/")
        each = safe["documents"][int(place)]
        each[name] = redact.apply(each[name], edits)
    elif kind == "attributes":
        safe["attributes"][rest] = redact.apply(str(safe["attributes"][rest]), edits)
    else:
        safe[kind] = redact.apply(safe[kind], edits)


def _told(
    key: bytes, tenant: str, told: Told, safe: dict[str, Any] | None, verdict: Verdict
) -> dict[str, Any]:
    """What is stored beside the head of a span's document."""
    if safe is None:
        detail: dict[str, Any] = {"withheld": True}
        return {"name": _WITHHELD, "service": None, "detail": detail, "retrieval": [], "tool_calls": []}
    cut: list[str] = []
    hits = [
        {
            "rank": each.rank,
            "doc_id": _short(kept["id"]),
            "score": each.score,
            "text": _cut(kept["text"], "text", f"documents/{each.rank}", cut),
        }
        for each, kept in zip(told.documents, safe["documents"], strict=True)
    ]
    calls = []
    if told.kind == "tool":
        arguments = _cut(safe["arguments"] or "", "arguments", "arguments", cut)
        result = None if safe["result"] is None else _cut(safe["result"], "result", "result", cut)
        name, call_id = _short(safe["tool"] or safe[_NAME]), _short(safe["call_id"] or "")
        calls = [{"call_id": call_id, "name": name, "arguments": arguments, "result": result, "state": "ran"}]
    detail = {
        "query": safe["query"] and _cut(safe["query"], "query", "query", cut),
        "attributes": {name: _short(value) for name, value in safe["attributes"].items()},
        "session": told.session and identity.session_hash(key, tenant, told.session),
        "rules": sorted({found.rule for found in verdict.findings}),
        "documents_left_out": told.left_out,
        "truncated": cut,
    }
    return {
        "name": _short(safe[_NAME]),
        "service": _short(safe["service"]) or None,
        "detail": _bounded({name: value for name, value in detail.items() if value}),
        "retrieval": hits,
        "tool_calls": calls,
    }


def _short(value: Any) -> Any:
    return value[:_LONGEST_NAME] if isinstance(value, str) else value


def _cut(text: str, kind: str, place: str, cut: list[str]) -> str:
    """A text at its longest. Cut after it was edited: half a value would be recognised by nobody."""
    if len(text) <= LONGEST[kind]:
        return text
    cut.append(place)
    return text[: LONGEST[kind]]


def _bounded(detail: dict[str, Any]) -> dict[str, Any]:
    """The detail in at most 8 KB: the query is cut first, then the list of what was cut, then attributes go."""
    if len(encode(detail)) > _DETAIL_BYTES:
        detail["truncated"] = [*detail.get("truncated", ())[:20], "query"]
        detail["query"] = detail.get("query", "")[:500]
    if len(encode(detail)) > _DETAIL_BYTES:
        detail["attributes"] = {}
    return detail
