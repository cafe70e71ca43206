"""Facets: counts that agree with what each value's filter finds."""

from __future__ import annotations

import pytest

from proxy.document import document
from proxy.exchange import Principal, ToolCall
from proxy.store import facets as module
from proxy.store.db import Store
from proxy.store.facets import FACETS, facets
from proxy.store.filters import of, parse
from proxy.store.queries import count_spans
from proxy.store.reviews import NewReview, add_review
from tests.proxy.exchanges import masked


def _fill(store: Store) -> None:
    traces = [
        masked(
            "zebra",
            model=f"m{n % 3}",
            principal=Principal("k", team="t" if n % 2 else None),
            tool_calls=[ToolCall("c", "search", "{}"), ToolCall("d", "search", "{}")] if n == 1 else [],
        )
        for n in range(7)
    ]
    store.write([document(one) for one in traces])
    add_review(store, traces[0].id, NewReview("fail", "ann"))
    add_review(store, traces[0].id, NewReview("pass", "ann"))


@pytest.mark.parametrize("text", ["", "zebra", "model:m1,m2"])
def test_each_count_is_what_its_value_finds(store: Store, text: str) -> None:
    """Choosing a value gives just so many traces."""
    _fill(store)
    found = facets(store, parse(text))

    assert (found.matches, found.approximate) == (count_spans(store, parse(text)), False)
    assert set(found.counts) == set(FACETS)
    for name, values in found.counts.items():
        for value, count in values:
            assert count_spans(store, parse(text) + of(**{name: value})) == count, (name, value)
    assert found.counts["rule"][0][0] == "pii"


def test_a_sample_is_said_to_be_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest are counted."""
    _fill(store)
    monkeypatch.setattr(module, "SAMPLE", 3)
    found = facets(store)

    assert (found.matches, found.approximate) == (3, True)
    assert sum(count for _, count in found.counts["model"]) == 3


def test_no_time_is_no_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be counted is marked."""
    _fill(store)
    monkeypatch.setattr(module, "FACETS_S", 0)

    assert facets(store).approximate
