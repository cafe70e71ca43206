"""Bodies: cut into pieces, stored once, and put together exactly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.store.bodies import Blobs, decode, encode, join, split, unpack

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), 1 << 63) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4))
def test_a_body_comes_back_exactly(body: dict[str, Any]) -> None:
    """Same values, same types, same order of names, through storage and back."""
    blobs = Blobs(b"k")
    stored = [(pointer, blobs.add("t", encode(value))) for pointer, value in split(body)]

    back = join(
        (pointer, decode(unpack(blobs.rows[id]["codec"], blobs.rows[id]["body"]))) for pointer, id in stored
    )

    assert json.dumps(back) == json.dumps(body)


def test_a_resent_history_is_stored_once() -> None:
    """Thirty turns that resend everything keep about one copy of each message."""
    blobs = Blobs(b"k")
    messages = [{"role": "user", "content": f"turn {n} " + "word " * 200} for n in range(30)]
    for turn in range(1, 31):
        for _, value in split({"model": "m", "messages": messages[:turn]}):
            blobs.add("t", encode(value))

    assert len(blobs.rows) == 31


def test_equal_content_of_two_tenants_has_two_names() -> None:
    """Nobody can learn from a blob's name that another tenant has the same text."""
    blobs = Blobs(b"k")

    assert blobs.add_text("a", "same") == blobs.add_text("a", "same") != blobs.add_text("b", "same")
    assert Blobs(b"other").add_text("a", "same") not in blobs.rows


@pytest.mark.parametrize("value", [1 << 70, "\ud800", {"deep": ["\ud800", -(1 << 65)]}])
def test_what_the_fast_encoder_refuses_is_kept_too(value: Any) -> None:
    """Huge integers and lone surrogates survive: a trace is not lost for them."""
    assert decode(encode(value)) == value


def test_long_content_is_compressed_and_an_unknown_codec_is_refused() -> None:
    """A blob says how it is packed, and nothing is guessed."""
    blobs = Blobs(b"k")
    row = blobs.rows[blobs.add_text("t", "word " * 500)]

    assert row["codec"] == "zlib" and len(row["body"]) < 100
    assert unpack("zlib", row["body"]) == b"word " * 500
    with pytest.raises(ValueError, match="brotli"):
        unpack("brotli", b"")
