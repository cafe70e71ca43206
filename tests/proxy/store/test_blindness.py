"""Before one has said something, a blind queue tells nothing: not in the trace, the list, filters, nor facets."""

from __future__ import annotations

from dataclasses import replace

from proxy.store.blindness import hidden_from
from proxy.store.db import Store
from proxy.store.facets import facets
from proxy.store.filters import parse
from proxy.store.queries import get_trace, list_spans
from proxy.store.reviews import NewReview, add_review
from tests.proxy.store.reviewing import give, queue, taken


def _seen(store: Store, span_id: str, reader: str | None) -> tuple[int, bool, int, int, bool]:
    """How many judgements a reader finds: in the trace, the list, by two filters and in the facets."""

    def asked(text: str) -> int:
        return len(list_spans(store, replace(parse(text), reader=reader)).items)

    trace = get_trace(store, span_id, None, reader) or {}
    (row,) = list_spans(store, replace(parse(""), reader=reader)).items
    counted = facets(store, replace(parse(""), reader=reader)).counts["verdict"]
    return (
        len(trace["reviews"]),
        row["reviewed"],
        asked("verdict:fail"),
        asked("reviewed:true"),
        bool(counted),
    )


def test_a_reader_who_may_still_review_sees_no_others_judgements(store: Store) -> None:
    """Until having submitted; own words are never hidden, and who sees all sees them."""
    claim = taken(store, queue(store, 1, reviews=2, blind=True), "ann")
    assert give(store, claim, "ann", "fail")

    for reader in ("bob", "eve"):
        assert _seen(store, claim.span_id, reader) == (0, False, 0, 0, False)
    for reader in ("ann", None):
        assert _seen(store, claim.span_id, reader) == (1, True, 1, 1, True)
    add_review(store, claim.span_id, NewReview("pass", "bob"))
    assert _seen(store, claim.span_id, "bob") == (1, True, 0, 1, True)
    second = taken(store, claim.queue_id, "bob")
    assert second.blind
    assert give(store, second, "bob", "pass")
    # Disputed by now: whoever decides sees both sides.
    for reader in ("bob", "eve"):
        assert _seen(store, claim.span_id, reader)[0] == 3


def test_queues_that_are_not_blind_hide_nothing(store: Store) -> None:
    """Only the traces in question are named."""
    open_one = taken(store, queue(store, 2, reviews=2), "ann")
    with store.read() as connection:
        assert hidden_from(connection, [open_one.span_id, "nothing"], "bob") == set()
