"""Rollups: equal to a recount of what is stored, whatever came in which order, how often, and by whom."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from proxy.document import document
from proxy.store import db, rollups
from proxy.store.db import Store, open_store
from proxy.store.migrations import versions
from proxy.store.rollups import BOUNDS_US, HOUR_US, MOST_ROWS, ONE_MOST, OTHER, ROW_MOST, bucket_of
from proxy.store.tables import FINDING, SPAN
from proxy.store.tables_rollups import ROLLUP_HOUR, ROLLUP_LATENCY, ROLLUP_RULE
from tests.proxy.exchanges import masked
from tests.proxy.store.databases import KEY

NOON = 1_760_000_400_000_000
TABLES = (ROLLUP_HOUR, ROLLUP_RULE, ROLLUP_LATENCY)

found = st.fixed_dictionaries(
    {
        "rule": st.sampled_from(["pii", "secrets", "lone \ud800", "x" * 600]),
        "entity": st.sampled_from(["EMAIL_ADDRESS", "nul\0"]),
        "action": st.sampled_from(["flag", "block"]),
        "mode": st.sampled_from(["enforce", "shadow"]),
        "side": st.sampled_from(["input", "output"]),
    }
)
traces = st.fixed_dictionaries(
    {
        "started_us": st.integers(NOON, NOON + 3 * HOUR_US),
        "duration_us": st.none() | st.integers(0, 10**13),
        "tenant": st.sampled_from(["default", "other"]),
        "team": st.sampled_from([None, "core"]),
        "model": st.sampled_from(["small", "", "nul\0 and \ud800"]),
        "path": st.sampled_from(["/v1/chat/completions", "/v1/responses/{response_id}"]),
        "outcome": st.sampled_from(["passed", "flagged", "blocked"]),
        "shadow_of": st.sampled_from([None, None, "a" * 32]),
        "upstream_called": st.booleans(),
        "usage": st.none() | st.fixed_dictionaries({"prompt_tokens": st.integers(0, 2**70), "completion_tokens": st.just(3)}),
        "cost_nanousd": st.none() | st.integers(0, 2**62),
        "found": st.lists(found, max_size=3),
    }
)  # fmt: skip


def trace(values: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A trace document with these values; `found` is what its one finding says, over and over."""
    told = {**document(masked(started_us=NOON)), **(values or {}), **more}
    model = told["findings"][0]
    told["findings"] = [{**model, **each} for each in told.pop("found", [{}])]
    return told


def kept(store: Store) -> list[list[tuple[Any, ...]]]:
    """Every row of every rollup."""
    with store.read() as connection:
        return [sorted(tuple(row) for row in connection.execute(select(table))) for table in TABLES]


def recounted(store: Store) -> list[list[tuple[Any, ...]]]:
    """The same, worked out from the spans and findings alone."""
    with store.read() as connection:
        spans = {row["id"]: row for row in connection.execute(select(SPAN)).mappings()}
        findings = connection.execute(select(FINDING)).mappings().all()
    hours: dict[tuple[Any, ...], Counter[str]] = {}
    rules: Counter[tuple[Any, ...]] = Counter()
    where: dict[tuple[Any, ...], set[str]] = {}
    latencies: Counter[tuple[Any, ...]] = Counter()
    for span in spans.values():
        hour = span["started_us"] // HOUR_US * HOUR_US
        names = (span["team"] or "", span["model"], span["policy"], span["outcome"], span["action"])
        sums = hours.setdefault((hour, span["tenant"], *names, span["shadow_of"] is not None), Counter())
        paid = "{" not in span["path"]
        sums["n"] += 1
        for name in ("flagged", "findings", "tool_calls", "hits"):
            sums[name] += span[name]
        for name in ("tokens_in", "tokens_out", "cost_nanousd"):
            sums[name] += min(span[name] or 0, ONE_MOST) * paid
        silent = span["tokens_in"] is None and span["tokens_out"] is None
        sums["no_usage"] += paid and span["upstream_called"] and silent
        sums["no_cost"] += paid and span["cost_nanousd"] is None
        sums["duration_us"] += min(span["duration_us"] or 0, ONE_MOST)
        if span["shadow_of"] is None and span["duration_us"] is not None:
            latencies[hour, span["tenant"], span["model"], bisect_right(BOUNDS_US, span["duration_us"])] += 1
    for each in findings:
        span = spans[each["span_id"]]
        if span["shadow_of"] is None:
            hour = span["started_us"] // HOUR_US * HOUR_US
            told = tuple(each[name] for name in ("rule", "entity", "action", "mode", "side"))
            key = (hour, span["tenant"], span["policy"], *told)
            rules[key] += 1
            where.setdefault(key, set()).add(each["span_id"])
    sums_of = [column.name for column in ROLLUP_HOUR.columns if not column.primary_key]
    return [
        sorted((*key, *(min(sums[name], ROW_MOST) for name in sums_of)) for key, sums in hours.items()),
        sorted((*key, n, len(where[key])) for key, n in rules.items()),
        sorted((*key, n) for key, n in latencies.items()),
    ]


def emptied(store: Store) -> None:
    """Take every trace and count away."""
    with store.begin() as connection:
        for table in (FINDING, SPAN, *TABLES):
            connection.execute(table.delete())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(traces, max_size=6), st.data())
def test_rollups_are_a_recount_whatever_came_how_often(
    store: Store, values: list[dict[str, Any]], data: st.DataObject
) -> None:
    """In any groups, repeated, twice in one group, and after transactions that were rolled back."""
    emptied(store)
    documents = [trace(each) for each in values]
    order = data.draw(st.lists(st.sampled_from(documents), max_size=12)) if documents else []
    for first in range(0, len(order), 3):
        group = order[first : first + 3]
        if data.draw(st.booleans()):
            with pytest.MonkeyPatch.context() as patch, pytest.raises(ConnectionError):
                patch.setattr(db, "follow", crashing)
                store.write(group)
        assert store.write(group) == []

    assert kept(store) == recounted(store)


def crashing(connection: Any, fresh: Any) -> None:
    """Counts, and then the process ends before the transaction does."""
    rollups.count(connection, fresh.values())
    raise ConnectionError


def test_a_database_of_an_older_version_is_counted_when_it_is_brought_up_to_date(store: Store) -> None:
    """By the migration, as the writer would have."""
    cases = (
        {}, {"shadow_of": "a" * 32}, {"usage": None, "cost_nanousd": None, "team": "core"}, {"duration_us": None},
        {"path": "/v1/responses/{response_id}", "cost_nanousd": 5}, {"usage": {"prompt_tokens": 2**61}},
        {"duration_us": 0}, {"duration_us": 10**13, "found": []}, {"started_us": NOON + HOUR_US, "cost_nanousd": 7},
        {"found": [{}, {}, {"rule": "other"}], "upstream_called": False},
    )  # fmt: skip
    bounds = [{"duration_us": bound + step} for bound in BOUNDS_US[::7] for step in (-1, 0)]
    store.write([trace(each) for each in (*cases, *bounds)])
    before = kept(store)
    config = Config()
    config.set_main_option("script_location", str(Path(versions.__file__).parent.parent))
    with store.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "v0004")
    db.migrate(store.engine)

    assert kept(store) == before == recounted(store)


def test_names_without_end_make_no_rows_without_end(store: Store) -> None:
    """A full hour counts what comes new under one name; what it knew goes on under its own, and no sum is lost."""
    many = MOST_ROWS + 300
    documents = [trace(model=f"m{n}", found=[{"rule": f"r{n}"}], duration_us=None) for n in range(many)]
    for first in range(0, many, 100):
        store.write(documents[first : first + 100])
    store.write([trace(model="m0", found=[{"rule": "r0"}], duration_us=None)])

    hours, rules, _ = kept(store)
    assert len(hours) == len(rules) == MOST_ROWS + 1
    by_model, by_rule = {row[3]: row[8] for row in hours}, {row[3]: row[8] for row in rules}
    assert (by_model["m0"], by_rule["r0"]) == (2, 2)
    assert by_model[OTHER] == by_rule[OTHER] == 300
    assert sum(by_model.values()) == sum(by_rule.values()) == many + 1


def test_a_sum_stops_and_never_overflows(store: Store) -> None:
    """A provider that says absurd numbers keeps no exchange from being stored."""
    with store.begin() as connection:
        names = {column.name: "x" for column in ROLLUP_HOUR.columns if column.primary_key}
        sums = {column.name: ROW_MOST - 1 for column in ROLLUP_HOUR.columns if not column.primary_key}
        one = trace(cost_nanousd=2**62, usage={"prompt_tokens": 2**62 - 1, "completion_tokens": 2**62 - 1})
        own = {name: one[name] for name in ("tenant", "model", "policy", "outcome", "action")}
        key = {**names, **own, "hour_us": NOON // HOUR_US * HOUR_US, "team": "", "shadow": False}
        connection.execute(ROLLUP_HOUR.insert(), [{**key, **sums}])

    assert store.write([one]) == []

    ((*_, tokens_in, tokens_out, _, cost, _, _),) = kept(store)[0]
    assert tokens_in == tokens_out == cost == ROW_MOST


def test_several_proxies_count_at_once(store: Store) -> None:
    """Each over connections of its own, the same rows in other orders: nothing waits for ever, nothing is lost."""
    start = threading.Barrier(4)

    def written(seed: int) -> None:
        other = open_store(store.engine.url.render_as_string(hide_password=False), KEY)
        for n in range(15):
            start.wait(30)
            group = [
                trace(
                    model=f"m{(seed * 7 + n + k) % 5}",
                    found=[{"rule": f"r{(seed + k) % 3}"}],
                    id=f"{seed:016x}{n:08x}{k:08x}",
                    request={"n": n, "shared": (seed + (-1) ** seed * k) % 4},
                )
                for k in range(4)
            ]
            try:
                refused.extend(other.write(group))
            except BaseException as error:
                refused.append(repr(error))
        other.close()

    refused: list[str] = []
    threads = [threading.Thread(target=written, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert refused == []
    assert kept(store) == recounted(store)
    assert sum(row[8] for row in kept(store)[0]) == 240


def test_a_bucket_ends_a_fifth_above_the_one_before() -> None:
    """Which bounds the error of what is read from it."""
    assert [bucket_of(us) for us in (0, 1188, 1189, 1_000_000, 10**14)] == [0, 0, 1, 39, 99]
    assert all(1.18 < high / low < 1.2 for low, high in pairwise(BOUNDS_US))
