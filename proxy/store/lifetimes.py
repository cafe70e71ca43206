"""Which clock of `guardhouse.retention` limits which table; no table is without one, or a reason."""

from __future__ import annotations

CLOCK = {
    "span": "metadata",
    "message_ref": "metadata",
    "finding": "metadata",
    "tool_call": "metadata",
    "retrieval_hit": "metadata",
    "annotation": "metadata",
    "feedback": "metadata",
    "outside_span": "metadata",
    "span_text": "content",
    "blob": "content",
    "data_key": "content",
    "run": "runs",
    "rollup_hour": "rollups",
    "rollup_rule": "rollups",
    "rollup_latency": "rollups",
    "spend_day": "rollups",
    "audit_event": "audit",
    "legal_hold": "audit",
    "retention_run": "audit",
    "erasure": "audit",
    "erased_trace": "audit",
    "reveal": "audit",
    "gap": "audit",
    "review_item": "metadata",
    "review_assignment": "metadata",
    "comment": "metadata",
    "golden_candidate": "metadata",
    "bulk_job": "audit",
}
"""Blobs of raw texts and their keys go by the clock `raw`, all others by the one named here."""
WITHOUT = {
    "api_key": "one row for each key that an administrator made; traces, budgets and acts name it",
    "audit_head": "one row",
    "account": "one row for each person that an administrator let in; judgements and acts name it",
    "visit": "over after half a day; maintenance then deletes it within the hour",
    "review_queue": "one row for each queue that somebody made; items name it",
    "finding_group": "one row for each kind of thing that each rule of a policy finds",
    "policy_text": "one row for each revision of a policy that was in force; unreadable once its day's key is gone",
    "saved_view": "one row for each filter that somebody named",
    "key_check": "one row",
}
"""Tables that no clock limits, each with what does."""
