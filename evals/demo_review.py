"""What a reviewer of the tour has done already: one trace judged and promoted; and where the reader goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Ask = Callable[[str, dict[str, Any]], dict[str, Any]]
"""Posts a document to a path of the proxy and returns the answer."""
NOTE = "The customer's address in a tool's result: the rule was right."


@dataclass(frozen=True, slots=True)
class Stops:
    """Paths of the pages that show the loop, from a flagged trace to a golden case."""

    link: str
    """Signs in whoever opens the first page with it, once."""
    judged: str
    candidate: str
    run: str


def review(ask: Ask, agent: dict[str, Any]) -> Stops:
    """Judge the agent's trace, promote it, and say where all of it is to be seen."""
    said = {"verdict": "true_positive", "finding": 0, "note": NOTE}
    judged = str(agent["id"])
    ask(f"/api/traces/{judged}/reviews", said)
    ask(f"/api/traces/{judged}/reviews", {"verdict": "pass"})
    candidate = ask("/api/golden/candidates", {"trace": judged, "set": "support", "note": NOTE})
    return Stops(
        link=str(ask("/api/sign-in-links", {})["link"]),
        judged=f"/review/traces/{judged}",
        candidate=f"/review/golden/candidates/{candidate['id']}",
        run=f"/review/sessions/{agent['run_id']}",
    )
