"""Charts: what they say is what a count of the traces says, and what is not known is not 0."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.store.charts import LATENCY_ERROR, METRICS, MOST_SERIES, REST, Asked, chart, quantile_of
from proxy.store.db import Store
from proxy.store.queries import QueryError
from proxy.store.rollups import BOUNDS_US, HOUR_US, bucket_of
from tests.proxy.store.test_rollups import NOON, trace

START = NOON // HOUR_US * HOUR_US
SPAN = {"since_us": START, "until_us": START + 2 * HOUR_US}


def test_series_are_the_counts_of_each_hour(store: Store) -> None:
    """By outcome, by rule, by nothing; an hour without anything is a 0, and shadows are no caller's."""
    store.write(
        [
            trace(outcome="passed"),
            trace(outcome="blocked", found=[{"rule": "pii"}, {"rule": "pii"}, {"rule": "secrets"}]),
            trace(outcome="passed", started_us=NOON + 2 * HOUR_US),
            trace(outcome="passed", shadow_of="a" * 32),
            trace(started_us=NOON - 9 * HOUR_US),
        ]
    )

    told = chart(store, Asked("requests", "outcome", **SPAN))
    rules = chart(store, Asked("findings", "rule", **SPAN))
    copies = chart(store, Asked("requests", **SPAN, shadow=True))

    assert (told["step"], told["times"]) == ("hour", [START, START + HOUR_US, START + 2 * HOUR_US])
    assert told["until"] == START + 3 * HOUR_US
    assert told["series"] == [
        {"name": "passed", "values": [1, 0, 1], "total": 2},
        {"name": "blocked", "values": [1, 0, 0], "total": 1},
    ]
    assert {each["name"]: each["values"] for each in rules["series"]} == {
        "pii": [3, 0, 1],
        "secrets": [1, 0, 0],
    }
    assert copies["series"] == [{"name": "all", "values": [1, 0, 0], "total": 1}]


def test_what_is_not_known_is_counted_apart(store: Store) -> None:
    """An hour in which no cost is known has none; one in which some is has its sum, and how many are missing."""
    store.write(
        [
            trace(cost_nanousd=None, usage=None),
            trace(cost_nanousd=None, started_us=NOON + HOUR_US),
            trace(cost_nanousd=5, started_us=NOON + HOUR_US),
            trace(cost_nanousd=0, started_us=NOON + 2 * HOUR_US),
        ]
    )

    (cost,) = chart(store, Asked("cost", **SPAN))["series"]
    (tokens,) = chart(store, Asked("tokens_in", **SPAN))["series"]

    assert (cost["values"], cost["unknown"]) == ([None, 5, 0], [1, 1, 0])
    assert (tokens["values"], tokens["unknown"]) == ([None, 18, 9], [1, 0, 0])


def test_days_are_whole_and_one_day_is_one_point(store: Store) -> None:
    """However many hours of it are counted."""
    store.write([trace(started_us=NOON + hour * HOUR_US, model=f"m{hour}") for hour in range(3)])

    told = chart(store, Asked("requests", None, START, START + 2 * HOUR_US, "day", {"model": "m1"}))
    latency = chart(store, Asked("latency_p50", "model", START, START + 2 * HOUR_US, "day"))

    assert [each["values"] for each in told["series"]] == [[1]]
    assert [(each["name"], each["n"]) for each in latency["series"]] == [
        ("m0", [1]),
        ("m1", [1]),
        ("m2", [1]),
    ]


def test_many_series_end_in_a_rest(store: Store) -> None:
    """The largest have their names; no exchange is left out."""
    store.write([trace(model=f"m{n}") for n in range(MOST_SERIES + 5)] + [trace(model="m16")])

    for metric in ("requests", "latency_p95"):
        series = chart(store, Asked(metric, "model", **SPAN))["series"]
        assert [series[0]["name"], series[-1]["name"], len(series)] == ["m16", REST, MOST_SERIES + 1]
    assert (
        sum(each["total"] for each in chart(store, Asked("requests", "model", **SPAN))["series"])
        == MOST_SERIES + 6
    )


def test_a_change_of_policy_is_marked_each_time(store: Store) -> None:
    """A revision that comes, and one that comes back; not the first, not while both are in use."""
    for hour, label in ((0, "a@1"), (1, "a@1"), (1, "a@2"), (2, "a@2"), (3, "a@1"), (2, "b@7")):
        store.write([trace(started_us=NOON + hour * HOUR_US, policy=label)])

    told = chart(store, Asked("requests", None, START, START + 4 * HOUR_US))

    assert [((each["at_us"] - START) // HOUR_US, each["policy"]) for each in told["changes"]] == [
        (1, "a@2"),
        (3, "a@1"),
    ]


@given(st.lists(st.integers(BOUNDS_US[0], 10**10), min_size=1, max_size=60), st.sampled_from([0.5, 0.95]))
def test_a_quantile_is_as_near_as_it_says(durations: list[int], quantile: float) -> None:
    """Half a bucket, as a share of the true value."""
    told = quantile_of(Counter(map(bucket_of, durations)), quantile)
    rank = next(n for n in range(1, len(durations) + 1) if n >= quantile * len(durations) - 1e-9)
    true = sorted(durations)[rank - 1]

    assert told is not None
    assert abs(told / true - 1) <= LATENCY_ERROR + 0.001


def test_nothing_has_no_quantile() -> None:
    """An hour without exchanges took no time, not 0."""
    assert quantile_of(Counter(), 0.5) is None
    assert quantile_of(Counter({0: 3}), 0.5) == round(BOUNDS_US[0] / 2)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Asked("speed"), "metric takes one of requests"),
        (Asked("requests", "rule"), "by takes one of outcome"),
        (Asked("latency_p50", None, only={"team": "core"}), "team is not kept for latency_p50"),
        (Asked("findings", shadow=True), "shadow is not kept"),
        (Asked("requests", step="minute"), "step takes one of hour, day"),
        (Asked("requests", since_us=START, until_us=START - HOUR_US), "since takes a time before until"),
        (
            Asked("requests", since_us=START, until_us=START + 2000 * HOUR_US, step="hour"),
            "since is more than 1000",
        ),
    ],
)
def test_what_cannot_be_asked_is_told(store: Store, asked: Asked, says: str) -> None:
    """With what to ask for instead."""
    with pytest.raises(QueryError, match=says):
        chart(store, asked)


def test_every_metric_can_be_asked_by_all_that_it_names(store: Store) -> None:
    """And an empty store has no series."""
    for name, metric in METRICS.items():
        for by in (None, *metric.by):
            assert chart(store, Asked(name, by))["series"] == []
