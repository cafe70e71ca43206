"""The keyed hash: equal for equal, and for nothing else."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from guardrails.keyed import keyed_hash


@given(st.binary(max_size=200), st.binary(max_size=50), st.integers(1, 64))
def test_it_is_blake2b_with_a_key(key: bytes, message: bytes, size: int) -> None:
    """Of the size that was asked for; a key that is too long is hashed first."""
    short = key if len(key) <= 64 else hashlib.blake2b(key).digest()

    made = keyed_hash(key, message, size)

    assert made == hashlib.blake2b(message, key=short, digest_size=size).digest()
    assert len(made) == size


@given(st.tuples(st.binary(max_size=70), st.binary()), st.tuples(st.binary(max_size=70), st.binary()))
def test_another_key_or_message_has_another_hash(
    one: tuple[bytes, bytes], other: tuple[bytes, bytes]
) -> None:
    """As far as anybody will ever see."""
    assert (keyed_hash(*one, 16) == keyed_hash(*other, 16)) == (one == other)
