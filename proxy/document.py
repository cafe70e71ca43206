"""The trace document: the one form in which an exchange is stored, exported and shown.

It is built from what the guardrails let through and from their verdicts, never from the raw request or body.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from guardrails.types import Edit, Finding, Mode, Verdict, strictest
from proxy.exchange import Exchange


def document(exchange: Exchange) -> dict[str, Any]:
    """The exchange as it is stored. `docs/reference/trace-format.md` describes each field."""
    principal, failure = exchange.principal, exchange.failure
    sides = (
        ("input", exchange.input, exchange.safe_request),
        ("output", exchange.output, exchange.safe_response),
    )
    return {
        "id": exchange.id,
        "trace_id": exchange.trace_id or exchange.id,
        "started_us": exchange.started_us,
        "duration_us": exchange.duration_us,
        "first_token_us": exchange.first_token_us,
        "path": exchange.path,
        "dialect": exchange.dialect,
        "stream": exchange.stream,
        "tenant": principal.tenant if principal else "default",
        "key_id": principal.key_id if principal else None,
        "model": exchange.model,
        "answered_model": exchange.answered_model,
        "deployment": exchange.deployment,
        "provider": exchange.provider,
        "policy": exchange.policy,
        "outcome": exchange.outcome,
        "http_status": exchange.http_status,
        "error": failure
        and {"type": failure.type, "code": failure.code, "message": failure.message, "param": failure.param},
        "usage": exchange.usage,
        "finish_reasons": list(exchange.finish_reasons),
        "attempts": exchange.attempts,
        "upstream_called": exchange.upstream_called,
        "request": exchange.safe_request,
        "response": exchange.safe_response,
        "findings": [
            finding for side, verdict, stored in sides for finding in _findings(side, verdict, stored)
        ],
        "failures": [
            {
                "side": side,
                "rule": failed.rule,
                "check": failed.check,
                "kind": failed.kind,
                "reason": failed.reason,
                "action": failed.action.value,
            }
            for side, verdict, _ in sides
            for failed in verdict.failures
        ],
        "tool_calls": [
            {
                "call_id": call.call_id,
                "name": call.name,
                "arguments": call.arguments,
                "result": call.result,
                "state": call.state,
            }
            for call in exchange.tool_calls
        ],
        "retrieval": [
            {
                "rank": hit.rank,
                "doc_id": hit.doc_id,
                "score": hit.score,
                "text": hit.text,
                "source": hit.source,
            }
            for hit in exchange.retrieval
        ],
        "timings": exchange.timings,
        "action": strictest((exchange.input.action, exchange.output.action)).value,
        "decided": strictest((exchange.input.decided, exchange.output.decided)).value,
    }


def _findings(side: str, verdict: Verdict, stored: Mapping[str, Any] | None) -> Iterable[dict[str, Any]]:
    if not verdict.findings:
        return
    edits = verdict.edits or tuple(_redactions(verdict.findings))
    # A blocked verdict has no edits: the masking is worked out again, and believed where the text shows it.
    check = stored if not verdict.edits else None
    places: dict[tuple[str, str], list[Edit]] = {}
    for edit in edits:
        places.setdefault((edit.pointer, edit.within), []).append(edit)
    for finding in verdict.findings:
        here = places.get((finding.pointer, finding.within), [])
        place = None if stored is None else _place(finding, here, check)
        yield {
            "side": side,
            "rule": finding.rule,
            "check": finding.check,
            "entity": finding.entity,
            "stage": finding.stage.value,
            "pointer": finding.pointer,
            "within": finding.within,
            "start": finding.start,
            "end": finding.end,
            "score": finding.score,
            "action": finding.action.value,
            "mode": finding.mode.value,
            "fingerprint": finding.fingerprint,
            "masked_start": place and place.start,
            "masked_end": place and place.end,
        }


class Place(NamedTuple):
    """Where something stands in a stored text: code points, end exclusive."""

    start: int
    end: int


def _place(finding: Finding, edits: list[Edit], check: Mapping[str, Any] | None) -> Place | None:
    place = moved(finding.start, finding.end, edits)
    if check is None:
        return place
    # Inside a string that holds JSON the addresses of parts may have moved too: those stay unplaced.
    text = None if finding.within else at(check, finding.pointer)
    shown = isinstance(text, str) and all(
        text[to.start : to.end] == edit.replacement
        for edit in edits
        for to in (moved(edit.start, edit.end, edits),)
    )
    return place if shown and isinstance(text, str) and place.end <= len(text) else None


def moved(start: int, end: int, edits: Iterable[Edit]) -> Place:
    """Where text[start:end] stands after edits, in order and apart; a cut edge takes in the replacement."""
    first, last, shift = start, end, 0
    for edit in edits:
        grown = len(edit.replacement) - (edit.end - edit.start)
        if edit.start < start < edit.end:
            first = edit.start + shift
        elif edit.end <= start:
            first += grown
        if edit.start < end < edit.end:
            last = edit.start + shift + len(edit.replacement)
        elif edit.end <= end:
            last += grown
        shift += grown
    return Place(first, last)


def _redactions(findings: Iterable[Finding]) -> Iterable[Edit]:
    """What masking every enforced finding by its kind edits; of overlapping ones the first and longest."""
    last: Edit | None = None
    acting = (f for f in findings if f.mode is Mode.ENFORCE and f.action.rank > 1)
    for found in sorted(acting, key=lambda f: (f.pointer, f.within, f.start, -f.end)):
        if (
            last is not None
            and (last.pointer, last.within) == (found.pointer, found.within)
            and found.start < last.end
        ):
            continue
        last = Edit(found.pointer, found.start, found.end, f"[{found.entity}]", found.within)
        yield last


def at(body: Any, pointer: str) -> Any:
    """The value at an RFC 6901 pointer; None when there is none."""
    for name in pointer.split("/")[1:]:
        name = name.replace("~1", "/").replace("~0", "~")
        if isinstance(body, dict):
            body = body.get(name)
        elif isinstance(body, list) and name.isdigit() and int(name) < len(body):
            body = body[int(name)]
        else:
            return None
    return body
