"""The trace document: the one form in which an exchange is stored, exported and shown.

It is built from what the guardrails let through and from their verdicts, never from the raw request or body: where a
policy keeps those too, they are in it encrypted (`proxy.raw`), for the store alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from guardrails.types import Edit, Finding, Mode, Verdict, strictest
from proxy.exchange import Exchange, new_id
from proxy.identity import USER_PLACES

MAX_FINDINGS = 1_000
"""Findings of one side of an exchange that are stored; `findings_left_out` counts the rest."""


SAME = (
    "id",
    "parent_span",
    "session_id",
    "subject",
    "run_id",
    "run_source",
    "shadow_of",
    "started_us",
    "duration_us",
    "first_token_us",
    "path",
    "stream",
    "model",
    "answered_model",
    "deployment",
    "provider",
    "response_id",
    "object_id",
    "asked",
    "policy",
    "config",
    "outcome",
    "http_status",
    "usage",
    "cost_nanousd",
    "charged_nanousd",
    "price_version",
    "attempts",
    "upstream_called",
    "timings",
    "retrievals",
)
"""What a document says under the same name as the exchange."""


def document(exchange: Exchange) -> dict[str, Any]:
    """The exchange as it is stored. `docs/reference/trace-format.md` describes each field."""
    principal, failure, prompt = exchange.principal, exchange.failure, exchange.prompt
    names = _found_names((*exchange.input.findings, *exchange.output.findings))
    sides = [
        side
        for side in (
            ("input", exchange.input, exchange.safe_request),
            ("output", exchange.output, exchange.safe_response),
        )
        if side[1].findings or side[1].failures
    ]
    return {
        **{name: getattr(exchange, name) for name in SAME},
        "trace_id": exchange.trace_id or exchange.id,
        "dialect": exchange.dialect.name,
        "tenant": principal.tenant if principal else "default",
        "key_id": principal.key_id if principal else None,
        "team": principal.team if principal else None,
        "tags": dict(principal.tags) if principal else {},
        "prompt": prompt and prompt.name,
        "prompt_version": prompt and prompt.version,
        "prompt_hash": prompt and prompt.hash,
        "error": failure
        and {
            "type": failure.type,
            "code": failure.code,
            "message": failure.message,
            "param": _told(failure.param, names),
        },
        "finish_reasons": list(exchange.finish_reasons),
        "request": exchange.safe_request,
        "response": exchange.safe_response,
        "findings": [
            {
                **finding,
                "pointer": _told(finding["pointer"], names),
                "within": _told(finding["within"], names, finding["pointer"]),
            }
            for side, verdict, stored in sides
            for finding in _findings(side, verdict, stored)
        ],
        "findings_left_out": sum(max(0, len(verdict.findings) - MAX_FINDINGS) for _, verdict, _ in sides),
        "failures": [failed for side, verdict, _ in sides for failed in _failures(side, verdict)],
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
        "action": strictest([exchange.input.action, exchange.output.action]),
        "decided": strictest([exchange.input.decided, exchange.output.decided]),
        "raw": exchange.sealed is not None,
        **({"sealed": exchange.sealed} if exchange.sealed else {}),
    }


def gap(reason: str, lost: int, first_us: int, last_us: int) -> dict[str, Any]:
    """The document that stands for exchanges without one: how many, between when and when, and why."""
    times = {"started_us": first_us, "ended_us": last_us}
    return {"kind": "gap", "id": new_id(), "tenant": "default", **times, "reason": reason, "lost": lost}


def _failures(side: str, verdict: Verdict) -> Iterable[dict[str, Any]]:
    for failed in verdict.failures:
        yield {
            "side": side,
            "rule": failed.rule,
            "check": failed.check,
            "kind": failed.kind,
            "reason": failed.reason,
            "action": failed.action,
        }


def _findings(side: str, verdict: Verdict, stored: Mapping[str, Any] | None) -> Iterable[dict[str, Any]]:
    if not verdict.findings:
        return
    edits = verdict.edits or tuple(_redactions(verdict.findings))
    places: dict[tuple[str, str], list[Edit]] = {}
    for edit in edits:
        places.setdefault((edit.pointer, edit.within), []).append(edit)
    shifts = {address: Shift(here) for address, here in places.items()}
    # A blocked verdict has no edits, or of a stream those of what had been read: what they make of a place is
    # believed where the stored text shows it.
    unsure = stored is not None and bool(verdict.blocked_by or not verdict.edits)
    texts = {address: _shown(stored, address, shift) for address, shift in shifts.items()} if unsure else {}
    for finding in verdict.findings[:MAX_FINDINGS]:
        address = (finding.pointer, finding.within)
        place = None if stored is None else shifts.get(address, UNMOVED).place(finding.start, finding.end)
        if finding.pointer in USER_PLACES:
            place = None  # what is stored there is a fixed word
        if unsure and place is not None and place.end > texts.get(address, _length(stored, address)):
            place = None
        yield {
            "side": side,
            "rule": finding.rule,
            "check": finding.check,
            "entity": finding.entity,
            "stage": finding.stage,
            "pointer": finding.pointer,
            "within": finding.within,
            "start": finding.start,
            "end": finding.end,
            "score": finding.score,
            "action": finding.action,
            "mode": finding.mode,
            "fingerprint": finding.fingerprint,
            "masked_start": place and place.start,
            "masked_end": place and place.end,
        }


def told(address: str, findings: Iterable[Finding]) -> str | None:
    """A pointer as anybody may read it: a name in which something was found is told by its kind alone."""
    return _told(address, _found_names(findings)) or None


def _found_names(findings: Iterable[Finding]) -> dict[str, str]:
    """Addresses whose last step is a member name in which something was found, and what to write in its place."""
    if not findings:
        return {}
    return {
        _address(found.pointer, found.within[:-1]): f"[{found.entity}]"
        for found in findings
        if found.within.endswith("#")
    }


def _address(pointer: str, within: str) -> str:
    return f"{pointer}\0{within}" if within else pointer


def _told(address: str | None, names: Mapping[str, str], holder: str = "") -> str | None:
    """A pointer as it may be stored: a name in which something was found is told by its kind alone.

    `holder` is the pointer of the JSON text that `address` points into, when it does.
    """
    if not address or not names:
        return address
    path, told = "", []
    for step in address.removesuffix("#").split("/")[1:]:
        path += f"/{step}"
        told.append(names.get(_address(holder, path) if holder else path, step))
    return "".join(f"/{step}" for step in told) + "#" * address.endswith("#")


class Place(NamedTuple):
    """Where something stands in a stored text: code points, end exclusive."""

    start: int
    end: int


class Shift:
    """What edits of one text, in order and apart, do to the places in it. Looking one up costs little."""

    __slots__ = ("_ends", "_grown", "edits")

    def __init__(self, edits: Sequence[Edit]) -> None:
        self.edits = edits
        self._ends = [edit.end for edit in edits]
        self._grown = [0, *accumulate(len(edit.replacement) - (edit.end - edit.start) for edit in edits)]

    def place(self, start: int, end: int) -> Place:
        """Where text[start:end] stands after the edits; an edge inside an edit takes in its replacement."""
        first, last = bisect_right(self._ends, start), bisect_right(self._ends, end)
        begin, stop = start + self._grown[first], end + self._grown[last]
        if first < len(self.edits) and self.edits[first].start < start:
            begin = self.edits[first].start + self._grown[first]
        if last < len(self.edits) and self.edits[last].start < end:
            stop = self.edits[last].start + self._grown[last] + len(self.edits[last].replacement)
        return Place(begin, stop)


UNMOVED = Shift(())


def _shown(stored: Mapping[str, Any] | None, address: tuple[str, str], shift: Shift) -> int:
    """The stored text's length when it shows every replacement in its place, else -1."""
    length = _length(stored, address)
    if length < 0:
        return -1
    text = at(stored, address[0])
    for edit in shift.edits:
        to = shift.place(edit.start, edit.end)
        if text[to.start : to.end] != edit.replacement:
            return -1
    return length


def _length(stored: Mapping[str, Any] | None, address: tuple[str, str]) -> int:
    # Inside a string that holds JSON the addresses of parts may have moved too: those stay unplaced.
    text = None if address[1] else at(stored, address[0])
    return len(text) if isinstance(text, str) else -1


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
