"""Fields that ask for what reviewers did, and for one found value."""

from __future__ import annotations

import pytest

from proxy.document import document
from proxy.store import filling
from proxy.store.db import Store
from proxy.store.filters import FilterError, parse
from proxy.store.queries import count_spans, list_spans
from proxy.store.reviews import NewReview, add_review
from proxy.store.tables_review import ITEM, QUEUE
from tests.proxy.exchanges import masked


def fill_queues(store: Store) -> list[str]:
    """Three traces: the first in two queues, agreed in one and open in the other; the second open in one."""
    told = [document(masked()) for _ in range(3)]
    told[2]["findings"][0]["fingerprint"] = "f2"
    told = [{**one, "started_us": one["started_us"] - place * 1_000_000} for place, one in enumerate(told)]
    assert store.write(told) == []
    ids = [one["id"] for one in told]
    row = {
        "tenant": "default", "filter": "", "share": 1.0, "reviews": 1, "blind": False, "priority": 0,
        "actor": "ann", "created_us": 1, "filled_us": 1, "closed_us": None,
    }  # fmt: skip
    with store.begin() as connection:
        connection.execute(QUEUE.insert(), [{**row, "id": name, "name": f"{name} ones"} for name in "ab"])
        filling.add_items(connection, "a", ids[:1])
        filling.add_items(connection, "b", ids[:2])
        agreed = (ITEM.c.queue_id == "a", ITEM.c.span_id == ids[0])
        connection.execute(ITEM.update().where(*agreed).values(state="agreed"))
    add_review(store, ids[0], NewReview("pass", "user:ann"))
    add_review(store, ids[1], NewReview("pass", "key-7"))
    return ids


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("fingerprint:f1", [0, 1]),
        ("fingerprint:f2 rule:pii", [2]),
        ("-fingerprint:f1", [2]),
        ('queue:"a ones"', [0]),
        ("queue:b*", [0, 1]),
        ("queue:* state:open", [0, 1]),
        ("queue:a* state:open", []),
        ("queue:a* state:agreed", [0]),
        ("state:open,agreed", [0, 1]),
        ("-queue:*", [2]),
        ("-state:agreed", [1, 2]),
        ("reviewer:ann", [0]),
        ('reviewer:"user:ann"', [0]),
        ("reviewer:key-*", [1]),
        ("-reviewer:*", [2]),
    ],
)
def test_what_each_finds(store: Store, text: str, kept: list[int]) -> None:
    """What a filter says of queue and state is true of one item."""
    ids = fill_queues(store)
    found = [one["id"] for one in list_spans(store, parse(text)).items]

    assert found == [ids[place] for place in kept]
    assert count_spans(store, parse(text)) == len(kept)


def test_a_state_that_is_none_is_told() -> None:
    """With the states there are."""
    with pytest.raises(FilterError, match="Did you mean disputed"):
        parse("state:disputd")
