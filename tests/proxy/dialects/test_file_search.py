"""What a provider's file search found is retrieval."""

from __future__ import annotations

from proxy.dialects.file_search import SOURCE, hits


def test_results_are_hits_in_rank_order() -> None:
    """Over all searches of a reply; what is not told or has no shape is left out."""
    results = [{"file_id": "f1", "score": 0.5, "text": "a"}, {"filename": "b.txt", "score": True}, 5, {}]
    search = {"type": "file_search_call", "results": results}

    found = hits({"output": [search, {"type": "message"}, {**search, "results": None}, search, 5]})

    assert [(h.rank, h.doc_id, h.score, h.text) for h in found[:3]] == [
        (1, "f1", 0.5, "a"),
        (2, "b.txt", None, ""),
        (3, "unknown", None, ""),
    ]
    assert len(found) == 6
    assert {hit.source for hit in found} == {SOURCE}
    assert hits({}) == hits({"output": "x"}) == []
