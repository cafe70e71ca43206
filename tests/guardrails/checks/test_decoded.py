"""Values in base64, base32 and hexadecimal, backwards and shifted."""

from __future__ import annotations

import base64
import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.checks.decoded import blobs, joined, turned
from tests.cost import metered

SAID = "Ada Okafor, 536-22-1184 – so far"


@pytest.mark.parametrize(
    "data",
    [
        base64.b64encode(SAID.encode()).decode(),
        base64.urlsafe_b64encode(SAID.encode()).decode().rstrip("="),
        base64.b32encode(SAID.encode()).decode(),
        base64.b32encode(SAID.encode()).decode().lower().rstrip("="),
        SAID.encode().hex(),
        base64.b64encode(SAID.encode().hex().encode()).decode(),
    ],
)
def test_an_encoded_value_is_read_where_it_stands(data: str) -> None:
    """Once, or twice over."""
    text = f"so: {data} ok"
    assert SAID in [said for _, _, said in blobs(text)]
    assert all(text[start:end] in data for start, end, _ in blobs(text))


def test_what_is_cut_or_taken_apart_is_read_too() -> None:
    """An odd digit at the end, and separators all over."""
    data = SAID.encode().hex()
    assert [said for _, _, said in blobs(data[:41])] == [SAID[:20]]
    assert SAID in list(joined(" ".join(data[at : at + 9] for at in range(0, len(data), 9))))
    assert list(joined("two words, and more!")) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "information",
        "Internationalization",
        "/usr/local/share/applications",
        "deadbeefdeadbeef",
        "camelCaseWordsInCode",
    ],
)
def test_words_say_nothing(text: str) -> None:
    """What is no text once it is decoded is left out."""
    assert list(blobs(text)) == []


def test_prose_is_not_turned_and_what_is_no_prose_is() -> None:
    """A text that reads better as it is stays."""
    prose = "The weather in the harbour was calm and the boats were returning to their moorings."
    assert turned(prose) == []
    assert prose in turned(prose[::-1])
    assert prose in turned(codecs.encode(prose, "rot13"))


@given(st.text(max_size=60))
def test_nothing_is_raised(text: str) -> None:
    """Whatever the text."""
    assert all(0 <= start < end <= len(text) for start, end, _ in blobs(text))
    list(joined(text))
    turned(text)


def test_long_texts_end_soon() -> None:
    """One token, and many."""
    with metered() as spent:
        for text in ("A" * 500_000, "QUJDREVGR0hJSktM " * 30_000, "a" * 500_000):
            list(blobs(text))
            turned(text)
    assert spent.seconds < 4
