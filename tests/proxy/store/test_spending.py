"""Sums over traces."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.document import document
from proxy.exchange import Principal
from proxy.store.db import Store
from proxy.store.filters import of
from proxy.store.keys import create_key
from proxy.store.queries import QueryError, list_spans
from proxy.store.spending import BY, Asked, usage
from tests.proxy.exchanges import masked

DAY = 86_400_000_000


@pytest.fixture
def filled(store: Store) -> dict[str, str]:
    """Three days of two keys; ids of the keys by name."""
    ids = {name: create_key(store, name).stored.key_id for name in ("ada", "bob")}

    def kept(key: str, team: str | None, day: int, cost: int | None, **more: Any) -> dict[str, Any]:
        values: dict[str, Any] = {"usage": {"prompt_tokens": 10, "completion_tokens": 2}, **more}
        exchange = masked(
            principal=Principal(ids[key], "shop" if key == "ada" else "default", team=team),
            started_us=day * DAY + 5,
            cost_nanousd=cost,
            **values,
        )
        return document(exchange)

    store.write(
        [
            kept("ada", "search", 1, 1_000_000_000),
            kept("ada", "search", 2, 1_500_000_001),
            kept("ada", "search", 2, None, usage=None),
            kept("bob", None, 2, 3_000_000_000, model="large"),
            kept("bob", None, 3, 0),
            kept("bob", None, 3, 7, shadow_of="x"),
            kept("bob", None, 3, 0, path="/v1/responses/{response_id}"),
        ]
    )
    return ids


def _row(requests: int, tokens_in: int, tokens_out: int, cost: int, unknown: int) -> dict[str, int]:
    counts = {"requests": requests, "tokens_in": tokens_in, "tokens_out": tokens_out}
    return {**counts, "cost_nanousd": cost, "cost_unknown": unknown}


def test_sums_are_by_key_team_model_and_day(store: Store, filled: dict[str, str]) -> None:
    """The dearest first, days in order; what nobody knows is counted beside the sum, and shadows are left out."""
    ada, bob = _row(3, 20, 4, 2_500_000_001, 1), _row(2, 20, 4, 3_000_000_000, 0)

    assert usage(store, Asked("key")) == [
        {"key": filled["bob"], "name": "bob", **bob},
        {"key": filled["ada"], "name": "ada", **ada},
    ]
    assert usage(store, Asked("team")) == [{"team": None, **bob}, {"team": "search", **ada}]
    assert usage(store, Asked("model")) == [
        {"model": "large", **_row(1, 10, 2, 3_000_000_000, 0)},
        {"model": "small", **_row(4, 30, 6, 2_500_000_001, 1)},
    ]
    assert usage(store, Asked("day")) == [
        {"day": "1970-01-02", **_row(1, 10, 2, 1_000_000_000, 0)},
        {"day": "1970-01-03", **_row(3, 20, 4, 4_500_000_001, 1)},
        {"day": "1970-01-04", **_row(1, 10, 2, 0, 0)},
    ]


def test_sums_are_of_a_time_and_a_tenant(store: Store, filled: dict[str, str]) -> None:
    """From the one moment on, and before the other; nothing is no row."""
    assert [row["requests"] for row in usage(store, Asked("team", since_us=3 * DAY))] == [1]
    assert [row["day"] for row in usage(store, Asked("day", since_us=2 * DAY, until_us=3 * DAY))] == [
        "1970-01-03"
    ]
    assert [row["name"] for row in usage(store, Asked("key", tenant="shop"))] == ["ada"]
    assert all(usage(store, Asked(by, since_us=9 * DAY)) == [] for by in BY)


def test_no_other_grouping_is_guessed(store: Store) -> None:
    """The error says which there are."""
    with pytest.raises(QueryError, match="by takes one of key, team, model, day"):
        usage(store, Asked("tenant"))


def test_traces_are_listed_by_team(store: Store, filled: dict[str, str]) -> None:
    """Each with its team and its cost."""
    found = list_spans(store, of(team="search")).items

    assert {span["team"] for span in found} == {"search"}
    assert sorted(span["cost_nanousd"] or 0 for span in found) == [0, 1_000_000_000, 1_500_000_001]
