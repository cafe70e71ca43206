"""What apps send, as documents of the spool, to rows: their spans, and feedback."""

from __future__ import annotations

from proxy.store import bodies
from proxy.store.rows import Row, Rows, clean

_SPAN = (
    "id",
    "tenant",
    "key_id",
    "trace_id",
    "parent_span",
    "name",
    "service",
    "source",
    "started_us",
    "ended_us",
    "received_us",
    "error",
    "response_id",
    "asked",
)
_FEEDBACK = ("id", "tenant", "key_id", "target", "name", "value", "created_us")


def add(rows: Rows, document: Row) -> bool:
    """Add the rows of a span or of feedback; whether the document is one of them.

    Raises KeyError, TypeError or ValueError when it says that it is, and is not.
    """
    kind = document.get("kind")
    if kind == "outside_span":
        _outside_span(rows, document)
    elif kind == "feedback":
        _feedback(rows, document)
    return kind in ("outside_span", "feedback")


def _outside_span(rows: Rows, document: Row) -> None:
    tenant = document["tenant"]
    # The day it came in: what an app says of its own clock could be any day.
    blobs = rows.blobs.on(tenant, document["received_us"])
    mark = {"span_id": document["id"], "tenant": tenant}
    detail = document["detail"]
    rows.by_table["outside_span"].append(
        {
            **{name: clean(document[name]) for name in _SPAN},
            "kind": clean(document["span_kind"]),
            # Spans that an older version left in the spool do not say.
            "subject": document.get("subject"),
            "detail_blob": blobs.add(bodies.encode(detail)) if detail else None,
        }
    )
    for seq, hit in enumerate(document["retrieval"]):
        rows.by_table["retrieval_hit"].append(
            {
                **mark,
                "seq": seq,
                "rank": hit["rank"],
                "doc_id": clean(hit["doc_id"]),
                "score": hit["score"],
                "text_blob": blobs.add_text(hit["text"]),
                "source": clean(document["source"]),
            }
        )
    for seq, call in enumerate(document["tool_calls"]):
        result = call["result"]
        rows.by_table["tool_call"].append(
            {
                **mark,
                "seq": seq,
                "started_us": document["started_us"],
                "call_id": clean(call["call_id"]),
                "name": clean(call["name"]),
                "arguments_blob": blobs.add_text(call["arguments"]),
                "result_blob": None if result is None else blobs.add_text(result),
                "state": clean(call["state"]),
            }
        )


def _feedback(rows: Rows, document: Row) -> None:
    comment = document["comment"]
    blobs = rows.blobs.on(document["tenant"], document["created_us"])
    blob = None if comment is None else blobs.add_text(comment)
    row = {name: clean(document[name]) for name in _FEEDBACK}
    rows.by_table["feedback"].append({**row, "comment_blob": blob})
