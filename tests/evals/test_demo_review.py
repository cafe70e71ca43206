"""What the tour's reviewer does, in order, and where it leads."""

from __future__ import annotations

from typing import Any

from evals.demo_review import review


def test_one_trace_is_judged_then_promoted() -> None:
    """The finding, then the trace, then the case; the pages are those of what came of it."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def ask(path: str, body: dict[str, Any]) -> dict[str, Any]:
        asked.append((path, body))
        return {"id": "c1", "link": "ghl-x"}

    stops = review(ask, {"id": "t1", "run_id": "r1"})

    assert [path for path, _ in asked] == [
        "/api/traces/t1/reviews", "/api/traces/t1/reviews", "/api/golden/candidates", "/api/sign-in-links"
    ]  # fmt: skip
    assert [body.get("finding") for _, body in asked[:2]] == [0, None]
    assert asked[2][1]["trace"] == "t1"
    assert (stops.link, stops.judged) == ("ghl-x", "/review/traces/t1")
    assert (stops.candidate, stops.run) == ("/review/golden/candidates/c1", "/review/sessions/r1")
