"""What a provider's own file search found, as the retrieval of an exchange. Only the Responses dialect has one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.exchange import RetrievalHit

SOURCE = "file_search"
"""`source` of such a hit."""


def hits(reply: Mapping[str, Any]) -> list[RetrievalHit]:
    """The results of all file searches of a reply, in rank order; none where the reply does not tell them."""
    output = reply.get("output")
    results = [
        result
        for item in (output if isinstance(output, list) else ())
        if isinstance(item, dict) and item.get("type") == "file_search_call"
        for result in (item["results"] if isinstance(item.get("results"), list) else ())
        if isinstance(result, dict)
    ]
    return [_hit(rank, result) for rank, result in enumerate(results, 1)]


def _hit(rank: int, result: Mapping[str, Any]) -> RetrievalHit:
    name, score, text = (
        result.get("file_id") or result.get("filename"),
        result.get("score"),
        result.get("text"),
    )
    number = float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None
    return RetrievalHit(rank, str(name or "unknown"), number, text if isinstance(text, str) else "", SOURCE)
