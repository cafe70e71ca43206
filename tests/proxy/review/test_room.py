"""Texts are shown as far as they fit."""

from __future__ import annotations

import random
import zlib

import pytest

from proxy.review.room import LEAST, LONGEST, MOST_BYTES, longest


def test_what_fits_is_shown_whole() -> None:
    """Ordinary conversations are never cut."""
    assert longest([]) == LONGEST
    assert longest(["hello"] * 100) == LONGEST
    assert longest(["The parcel is on its way. " * 400] * 30) == LONGEST


@pytest.mark.parametrize(
    "alphabet",
    [
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/",
        "".join(map(chr, range(0x4E00, 0x9000))),
    ],
)
@pytest.mark.parametrize("shape", [[200_000], [40_000] * 6, [30, 30, 90_000, 2_000], [9_000] * 60])
def test_what_does_not_fit_is_cut_alike(alphabet: str, shape: list[int]) -> None:
    """However badly it compresses, the page's share stays bounded; short texts are kept whole."""
    chance = random.Random(7)
    texts = ["".join(chance.choices(alphabet, k=size)) for size in shape]
    most = longest(texts)
    shown = [text[:most] for text in texts]
    assert len(zlib.compress("".join(shown).encode(), 6)) <= MOST_BYTES * 1.1
    assert most >= LEAST
    assert all(len(cut) == len(text) or len(cut) == most for cut, text in zip(shown, texts, strict=True))
