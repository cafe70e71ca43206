"""Embeddings: vectors are no texts, everything beside them is."""

from __future__ import annotations

import base64
from array import array
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.embeddings import EMBEDDINGS, OMITTED, is_vector
from proxy.errors import UpstreamError

FLOATS = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=20)


@given(FLOATS)
def test_vectors_are_known_in_both_forms(numbers: list[float]) -> None:
    """As numbers, and as base64 of 32-bit floats."""
    small = [number / 1e10 for number in numbers]

    assert is_vector(small)
    assert is_vector(base64.b64encode(array("f", small).tobytes()).decode())


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        {},
        ["a"],
        [1, None],
        [True],
        [[1]],
        "not base64!",
        "AKIA" + "QX7ZLM2W" * 2,
        "abc",
        base64.b64encode(array("f", [float("nan")]).tobytes()).decode(),
        base64.b64encode(b"12345").decode(),
    ],
)
def test_anything_else_is_no_vector(value: Any) -> None:
    """And is inspected."""
    assert not is_vector(value)


@pytest.mark.parametrize(
    ("item", "texts"),
    [
        ({"object": "embedding", "index": 0, "embedding": [0.5]}, []),
        ({"object": "embedding", "index": 0, "embedding": "a text"}, [("/data/0/embedding", "a text")]),
        ({"object": "embedding", "index": 0, "embedding": ["t"]}, [("/data/0/embedding/0", "t")]),
        ({"object": "other", "index": 0, "embedding": [1]}, [("/data/0/object", "other")]),
        ({"object": "embedding", "index": "no", "embedding": [1]}, [("/data/0/index", "no")]),
        ({"embedding": [1], "document": "d"}, [("/data/0/document", "document"), ("/data/0/document", "d")]),
        ({}, []),
    ],
)
def test_everything_beside_the_vector_is_a_text(item: dict[str, Any], texts: list[tuple[str, str]]) -> None:
    """At its pointer."""
    found = EMBEDDINGS.reply_texts(
        {"object": "list", "model": "m", "data": [item], "usage": {"total_tokens": 1}}
    )

    assert [(text.pointer, text.text) for text in found] == texts


def test_vectors_are_not_kept() -> None:
    """One note says how many there were; where something stands beside them, each has its own."""
    plain = {"data": [{"index": 0, "embedding": [0.5]}, {"index": 1, "embedding": "AAAAPw=="}], "model": "m"}
    beside = {"data": [{"embedding": [0.5], "document": "d"}, {"index": 1}]}

    kept = EMBEDDINGS.stored_reply(plain)

    assert kept == {"data": {"type": "vectors", "count": 2, "omitted": True}, "model": "m"}
    assert EMBEDDINGS.stored_reply(beside) == {
        "data": [{"embedding": OMITTED, "document": "d"}, {"index": 1}]
    }
    assert plain["data"][0] == {"index": 0, "embedding": [0.5]}
    assert EMBEDDINGS.reply_texts(kept) == []


@pytest.mark.parametrize("data", [None, {}, "x", [1]])
def test_what_has_no_list_is_no_answer(data: Any) -> None:
    """A provider's fault."""
    with pytest.raises(UpstreamError):
        EMBEDDINGS.reply(orjson.dumps({"data": data}))
    assert EMBEDDINGS.finish_reasons(EMBEDDINGS.reply(b'{"data": []}')) == ()
