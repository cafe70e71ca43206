"""The list of agent runs, on both databases."""

from __future__ import annotations

import pytest

from proxy.store.db import Store
from proxy.store.filters import FilterError, of, parse
from proxy.store.queries import QueryError
from proxy.store.session_list import ROWS, list_sessions
from tests.proxy.review.agent_runs import RUN, SUB_AGENT, call, rich, step


def test_a_run_is_listed_with_its_figures(store: Store) -> None:
    """Steps, outcomes, tools, orphans, loops, errors and cost; the run with the newest step first."""
    assert store.write(rich()) == []

    first, second = list_sessions(store, 3600).items

    assert (first["run_id"], second["run_id"]) == (RUN, SUB_AGENT)
    assert (first["n_exchanges"], first["errors"], first["orphans"], first["loops"]) == (6, 1, 1, 1)
    assert first["outcomes"] == {"failed": 1, "masked": 1, "passed": 4} and first["outcome"] == "masked"
    assert first["tools"] == ["lookup_order", "search_docs", "send_mail"]
    assert (first["cost_nanousd"], first["unpriced"]) == (5 * 412_000, 1)
    assert first["ended_us"] - first["started_us"] == 640_800_000


def test_the_filter_is_about_steps(store: Store) -> None:
    """A run is listed when one of its steps fits, with the figures of all of them."""
    assert store.write(rich()) == []

    [failed] = list_sessions(store, 3600, parse("outcome:failed")).items
    [by_tool] = list_sessions(store, 3600, parse("tool:send_mail")).items

    assert failed["n_exchanges"] == by_tool["n_exchanges"] == 6
    assert list_sessions(store, 3600, of(tenant="other")).items == []
    with pytest.raises(FilterError):
        list_sessions(store, 3600, parse("nothing:x"))
    with pytest.raises(QueryError):
        list_sessions(store, 3600, before="x")


def test_pages_tell_each_run_once(store: Store) -> None:
    """However their steps are interleaved, and however many one of them has."""
    runs = [f"{n:032x}" for n in range(1, 2 * ROWS + 6)]
    steps = [step(n + 0.001 * turn, run=run) for n, run in enumerate(runs) for turn in range(2)]
    steps += [step(200 + n, run="f" * 32) for n in range(450)]
    steps += [step(0.5 + n, run="e" * 32) for n in range(60)]
    for place, one in enumerate(steps):
        one["id"] = f"{place:032x}"
    assert store.write(steps) == []

    seen: list[str] = []
    before = None
    while True:
        page = list_sessions(store, 3600, before=before, within_s=30)
        assert len(page.items) <= ROWS and not page.partial
        seen += [run["run_id"] for run in page.items]
        if page.next is None:
            break
        before = page.next

    assert len(seen) == len(set(seen))
    assert set(seen) == {*runs, "f" * 32, "e" * 32}
    assert seen[0] == "f" * 32


def test_what_is_not_counted_in_time_is_told(store: Store) -> None:
    """A list that runs out of time says so, and makes nothing up."""
    assert store.write([step(n, call(f"c{n}", "look"), run=f"{n:032x}") for n in range(5)]) == []

    page = list_sessions(store, 3600, within_s=0.0)

    assert page.partial and page.items == []
