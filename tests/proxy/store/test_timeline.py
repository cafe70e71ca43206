"""A run as a timeline, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from proxy.store.db import Store
from proxy.store.deadline import Late
from proxy.store.queries import QueryError
from proxy.store.timeline import STEPS, read_timeline
from tests.proxy.review.agent_runs import RUN, SUB_AGENT, call, rich, step

PATIENT_S = 30


def _read(store: Store, run: str = RUN, after: str | None = None) -> dict[str, Any]:
    found = read_timeline(store, run, 3600, after, PATIENT_S)
    assert found is not None and found["late"] == []
    return found


def test_a_run_is_told_with_all_that_happened(store: Store) -> None:
    """Steps in order; calls with arguments, results and time; hits; findings by rule; the app's spans; what is wrong."""
    assert store.write(rich()) == []
    run = _read(store)
    steps = run["steps"]

    assert [one["started_us"] for one in steps] == sorted(one["started_us"] for one in steps)
    assert (run["n_exchanges"], run["n_orphans"], run["n_loops"], len(run["errors"])) == (6, 1, 1, 1)
    assert run["orphans"][0]["name"] == "send_mail"
    assert run["loops"][0]["times"] == 3 and run["loops"][0]["name"] == "search_docs"
    [look] = steps[0]["calls"]
    assert (look["arguments"], look["result"]) == ('{"query": "order NW-48213"}', '{"status": "in transit"}')
    assert look["ran"]["ended_us"] - look["ran"]["started_us"] == 1_050_000
    assert [hit["doc_id"] for hit in steps[1]["retrieval"]] == ["shipping-policy.md", "refunds.md", "faq.md"]
    assert {(one["rule"], one["entity"], one["n"]) for one in steps[1]["guardrails"]} >= {
        ("pii", "EMAIL_ADDRESS", 4)
    }
    assert [one["kind"] for one in steps[0]["outside"]] == ["agent", "retrieval"]
    assert steps[0]["outside"][1]["retrieval"][0]["doc_id"] == "refunds.md"
    assert [other["run_id"] for other in run["siblings"]] == [SUB_AGENT]
    assert sum(column["n"] for column in run["strip"]["columns"]) == 6
    assert read_timeline(store, "0" * 32, 3600) is None


def test_another_tenants_or_keys_spans_are_not_in_it(store: Store) -> None:
    """Nor are their runs its siblings."""
    told = rich()
    others = [one | {"key_id": "another"} if one.get("kind") == "outside_span" or one["run_id"] == SUB_AGENT else one for one in told]  # fmt: skip
    assert store.write(others) == []

    run = _read(store)

    assert run["siblings"] == []
    assert all(one["outside"] == [] for one in run["steps"])


def test_pages_join_without_a_gap_and_go_back(store: Store) -> None:
    """Each step once, in order; the place is told; orphans are those of the whole run on each page."""
    steps = [step(n, call(f"c{n}", "look", f'{{"n": {n}}}')) for n in range(2 * STEPS + 7)]
    for place, one in enumerate(steps):
        one["id"] = f"{place:032x}"
    assert store.write(steps) == []

    pages, after = [], None
    while True:
        pages.append(_read(store, after=after))
        after = pages[-1]["next"]
        if after is None:
            break

    assert [one["id"] for page in pages for one in page["steps"]] == [one["id"] for one in steps]
    assert [page["first"] for page in pages] == [0, STEPS, 2 * STEPS]
    assert {page["n_orphans"] for page in pages} == {len(steps)}
    assert pages[0]["previous"] is None
    assert _read(store, after=pages[2]["previous"])["first"] in (STEPS - 1, STEPS)
    assert _read(store, after=pages[1]["previous"])["first"] == 0
    with pytest.raises(QueryError):
        read_timeline(store, RUN, 3600, "x")


def test_it_takes_the_same_number_of_queries_however_long_the_run(store: Store) -> None:
    """Two hundred steps cost no query more than five."""
    counts = []
    for run, n in (("1" * 32, 5), ("2" * 32, 2 * STEPS)):
        steps = [step(i, call(f"c{i}", "look"), run=run) for i in range(n)]
        for place, one in enumerate(steps):
            one["id"] = f"{run[:16]}{place:016x}"
        assert store.write(steps) == []
        asked: list[str] = []

        def count(_c: Any, _u: Any, statement: str, *_: Any, asked: list[str] = asked) -> None:
            if statement.startswith("SELECT"):
                asked.append(statement)

        event.listen(store.engine, "before_cursor_execute", count)
        _read(store, run)
        event.remove(store.engine, "before_cursor_execute", count)
        counts.append(len(asked))

    assert counts[0] == counts[1] <= 20


def test_without_time_there_is_no_page(store: Store) -> None:
    """It is told as late, never as a run without steps."""
    assert store.write(rich()) == []

    with pytest.raises(Late):
        read_timeline(store, RUN, 3600, within_s=0.0)
