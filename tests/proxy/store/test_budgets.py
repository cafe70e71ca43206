"""What keys and teams have spent, as their traces say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.document import document
from proxy.exchange import Principal
from proxy.store.budgets import spent
from proxy.store.db import Store
from tests.proxy.exchanges import masked
from tests.proxy.store.databases import BOTH, opened

AT = 1_700_000_000


@pytest.fixture(params=BOTH)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Each kind of database, empty."""
    yield from opened(request.param, tmp_path)


def test_only_what_is_theirs_is_summed(store: Store) -> None:
    """A key's own, a team's of its tenant, of the period, of callers and not of shadows, and what ended by then."""
    mine, other = Principal("k1", team="eng"), Principal("k2", team="eng")
    foreign = Principal("k3", tenant="elsewhere", team="eng")
    exchanges = [
        masked(principal=mine, started_us=AT * 10**6, cost_nanousd=10**15 + 1),
        masked(principal=mine, started_us=(AT + 9) * 10**6, cost_nanousd=None),
        masked(principal=mine, started_us=(AT + 9) * 10**6, cost_nanousd=20, duration_us=3_000_000),
        masked(principal=mine, started_us=(AT + 9) * 10**6, cost_nanousd=500, shadow_of="x"),
        masked(principal=mine, started_us=(AT - 1) * 10**6, cost_nanousd=7),
        masked(principal=other, started_us=AT * 10**6, cost_nanousd=300),
        masked(principal=foreign, started_us=AT * 10**6, cost_nanousd=4_000),
    ]
    store.write([document(each) for each in exchanges])

    assert spent(store, "key:k1", AT, None, None) == 10**15 + 21
    assert spent(store, "key:k1", AT, AT + 9, None) == 10**15 + 1
    assert spent(store, "key:k1", AT, None, AT + 10) == 10**15 + 1
    assert spent(store, "key:k1", 0, None, None) == 10**15 + 28
    assert spent(store, "team:default/eng", AT, None, None) == 10**15 + 321
    assert spent(store, "team:elsewhere/eng", AT, None, None) == 4_000
    assert spent(store, "key:nobody", 0, None, None) == 0


def test_what_was_charged_counts_where_nobody_knows_the_cost(store: Store) -> None:
    """An estimate is spent as well: a restart does not give it back. It stands over the cost."""
    mine = Principal("k1")
    charges: list[tuple[int | None, tuple[int, int] | None]] = [(None, (9, 40)), (3, None), (2, (5, 2))]
    store.write(
        [
            document(masked(principal=mine, started_us=AT * 10**6, cost_nanousd=cost, charged=charged))
            for cost, charged in charges
        ]
    )

    assert spent(store, "key:k1", AT, None, None) == 45


def test_a_tenants_name_may_have_slashes(store: Store) -> None:
    """Teams' names have none, so the last one parts them."""
    who = Principal("k1", tenant="acme/emea", team="eng")
    store.write([document(masked(principal=who, started_us=AT * 10**6, cost_nanousd=5))])

    assert spent(store, "team:acme/emea/eng", AT, None, None) == 5


def test_sums_read_an_index() -> None:
    """A key's or team's traces are found without reading everybody's."""
    from proxy.store.tables import SPAN

    indexed = {tuple(column.name for column in index.columns) for index in SPAN.indexes}

    assert {("key_id", "started_us"), ("team", "started_us")} <= indexed
