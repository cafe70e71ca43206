"""Bodies: cut into pieces, stored once, and put together exactly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.store.bodies import Blobs, decode, encode, join, split, unpack
from proxy.store.data_keys import DAY_US
from tests.proxy.store.one_key import OneKey

NOW = 1_700_000_000_000_000
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), 1 << 63) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4))
def test_a_body_comes_back_exactly(body: dict[str, Any]) -> None:
    """Same values, same types, same order of names, through storage and back."""
    blobs = Blobs(OneKey())
    stored = [(pointer, blobs.on("t", NOW).add(encode(value))) for pointer, value in split(body)]

    back = join((pointer, decode(unpack(blobs.rows[id], blobs.keys))) for pointer, id in stored)

    assert json.dumps(back) == json.dumps(body)


def test_a_resent_history_is_stored_once() -> None:
    """Thirty turns that resend everything keep about one copy of each message."""
    blobs = Blobs(OneKey())
    messages = [{"role": "user", "content": f"turn {n} " + "word " * 200} for n in range(30)]
    for turn in range(1, 31):
        for _, value in split({"model": "m", "messages": messages[:turn]}):
            blobs.on("t", NOW).add(encode(value))

    assert len(blobs.rows) == 31


def test_equal_content_of_two_tenants_has_two_names() -> None:
    """Nobody can learn from a blob's name that another tenant, day or kind has the same text."""
    blobs = Blobs(OneKey())

    first = blobs.on("a", NOW).add_text("same")
    others = [
        blobs.on("b", NOW).add_text("same"),
        blobs.on("a", NOW, "raw").add_text("same"),
        blobs.on("a", NOW + DAY_US).add_text("same"),
        Blobs(OneKey(b"o" * 32)).on("a", NOW).add_text("same"),
    ]

    assert blobs.on("a", NOW).add_text("same") == first
    assert len({first, *others}) == 5


@pytest.mark.parametrize("value", [1 << 70, "\ud800", {"deep": ["\ud800", -(1 << 65)]}])
def test_what_the_fast_encoder_refuses_is_kept_too(value: Any) -> None:
    """Huge integers and lone surrogates survive: a trace is not lost for them."""
    assert decode(encode(value)) == value


def test_long_content_is_compressed_and_an_unknown_codec_is_refused() -> None:
    """A blob says how it is packed, and nothing is guessed."""
    blobs = Blobs(OneKey())
    row = blobs.rows[blobs.on("t", NOW).add_text("word " * 500)]

    assert row["codec"] == "zlib" and len(row["body"]) < 100
    assert unpack(row, blobs.keys) == b"word " * 500
    with pytest.raises(ValueError, match="brotli"):
        unpack({"codec": "brotli", "body": b"", "key_id": None}, blobs.keys)
    # As older versions wrote it.
    assert unpack({"codec": "raw", "body": b"text", "key_id": None}, blobs.keys) == b"text"
