"""Trace documents to rows and back: the only place that knows both shapes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from proxy.raw import opened
from proxy.store import bodies, refs, tables
from proxy.store.bodies import Blobs, Day

_LONGEST = 512
"""Characters of a text column: enough for any name, and short enough for an index."""
_PREVIEW = 160

Row = Mapping[str, Any]

DETAIL = ("usage", "finish_reasons", "timings", "failures", "findings_left_out", "retrievals", "reduced")
"""Parts of a trace document that only the detail view reads; kept as JSON in one column."""

PLAIN = (
    "id",
    "trace_id",
    "tenant",
    "key_id",
    "started_us",
    "duration_us",
    "first_token_us",
    "path",
    "dialect",
    "stream",
    "model",
    "answered_model",
    "deployment",
    "provider",
    "policy",
    "outcome",
    "action",
    "decided",
    "http_status",
    "upstream_called",
    "attempts",
)
"""Parts of a trace document that are columns of `span` under the same name."""

LATER = (
    "shadow_of",
    "object_id",
    "team",
    "cost_nanousd",
    "charged_nanousd",
    "price_version",
    "prompt",
    "prompt_version",
    "prompt_hash",
    "session_id",
    "run_id",
    "run_source",
    "parent_span",
    "response_id",
    "asked",
    "config",
    "subject",
)
"""The same, but that traces of older versions have none of them."""

FINDING = tuple(
    column.name for column in tables.FINDING.columns if column.name not in ("span_id", "seq", "tenant")
)


@dataclass(slots=True)
class Rows:
    """Rows by table, ready for one multi-row insert each."""

    blobs: Blobs
    by_table: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))


def clean(value: Any) -> Any:
    """A text as every database takes it: no NUL, no lone surrogate, at most 512 characters."""
    if not isinstance(value, str) or (len(value) <= _LONGEST and value.isascii() and "\0" not in value):
        return value
    text = value[:_LONGEST].replace("\0", "�")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _are_clean(values: Iterable[Any]) -> bool:
    """Whether `clean` would leave all these values as they are."""
    told = "".join([value for value in values if isinstance(value, str)])
    return len(told) <= _LONGEST and told.isascii() and "\0" not in told


def add(rows: Rows, document: Row) -> None:
    """Add a trace or gap document's rows. Raises KeyError, TypeError or ValueError when it is neither."""
    if document.get("kind") == "gap":
        fields = ("id", "tenant", "started_us", "ended_us", "reason", "lost")
        rows.by_table["gap"].append({name: clean(document[name]) for name in fields})
        return
    tenant = document["tenant"]
    mark = {"span_id": document["id"], "tenant": tenant}
    blobs = rows.blobs.on(tenant, document["started_us"])
    added: dict[str, list[dict[str, Any]]] = {"span": [_span(document)], "message_ref": []}
    seal = document.get("sealed")
    for side in ("request", "response"):
        if body := document[side]:
            pieces = [(pointer, blobs.add(data)) for pointer, data in bodies.pieces(body)]
            added["message_ref"].append({**mark, "side": side, **refs.row(pieces)})
    raw = rows.blobs.on(tenant, document["started_us"], "raw")
    for part, data in opened(rows.blobs.keys.identity, document["id"], seal) if seal else ():
        added["message_ref"].append({**mark, "side": f"raw_{part}", **refs.row([("", raw.add(data))])})
    if found := document["findings"]:
        added["finding"] = [
            {**mark, "seq": seq, **{name: clean(finding[name]) for name in FINDING}}
            for seq, finding in enumerate(found)
        ]
    if calls := document["tool_calls"]:
        added["tool_call"] = [
            {**mark, "seq": seq, "started_us": document["started_us"], **_tool_call(blobs, call)}
            for seq, call in enumerate(calls)
        ]
    if hits := document["retrieval"]:
        added["retrieval_hit"] = [{**mark, "seq": seq, **_hit(blobs, hit)} for seq, hit in enumerate(hits)]
    for name, new in added.items():
        rows.by_table[name].extend(new)


def reduced(document: Row, why: str) -> dict[str, Any]:
    """A trace document without its texts, for when they do not fit; `why` is told in it."""
    texts: dict[str, Any] = {
        "request": None,
        "response": None,
        "sealed": None,
        "tool_calls": [],
        "retrieval": [],
    }
    return {**document, **texts, "reduced": why}


def _span(document: Row) -> dict[str, Any]:
    error = document["error"] or {}
    usage = document["usage"] or {}
    findings = document["findings"]
    plain = {name: document[name] for name in PLAIN}
    return {
        **(plain if _are_clean(plain.values()) else {name: clean(value) for name, value in plain.items()}),
        # Traces that an older version left in the spool do not say.
        **{name: clean(document.get(name)) for name in LATER},
        "tags": _ascii(document["tags"]) if document.get("tags") else None,
        "raw": bool(document.get("sealed")),
        "flagged": flagged(document),
        "error_type": clean(error.get("type")),
        "error_code": clean(error.get("code")),
        "error_message": clean(error.get("message")),
        "error_param": clean(error.get("param")),
        "tokens_in": tokens_in(usage),
        "tokens_out": tokens_out(usage),
        "rules": _names(findings, "rule") if findings else "[]",
        "entities": _names(findings, "entity") if findings else "[]",
        "findings": len(findings),
        "tool_calls": len(document["tool_calls"]),
        "hits": len(document["retrieval"]),
        "preview": clean(preview(document["request"])),
        "detail": _ascii(_detail(document)),
    }


def _detail(document: Row) -> dict[str, Any]:
    told = {name: document[name] for name in DETAIL if name in document}
    cut = (document.get("sealed") or {}).get("cut")
    return {**told, "raw_cut": cut} if cut else told


def flagged(document: Row) -> bool:
    """Whether a trace awaits a reviewer's eye."""
    found = document["findings"] or document["failures"]
    return bool(found) or document["outcome"] in ("blocked", "masked")


def tokens_in(usage: Row) -> int | None:
    """Tokens that the provider read; None when it did not say."""
    return _count(usage, "prompt_tokens", "input_tokens")


def tokens_out(usage: Row) -> int | None:
    """Tokens that the provider wrote; None when it did not say."""
    return _count(usage, "completion_tokens", "output_tokens")


def _ascii(value: Any) -> str:
    # A NUL or surrogate inside JSON is an escape in the text, but orjson leaves other characters as they are.
    return bodies.encode(value).decode("utf-8", "replace")


def _names(findings: Iterable[Row], name: str) -> str:
    return orjson.dumps(sorted({str(clean(finding[name])) for finding in findings})).decode()


def _count(usage: Row, *names: str) -> int | None:
    for name in names:
        value = usage.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 62:
            return value
    return None


def _tool_call(blobs: Day, call: Row) -> dict[str, Any]:
    result = call["result"]
    return {
        "call_id": clean(call["call_id"]),
        "name": clean(call["name"]),
        "arguments_blob": blobs.add_text(call["arguments"]),
        "result_blob": None if result is None else blobs.add_text(result),
        "state": clean(call["state"]),
    }


def _hit(blobs: Day, hit: Row) -> dict[str, Any]:
    return {
        "rank": hit["rank"],
        "doc_id": clean(hit["doc_id"]),
        "score": hit["score"],
        "text_blob": blobs.add_text(hit["text"]),
        "source": clean(hit["source"]),
    }


def preview(request: Row | None) -> str:
    """The first 160 characters of the last message, the prompt or the input, on one line; empty for none."""
    given = request or {}
    content = given.get("prompt", given.get("input"))
    asked = given.get("messages", content)
    if isinstance(asked, list) and asked and isinstance(asked[-1], dict):
        content = asked[-1].get("content", asked[-1].get("output"))
    if isinstance(content, list):
        parts = (
            part.get("text", part.get("content")) if isinstance(part, dict) else part for part in content
        )
        content = next((text for text in parts if isinstance(text, str)), "")
    return " ".join(content[: _PREVIEW * 2].split())[:_PREVIEW] if isinstance(content, str) else ""


def summary(span: Row) -> dict[str, Any]:
    """A span row as the list view gives it."""
    found: dict[str, Any] = {
        **span,
        "rules": orjson.loads(span["rules"]),
        "entities": orjson.loads(span["entities"]),
    }
    found.pop("detail", None)
    return found


def document(span: Row) -> dict[str, Any]:
    """The trace document's fields that the span row alone knows."""
    error = {name: span[f"error_{name}"] for name in ("type", "code", "message", "param")}
    return {
        **{name: span[name] for name in (*PLAIN, *LATER)},
        "tags": bodies.decode(span["tags"].encode()) if span["tags"] else {},
        "raw": bool(span["raw"]),
        "error": None if error["type"] is None else error,
        **bodies.decode(span["detail"].encode()),
    }
