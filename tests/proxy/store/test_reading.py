"""Many traces at once are what one at a time is, and a stream of them is whole while others are stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, select

from proxy.document import document
from proxy.exchange import RetrievalHit, ToolCall
from proxy.store import reading
from proxy.store.db import Store
from proxy.store.filters import parse, where
from proxy.store.queries import get_trace
from proxy.store.reading import documents, matching
from proxy.store.reviews import NewReview, add_review
from proxy.store.tables import BLOB, MESSAGE_REF, SPAN
from tests.proxy.exchanges import masked
from tests.proxy.store.app_documents import app_span, hit
from tests.proxy.store.test_rollups import NOON, trace


def test_many_are_what_each_is_alone(store: Store) -> None:
    """With tool calls answered later, hits, an app's spans, feedback, judgements, and texts that are gone."""
    asks = masked(tool_calls=[ToolCall("c1", "search", "{}")], trace_id="a" * 32)
    answers = masked(
        tool_calls=[ToolCall("c1", "search", "{}", "42", "answered")],
        retrieval=[RetrievalHit(1, "d", 0.5, "text")],
        started_us=asks.started_us + 9,
    )
    plain = masked(safe_request=None, safe_response=None)
    gone = masked("that is gone")
    store.write([document(each) for each in (asks, answers, plain, gone)])
    early = {"started_us": asks.started_us - 90, "ended_us": asks.started_us - 50}
    thought = {"kind": "feedback", "id": "f1", "tenant": "default", "key_id": "key-1", "target": asks.id}
    thought |= {"name": "user", "value": 1.0, "comment": "good", "created_us": asks.started_us}
    store.write([app_span("1", "retrieval", trace_id="a" * 32, hits=[hit(1, "d")], **early), thought])
    add_review(store, asks.id, NewReview("pass", "ann"))
    with store.begin() as connection:
        connection.execute(BLOB.delete().where(BLOB.c.id.in_(_blobs(connection, gone.id))))

    found = list(documents(store))

    assert {each["id"] for each in found} == {each.id for each in (asks, answers, plain, gone)}
    assert [each["started_us"] for each in found] == sorted(
        (each["started_us"] for each in found), reverse=True
    )
    assert found == [get_trace(store, each["id"]) for each in found]
    by_id = {each["id"]: each for each in found}
    assert by_id[asks.id]["tool_calls"][0]["answered_by"] == answers.id
    assert [len(by_id[asks.id][name]) for name in ("outside", "feedback", "reviews", "retrieval")] == [
        1,
        1,
        1,
        1,
    ]
    assert [by_id[each.id]["content"] for each in (asks, plain, gone)] == ["kept", "none", "gone"]


def _blobs(connection: Any, id: str) -> list[str]:
    """What its request stands in; the replies of all are alike, and stored once."""
    own = (MESSAGE_REF.c.span_id == id, MESSAGE_REF.c.side == "request")
    return list(connection.execute(select(MESSAGE_REF.c.blob_id).where(*own)).scalars())


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    times=st.lists(st.integers(NOON, NOON + 5), min_size=1, max_size=12),
    later=st.lists(st.tuples(st.integers(0, 11), st.integers(NOON - 5, NOON + 20)), max_size=8),
    page=st.integers(1, 4),
    size=st.sampled_from([1, 400, 1 << 20]),
)
def test_a_stream_has_each_trace_once_while_others_are_stored(
    store: Store, times: list[int], later: list[tuple[int, int]], page: int, size: int
) -> None:
    """In order; all that were there at first are there, and none that began later than they did."""
    with store.begin() as connection:
        connection.execute(SPAN.delete())
    there = [trace(started_us=at, id=f"{n:032x}", found=[]) for n, at in enumerate(times)]
    store.write(there)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "PAGE", page)
        patch.setattr(reading, "MOST_BYTES", size)
        found = []
        for place, each in enumerate(documents(store)):
            found.append(each)
            for n, (when, at) in enumerate(later):
                if when == place:
                    store.write([trace(started_us=at, id=f"{n + 1000:032x}", found=[])])

    order = [(each["started_us"], each["id"]) for each in found]
    assert order == sorted(set(order), reverse=True)
    assert {each["id"] for each in there} <= {id for _, id in order}
    assert max(order) == max((each["started_us"], each["id"]) for each in there)
    assert all(each["request"] == there[0]["request"] for each in found)


def test_pages_take_few_queries(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many for two hundred traces as for one."""
    store.write([trace(started_us=NOON + n, id=f"{n:032x}") for n in range(300)])

    with counted(store.engine) as first:
        next(documents(store))
    with counted(store.engine) as all_of_them:
        assert len(list(documents(store))) == 300
    assert matching(store) == 300

    assert len(all_of_them) < 2 * len(first) + 2 < 40


class counted:
    """Counts the statements that an engine is sent."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.sent = engine, list[str]()

    def _note(self, connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        self.sent.append(statement)

    def __enter__(self) -> list[str]:
        event.listen(self.engine, "before_cursor_execute", self._note)
        return self.sent

    def __exit__(self, *rest: Any) -> None:
        event.remove(self.engine, "before_cursor_execute", self._note)


def test_a_page_of_long_texts_is_read_in_parts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never more of them at a time than was allowed, but for one that is longer by itself."""
    monkeypatch.setattr(reading, "MOST_BYTES", 10_000)
    sizes = [4_000, 4_000, 4_000, 30_000, 10]
    store.write(
        [
            trace(started_us=NOON - n, id=f"{n:032x}", request={"x": "x" * size})
            for n, size in enumerate(sizes)
        ]
    )
    read: list[int] = []
    really = reading.read_many

    def watched(connection: Any, keys: Any, spans: Any) -> Any:
        read.append(len(spans))
        return really(connection, keys, spans)

    monkeypatch.setattr(reading, "read_many", watched)

    assert [len(each["request"]["x"]) for each in documents(store)] == sizes
    assert read == [2, 1, 1, 1]


def test_a_limit_and_a_filter_hold(store: Store) -> None:
    """The newest that fit."""
    store.write([trace(started_us=NOON + n, id=f"{n:032x}", model=f"m{n % 2}") for n in range(9)])
    odd = where(parse("model:m1"), store.key)

    def ids(found: Iterator[dict[str, Any]]) -> list[int]:
        return [int(each["id"], 16) for each in found]

    assert ids(documents(store, odd)) == [7, 5, 3, 1]
    assert ids(documents(store, odd, 2)) == [7, 5]
    assert ids(documents(store, (), 3)) == [8, 7, 6]
    assert (matching(store, odd), ids(documents(store, where(parse("model:none"), store.key)))) == (4, [])
