"""Queries: filters that agree with the data, pages that miss nothing, judgements that are never overwritten."""

from __future__ import annotations

import time
from typing import Any

import pytest

from guardrails.types import ALLOWED, Verdict
from proxy.document import document
from proxy.exchange import Principal, RetrievalHit, ToolCall
from proxy.store.db import Store
from proxy.store.filters import of
from proxy.store.queries import (
    QueryError,
    count_spans,
    get_run,
    get_trace,
    list_runs,
    list_spans,
    moment,
    neighbours,
    save_run,
)
from proxy.store.reviews import NewReview, add_review
from tests.proxy.exchanges import masked


def _write(store: Store, *exchanges: Any) -> None:
    assert store.write([document(one) for one in exchanges]) == []


def test_a_trace_comes_back_as_it_was_recorded(store: Store) -> None:
    """The stored form and the document are the same, field by field and in order."""
    exchange = masked(
        tool_calls=[ToolCall("c1", "search", '{"q": "x"}'), ToolCall("c0", "old", "{}", "found", "answered")],
        retrieval=[RetrievalHit(1, "doc-1", 0.5, "text"), RetrievalHit(2, "doc-2", None, "text")],
        timings={"auth": 0.1},
    )
    _write(store, exchange)

    found = get_trace(store, exchange.id) or {}

    assert [found.pop(name) for name in ("reviews", "outside", "feedback", "content")] == [[], [], [], "kept"]
    assert found == document(exchange)
    assert list(found["request"]) == list(document(exchange)["request"])
    assert get_trace(store, "0" * 32) is None


def test_a_tool_call_is_joined_with_its_answer_in_a_later_request(store: Store) -> None:
    """The earlier trace shows the result, and which trace brought it; its own row is not changed."""
    asks = masked(tool_calls=[ToolCall("c1", "search", "{}")])
    answers = masked(
        tool_calls=[ToolCall("c1", "search", "{}", "42", "answered")], started_us=asks.started_us + 9
    )
    other = masked(
        tool_calls=[ToolCall("c1", "search", "{}", "not yours", "answered")],
        principal=Principal("k", "other"),
        started_us=asks.started_us + 5,
    )
    _write(store, asks, other)
    assert (get_trace(store, asks.id) or {})["tool_calls"][0]["state"] == "requested"

    _write(store, answers)

    (call,) = (get_trace(store, asks.id) or {})["tool_calls"]
    assert (call["state"], call["result"], call["answered_by"]) == ("answered", "42", answers.id)


def test_an_id_that_is_used_again_is_not_joined(store: Store) -> None:
    """A model that numbers its calls from 1 in every chat does not mix two chats up."""
    calls = [ToolCall("call_1", "f", "{}")]
    first, second = masked(tool_calls=calls), masked(tool_calls=calls)
    second.started_us = first.started_us + 1
    answer = masked(
        tool_calls=[ToolCall("call_1", "f", "{}", "2", "answered")], started_us=first.started_us + 2
    )
    _write(store, first, second, answer)

    assert (get_trace(store, first.id) or {})["tool_calls"][0]["state"] == "requested"
    assert (get_trace(store, second.id) or {})["tool_calls"][0]["result"] == "2"


def test_shadows_are_told_apart_and_answer_no_tool_call(store: Store) -> None:
    """They are listed, found by what they copy, and stay out of the conversation of the caller."""
    calls = [ToolCall("call_1", "f", "{}")]
    own = masked(tool_calls=calls)
    copy = masked(tool_calls=calls, shadow_of=own.id, started_us=own.started_us + 1)
    told = masked(tool_calls=[ToolCall("call_1", "f", "{}", "42", "answered")], started_us=own.started_us + 2)
    _write(store, own, copy, told)

    def ids(**filters: Any) -> set[str]:
        return {span["id"] for span in list_spans(store, of(**filters)).items}

    assert ids(shadow=True) == ids(shadow_of=own.id) == {copy.id}
    assert ids(shadow=False) == {own.id, told.id}
    assert ids() == {own.id, copy.id, told.id}
    assert (get_trace(store, own.id) or {})["tool_calls"][0]["answered_by"] == told.id
    found = get_trace(store, copy.id) or {}
    assert (found["shadow_of"], found["tool_calls"][0]["state"]) == (own.id, "requested")


def test_pages_follow_each_other_without_gap_or_overlap(store: Store) -> None:
    """Also where several traces started in the same microsecond."""
    exchanges = [masked(started_us=1000 + n // 3) for n in range(10)]
    _write(store, *exchanges)

    seen, before = [], None
    while True:
        page = list_spans(store, limit=3, before=before)
        seen += [(span["started_us"], span["id"]) for span in page.items]
        if (before := page.next) is None:
            break

    assert seen == sorted(((one.started_us, one.id) for one in exchanges), reverse=True)


FILTERS = [
    (of(outcome="masked"), "b"),
    (of(outcome="passed"), "a"),
    (of(flagged=True), "bc"),
    (of(flagged=False), "a"),
    (of(rule="pii"), "b"),
    (of(rule="pii", entity="US_SSN"), ""),
    (of(entity="EMAIL_ADDRESS"), "b"),
    (of(action="redact"), "b"),
    (of(model="large"), "c"),
    (of(key="key-2"), "c"),
    (of(tenant="default", since="1970-01-01T00:00:00.002Z"), "bc"),
    (of(until="1970-01-01T00:00:00.002Z"), "a"),
    (of(reviewed=True), "b"),
    (of(reviewed=False), "ac"),
    (of(rule="pii", reviewed=True, flagged=True, outcome="masked"), "b"),
]


def test_each_filter_keeps_what_it_says(store: Store) -> None:
    """Filters combine, and counting agrees with listing."""
    failures = masked().input.failures
    traces = {
        "a": masked(input=ALLOWED, started_us=1000),
        "b": masked(started_us=2000),
        "c": masked(
            input=Verdict(failures=failures), model="large", principal=Principal("key-2"), started_us=3000
        ),
    }
    _write(store, *traces.values())
    add_review(store, traces["b"].id, NewReview("pass", "ann"))
    names = {trace.id: name for name, trace in traces.items()}

    for filters, expected in FILTERS:
        found = sorted(names[span["id"]] for span in list_spans(store, filters).items)

        assert "".join(found) == expected, filters
        assert count_spans(store, filters) == len(expected), filters


def test_a_run_is_kept_once_and_given_back_as_it_came(store: Store) -> None:
    """The list leaves the items out; the same id again changes nothing."""
    run = {"format": "guardhouse.run/1", "id": "r1", "created_at": "2026-01-01T00:00:00Z", "suite": "s"}
    run |= {"items": [{"id": "a", "score": None, "text": "\0"}], "summary": {"x": {"mean": 0.5}}}

    assert save_run(store, run)
    assert not save_run(store, {**run, "suite": "other"})

    assert get_run(store, "r1") == run
    (listed,) = list_runs(store).items
    assert (listed["suite"], listed["n_items"], "items" in listed) == ("s", 1, False)
    assert get_run(store, "r2") is None


@pytest.mark.parametrize(("limit", "before"), [(0, None), (201, None), (5, "x"), (5, "1.' OR 1=1")])
def test_a_page_that_cannot_be_is_refused(store: Store, limit: int, before: str | None) -> None:
    """Limits and cursors are checked before the database sees them."""
    with pytest.raises(QueryError, match=r"limit|before"):
        list_spans(store, limit=limit, before=before)


def test_times_are_read_as_moments_or_ages() -> None:
    """RFC 3339 with a zone, or an age; a time without zone could be anyone's."""
    assert moment("since", "1970-01-01T00:00:01Z") == 1_000_000
    assert moment("since", "1970-01-01T01:00:01 01:00") == 1_000_000
    assert abs(moment("since", "1h") - (time.time_ns() // 1000 - 3_600_000_000)) < 5_000_000
    for text in ("yesterday", "2026-01-01T00:00:00", "-1h", ""):
        with pytest.raises(QueryError, match="since"):
            moment("since", text)


def test_neighbours_stand_in_the_filter(store: Store) -> None:
    """Next and previous step over what the filter leaves out, also from a trace that is not in it."""
    traces = [masked(model="a" if number % 2 else "b", started_us=100 + number // 2) for number in range(6)]
    _write(store, *traces)
    filters = of(model="a")
    listed = [span["id"] for span in list_spans(store, filters).items]

    for place, id in enumerate(listed):
        started = next(trace.started_us for trace in traces if trace.id == id)
        around = neighbours(store, filters, started, id)
        assert around.newer == (listed[place - 1] if place else None)
        assert around.older == (listed[place + 1] if place + 1 < len(listed) else None)
        assert (around.above, around.inside) == (place, True)
    everything = [span["id"] for span in list_spans(store).items]
    for trace in traces[::2]:
        above = [id for id in everything[: everything.index(trace.id)] if id in listed]
        outside = neighbours(store, filters, trace.started_us, trace.id)
        assert (outside.newer, outside.above, outside.inside) == (
            above[-1] if above else None,
            len(above),
            False,
        )


def test_a_run_with_odd_characters_comes_back(store: Store) -> None:
    """Half a surrogate pair, which JSON can spell, is kept."""
    save_run(store, {"id": "r", "created_at": "2026-01-01T00:00:00Z", "suite": "s", "items": ["\ud800"]})

    assert (get_run(store, "r") or {})["items"] == ["\ud800"]


def test_a_list_whose_time_is_over_at_once_can_be_gone_on_with(store: Store) -> None:
    """Nothing was looked at yet: the next page begins at the top."""
    told = [document(masked(str(number))) for number in range(3)]
    store.write(told)

    page = list_spans(store, within_s=0.0)
    found = [*page.items]
    while page.partial:
        assert page.next is not None
        page = list_spans(store, before=page.next)
        found += page.items

    assert sorted(span["id"] for span in found) == sorted(one["id"] for one in told)
