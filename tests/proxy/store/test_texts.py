"""The index of what was said: what an exchange added, found at once, and gone when it is deleted."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from proxy.document import document
from proxy.store.db import Store
from proxy.store.filters import parse
from proxy.store.queries import count_spans, list_spans
from proxy.store.texts import LONGEST, added, delete_texts, first_id, purge_texts, started_at
from proxy.store.words import BREAK
from tests.proxy.exchanges import masked

HISTORY = [
    {"role": "system", "content": "sysword"},
    {"role": "user", "content": "oldword"},
    {"role": "assistant", "content": "oldreply"},
    {"role": "tool", "tool_call_id": "idword", "content": "resultword"},
    {"role": "user", "content": [{"type": "text", "text": "newword"}, {"type": "image_url", "image_url": {"url": "urlword"}}]},
]  # fmt: skip
REPLY = {
    "id": "replyid",
    "choices": [
        {
            "message": {
                "role": "assistant",
                "content": "replyword",
                "tool_calls": [
                    {"id": "cid", "function": {"name": "toolword", "arguments": '{"q": "argword"}'}}
                ],
            },
            "finish_reason": "stopword",
        }
    ],
}


def _said(**document: Any) -> set[str]:
    return set(added(document)) - {BREAK}


def test_only_what_an_exchange_added_is_indexed() -> None:
    """What came after the last reply, without instructions, ids and addresses; the reply and its calls."""
    expected = {"resultword", "newword", "replyword", "toolword", "q", "argword"}

    assert _said(request={"messages": HISTORY}, response=REPLY) == expected
    assert _said(
        request={"input": [*HISTORY[:3], {"type": "function_call_output", "output": "out"}]}, response=None
    ) == {"out"}
    assert _said(request={"input": "one"}, response={"output": [{"content": [{"type": "output_text", "text": "two"}]}]}) == {"one", "two"}  # fmt: skip
    assert _said(request=None, response=None) == set()


def test_what_is_indexed_is_bounded() -> None:
    """A long question leaves room for its answer, and nesting costs no stack."""
    deep: Any = "deepword"
    for _ in range(50_000):
        deep = [deep]
    found = added({"request": {"input": "word " * 100_000}, "response": {"output": [{"text": "tail"}, deep]}})

    assert sum(len(word) + 1 for word in found) <= LONGEST + 4
    assert {"tail", "deepword"} <= set(found)


def test_a_trace_whose_text_is_not_kept_is_not_indexed(store: Store) -> None:
    """Nothing to find, and no row."""
    store.write([document(masked(safe_request=None, safe_response=None))])

    with store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM span_text")).scalar() == 0


def test_nothing_is_indexed_where_search_is_off(store: Store) -> None:
    """The rest is stored as ever."""
    Store(store.engine, store.keys, search=False).write([document(masked("zebra"))])

    assert (count_spans(store), count_spans(store, parse("zebra"))) == (1, 0)


def test_what_comes_twice_is_indexed_once(store: Store) -> None:
    """Replays change nothing."""
    told = document(masked("zebra", started_us=5))
    store.write([told, told])
    store.write([told])

    with store.read() as connection:
        assert connection.execute(text("SELECT id, span_id FROM span_text")).all() == [
            (first_id(5), told["id"])
        ]


def test_exchanges_of_one_microsecond_are_told_apart(store: Store) -> None:
    """And listed like all others, page by page."""
    told = [document(masked("zebra", started_us=7)) for _ in range(30)]
    store.write(told[:20])
    store.write(told[20:])

    seen, before = [], None
    while True:
        page = list_spans(store, parse("zebra"), 7, before)
        seen += [span["id"] for span in page.items]
        if (before := page.next) is None:
            break
    assert seen == sorted((one["id"] for one in told), reverse=True)


@pytest.mark.parametrize("us", [0, 1_700_000_000_000_000, (1 << 52) - 1])
def test_an_id_tells_the_time(us: int) -> None:
    """And fits in 63 bits whatever a clock says."""
    assert started_at(first_id(us)) == us
    assert first_id(1 << 70) < 1 << 63
    assert first_id(-5) == 0


def test_deleted_texts_are_not_found_and_leave_the_file(store: Store) -> None:
    """Their words are nowhere in it once the index was written anew; the others are found as before."""
    kept = document(masked("zebra elephant"))
    gone = [document(masked(f"quagga{n} zebra")) for n in range(40)]
    store.write([kept])
    for one in gone:
        store.write([one])
    assert count_spans(store, parse("quagga*")) == 40

    with store.begin() as connection:
        assert delete_texts(connection, [*(one["id"] for one in gone), "unknown"]) == 40
        assert delete_texts(connection, [gone[0]["id"]]) == 0
    with store.begin() as connection:
        purge_texts(connection)

    assert count_spans(store, parse("quagga*")) == 0
    assert [span["id"] for span in list_spans(store, parse("zebra")).items] == [kept["id"]]
    if store.engine.dialect.name == "sqlite":
        with store.begin() as connection:
            connection.execute(text("INSERT INTO span_word (span_word) VALUES ('integrity-check')"))
            # Bodies are encrypted: only the index, and the preview of a span, ever held the words.
            connection.execute(text("UPDATE span SET preview = ''"))
        file = str(store.engine.url.database)
        store.close()
        with sqlite3.connect(file) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()
        assert b"quagga" not in Path(file).read_bytes()


def test_the_index_outlives_vacuum(store: Store) -> None:
    """The numbers of its rows are its own."""
    told = [document(masked(f"zebra{n}")) for n in range(9)]
    store.write(told)
    with store.begin() as connection:
        delete_texts(connection, [one["id"] for one in told[:4]])
    if store.engine.dialect.name == "sqlite":
        with sqlite3.connect(str(store.engine.url.database)) as raw:
            raw.execute("VACUUM")
        raw.close()

    for n, one in enumerate(told):
        found = [span["id"] for span in list_spans(store, parse(f"zebra{n}")).items]
        assert found == ([] if n < 4 else [one["id"]])
