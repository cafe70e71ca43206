"""The hits and tools of an app's own spans stand under the exchange that they fed, and it is told how that is known."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from proxy.document import document
from proxy.exchange import Principal
from proxy.store.db import Store
from proxy.store.queries import get_trace
from tests.proxy.store.app_documents import TRACE, app_span, exchange, hit

OTHER = "f" * 32
RETRIEVED = app_span("1", "retrieval", hits=[hit(1, "b"), hit(2, "a")])


def found(store: Store, id: str) -> list[tuple[str, str, int]]:
    """(document, linked by, rank) of an exchange's hits."""
    trace = get_trace(store, id)
    assert trace is not None
    return [(one["doc_id"], one["linked_by"], one["rank"]) for one in trace["retrieval"]]


@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_hits_are_joined_by_trace_id_whichever_came_first(store: Store, order: tuple[int, ...]) -> None:
    """Complete, ranked, with their text; the span of the app is told beside them."""
    asked = exchange(1, trace_id=TRACE)
    documents = [document(asked), RETRIEVED]
    for place in order:
        assert store.write([documents[place]]) == []

    trace = get_trace(store, asked.id)
    assert trace is not None
    assert found(store, asked.id) == [("b", "trace", 1), ("a", "trace", 2)]
    assert trace["retrieval"][0] | {} == {
        "rank": 1, "doc_id": "b", "score": 1.0, "source": "otlp", "linked_by": "trace",
        "span": RETRIEVED["id"], "text": "text of b",
    }  # fmt: skip
    [span] = trace["outside"]
    assert (span["kind"], span["service"], span["detail"], span["retrieval"]) == (
        "retrieval",
        "library",
        {"query": "who?"},
        2,
    )


@pytest.mark.parametrize(
    ("tie", "linked_by"), [({"response_id": "chatcmpl-9"}, "response"), ({"asked": "a" * 32}, "text")]
)
def test_without_trace_id_an_llm_span_ties_them(store: Store, tie: dict[str, str], linked_by: str) -> None:
    """By the reply that it names, or by what it asked; with clocks five seconds apart."""
    llm = app_span("2", "llm", at=1, to=2, **tie)
    asked = exchange(6.5, **tie)
    store.write([RETRIEVED, llm, document(asked)])

    assert found(store, asked.id) == [("b", linked_by, 1), ("a", linked_by, 2)]


@pytest.mark.parametrize(
    "over",
    [
        {"principal": Principal("key-2")},
        {"principal": Principal("key-1", "other")},
        {"started": 700},
        {"asked": "b" * 32},
        {"shadow_of": "x"},
    ],
)
def test_a_text_alone_ties_only_what_is_near(store: Store, over: dict[str, Any]) -> None:
    """The same question of another key or tenant, at another time, or of a shadow is another exchange's."""
    given = {"asked": "a" * 32, **over}
    asked = exchange(given.pop("started", 1.5), **given)
    store.write([RETRIEVED, app_span("2", "llm", at=1, to=2, asked="a" * 32), document(asked)])

    assert found(store, asked.id) == []


def test_another_tenant_joins_nothing(store: Store) -> None:
    """A trace id that two tenants use is two traces."""
    asked = exchange(1, trace_id=TRACE, principal=Principal("key-1", "other"))
    store.write([RETRIEVED, document(asked)])

    assert found(store, asked.id) == []


MINE = [app_span("1", "retrieval", hits=[hit(1, "mine")])]
LLM = app_span("2", "llm", at=1, to=2, asked="a" * 32)
THEIRS = {"key_id": "key-2", "hits": [hit(1, "theirs")]}
INTRUSIONS = {
    "trace id": ({"trace_id": TRACE}, MINE, [app_span("3", "retrieval", **THEIRS)], [("mine", "trace", 1)]),
    "span id": (
        {"trace_id": TRACE, "parent_span": f"{5:0>16}"},
        [app_span("1", "retrieval", hits=[hit(1, "mine")]), app_span("5", "chain", at=0, to=2)],
        [app_span("5", "llm", at=0.1, to=0.2, key_id="key-2")],
        [("mine", "trace", 1)],
    ),
    "our trace id": ({}, [], [app_span("3", "retrieval", trace_id=f"{7:032x}", **THEIRS)], []),
    "our trace id cuts": (
        {"asked": "a" * 32},
        [*MINE, LLM],
        [app_span("3", "retrieval", trace_id=f"{7:032x}", **THEIRS)],
        [("mine", "text", 1)],
    ),
    "response id": (
        {"response_id": "chatcmpl-9"},
        [],
        [
            app_span("3", "retrieval", **THEIRS),
            app_span("4", "llm", at=1, to=2, response_id="chatcmpl-9", key_id="key-2"),
        ],
        [],
    ),
    "posted": (
        {"trace_id": TRACE},
        [],
        [app_span("3", "retrieval", source="api", id="theirs", **THEIRS)],
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", INTRUSIONS)
def test_another_key_adds_and_takes_nothing(store: Store, way: str) -> None:
    """Whatever id of an exchange another key of the tenant knows, its hits, ties and clock stay as they are."""
    over, own, intruder, hits = INTRUSIONS[way]
    asked = exchange(1.5, id=f"{7:032x}", **over)
    store.write([*own, *intruder, document(asked)])

    assert found(store, asked.id) == hits


def test_exchanges_of_another_key_take_no_hits(store: Store) -> None:
    """An exchange that another key made in the same trace is fed by nothing of it."""
    theirs, asked = exchange(1, trace_id=TRACE, principal=Principal("key-2")), exchange(2, trace_id=TRACE)
    store.write([RETRIEVED, document(theirs), document(asked)])

    assert found(store, theirs.id) == []
    assert [doc for doc, *_ in found(store, asked.id)] == ["b", "a"]


def test_the_same_question_asked_twice(store: Store) -> None:
    """Two runs of one app that ask the same: each exchange has the hits of its own."""
    first, second = exchange(1.2, asked="a" * 32), exchange(11.2, asked="a" * 32)
    late = {"trace_id": OTHER, "at": 10.0, "to": 10.5}
    store.write(
        [
            RETRIEVED,
            app_span("2", "llm", at=1, to=2, asked="a" * 32),
            app_span("3", "retrieval", hits=[hit(1, "z")], **late),
            app_span("4", "llm", asked="a" * 32, **{**late, "at": 11.0, "to": 12.0}),
            document(first),
            document(second),
        ]
    )

    assert [doc for doc, *_ in found(store, first.id)] == ["b", "a"]
    assert [doc for doc, *_ in found(store, second.id)] == ["z"]


def test_a_trace_of_an_http_client_alone_hides_nothing(store: Store) -> None:
    """Where the HTTP client's spans stand in a trace of their own, what was asked still ties the hits."""
    asked = exchange(1.5, trace_id=OTHER, asked="a" * 32)
    http = app_span("9", "other", trace_id=OTHER)
    store.write([RETRIEVED, http, app_span("2", "llm", at=1, to=2, asked="a" * 32), document(asked)])

    assert [doc for doc, *_ in found(store, asked.id)] == ["b", "a"]


def test_each_hit_feeds_one_exchange_of_its_trace(store: Store) -> None:
    """An agent's loop: the hits under the first exchange, the tool under the second, and nothing twice."""
    first, second = exchange(1, trace_id=TRACE), exchange(3, trace_id=TRACE)
    call = {"call_id": "c1", "name": "send", "arguments": "{}", "result": "sent", "state": "ran"}
    store.write(
        [RETRIEVED, app_span("5", "tool", at=2, to=2.5, calls=[call]), document(first), document(second)]
    )

    assert [doc for doc, *_ in found(store, first.id)] == ["b", "a"]
    assert found(store, second.id) == []
    trace = get_trace(store, second.id)
    assert trace is not None
    assert [one["tool_calls"] for one in trace["outside"]] == [[call]]


def test_a_span_that_is_sent_again_is_stored_once(store: Store) -> None:
    """Exporters send again what they are not sure of."""
    asked = exchange(1, trace_id=TRACE)
    store.write([RETRIEVED, RETRIEVED])
    store.write([RETRIEVED, document(asked)])

    assert len(found(store, asked.id)) == 2


def test_a_request_names_a_retrieval_of_its_own_key(store: Store) -> None:
    """One that was posted before; another key's of that name is not there for it."""
    posted = app_span("p", "retrieval", id="api1", source="api", trace_id="", hits=[hit(1, "d")])
    own, foreign = (
        exchange(1, retrievals=["api1"]),
        exchange(1, retrievals=["api1"], principal=Principal("key-2")),
    )
    store.write([posted, document(own), document(foreign)])

    assert found(store, own.id) == [("d", "request", 1)]
    assert found(store, foreign.id) == []


def test_a_tool_that_the_app_tells_of_answers_no_call(store: Store) -> None:
    """What the next request brings is the call's result, whatever the app's span says."""
    from proxy.exchange import ToolCall

    first = exchange(1, trace_id=TRACE)
    first.tool_calls = [ToolCall("c1", "send", "{}")]
    second = exchange(3, trace_id=TRACE)
    second.tool_calls = [ToolCall("c1", "send", "{}", "done", "answered")]
    call = {"call_id": "c1", "name": "send", "arguments": "{}", "result": "sent", "state": "ran"}
    store.write([document(first), app_span("5", "tool", at=2, to=2.5, calls=[call]), document(second)])

    trace = get_trace(store, first.id)
    assert trace is not None
    assert [(one["result"], one["state"]) for one in trace["tool_calls"]] == [("done", "answered")]
