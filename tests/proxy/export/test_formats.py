"""Every format gives back what was stored, whatever the texts are, and nothing that a terminal would obey."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from proxy.export.formats import MEDIA_TYPES, SUFFIXES, encoded
from proxy.export.parquet import NESTED
from proxy.store.db import Store
from proxy.store.reading import documents
from proxy.store.tables import SPAN
from tests.proxy.export.hostile import TEXTS, traces
from tests.proxy.store.test_rollups import trace


def written(found: list[dict[str, Any]], format: str, content: bool = False) -> bytes:
    """A whole export."""
    return b"".join(encoded(iter(found), format, content))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(traces(), min_size=1, max_size=3, unique_by=lambda each: each["id"]))
def test_hostile_texts_come_back_as_they_were_stored(store: Store, given: list[dict[str, Any]]) -> None:
    """From the database through each format."""
    with store.begin() as connection:
        connection.execute(SPAN.delete())
    assert store.write([trace(each) for each in given]) == []
    found = list(documents(store))
    assert len(found) == len(given)

    lines = written(found, "jsonl").splitlines()
    assert [json.loads(line) for line in lines] == found
    for format in ("jsonl", "openinference", "otlp"):
        told = written(found, format, content=True)
        assert all(32 <= byte < 127 or byte == 10 for byte in told)
        assert all(isinstance(json.loads(line), dict) for line in told.splitlines())
    table = parquet.read_table(io.BytesIO(written(found, "parquet")))
    for row, each in zip(table.to_pylist(), found, strict=True):
        assert {name: row[name] for name in ("id", "model", "prompt", "error_message")} == {
            "id": each["id"],
            "model": each["model"],
            "prompt": each["prompt"],
            "error_message": (each["error"] or {}).get("message"),
        }
        assert all(
            None if row[name] is None else json.loads(row[name]) == each[name]
            for name in NESTED
            if each[name]
        )
    spans = [json.loads(line) for line in written(found, "openinference").splitlines()]
    own = {each["id"]: each for each in found}
    for span in spans:
        if span["span_kind"] == "LLM":
            of = own[span["attributes"]["guardhouse.trace"]]
            for name, side in (("input.value", "request"), ("output.value", "response")):
                assert json.loads(span["attributes"].get(name, "null")) == of[side]


@pytest.mark.parametrize("format", MEDIA_TYPES)
def test_a_body_of_ten_megabytes_leaves_whole(store: Store, format: str) -> None:
    """In one row group or line; the others are not held up."""
    long = trace(
        id="1" * 32, request={"messages": [{"role": "user", "content": TEXTS[1] + "x" * (10 << 20)}]}
    )
    store.write([long, trace(id="2" * 32)])

    told = written(list(documents(store)), format, content=True)

    if format == "parquet":
        rows = {row["id"]: row for row in parquet.read_table(io.BytesIO(told)).to_pylist()}
        assert json.loads(rows["1" * 32]["request"]) == long["request"]
    else:
        assert len(told) > 10 << 20
        assert all(json.loads(line) for line in told.splitlines())


@pytest.mark.parametrize("format", MEDIA_TYPES)
def test_an_export_of_nothing_is_a_proper_file(format: str) -> None:
    """No line; or a table without rows."""
    told = written([], format)

    assert told == b"" if format != "parquet" else parquet.read_table(io.BytesIO(told)).num_rows == 0
    assert format in SUFFIXES


@pytest.mark.parametrize("format", MEDIA_TYPES)
def test_traces_are_read_as_pieces_are_asked_for(format: str) -> None:
    """So a slow reader keeps little waiting, however many traces there are."""
    asked = 0

    def endless() -> Any:
        nonlocal asked
        while True:
            asked += 1
            yield {**document, "id": f"{asked:032x}"}

    from proxy.store.rows import LATER

    given = trace()
    document = {
        **dict.fromkeys(LATER),
        "content": "kept",
        "outside": [],
        "feedback": [],
        "reviews": [],
        **given,
    }
    pieces = encoded(endless(), format, True)

    for _ in range(3):
        assert 0 < len(next(pieces)) < 4 << 20
    assert asked < 50_000
