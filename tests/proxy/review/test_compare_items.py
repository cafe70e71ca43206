"""What two runs gave for one case."""

from __future__ import annotations

from proxy.review.compare import compare
from proxy.review.compare_items import sides
from tests.proxy.review import documents


def test_a_card_has_both_outputs_with_why_and_hits() -> None:
    """Relevant documents are told apart where the run says which they are, and else not guessed."""
    before, after = documents.run("a"), documents.run("b")
    for run in (before, after):
        run["items"][3]["output"]["hits"] = [
            {"rank": 1, "doc_id": "warranty", "score": 0.9},
            {"rank": 2, "doc_id": "faq"},
        ]
    before["items"][3]["output"] |= {"text": "Two years.", "trace_id": "t" * 32}
    before["items"][3]["scores"]["groundedness"] |= {"value": 1.0, "reason": ""}
    after["cases"][3]["relevant"] = ["warranty"]
    for run in (before, after):
        run["summary"]["groundedness"]["mean"] = 0.9
    [row] = [
        row for row in compare(before, after).rows if row.kind == "lost" and row.metric == "groundedness"
    ]

    [card] = sides(before, after, [row])

    assert (card.question[:22], card.expected) == ("Is the battery covered", "For two years.")
    assert card.before.trace_id == "t" * 32 and "claim without support" in card.after.reason
    assert [hit.relevant for hit in card.after.hits] == [True, False]
    del after["cases"][3]["relevant"]
    assert [hit.relevant for hit in sides(before, after, [row])[0].after.hits] == [None, None]
