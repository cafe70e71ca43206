"""What stands of what reviewers said."""

from __future__ import annotations

from typing import Any

from proxy.review.judged import judged, missed, standing


def said(verdict: str, **over: Any) -> dict[str, Any]:
    """A judgement as `reviews` lists it."""
    return {
        "verdict": verdict,
        "author": "ann",
        "finding": None,
        "superseded": False,
        "start": None,
        "end": None,
    } | over


def test_only_what_stands_counts() -> None:
    """Neither replaced nor taken back; by finding, and by author where one is asked for."""
    trace = {
        "reviews": [
            said("true_positive", finding=0, superseded=True),
            said("false_positive", finding=0),
            said("unsure", finding=0, author="bob"),
            said("withdrawn", finding=1),
            said("missed", start=1, end=4),
            said("missed"),
            said("missed", start=2, end=4, superseded=True),
        ]
    }
    assert len(standing(trace)) == 4
    assert judged(trace, "ann") == {0: "false_positive"}
    assert judged(trace) == {0: "unsure"}
    assert [(each["start"], each["end"]) for each in missed(trace)] == [(1, 4)]
    assert standing({}) == []
