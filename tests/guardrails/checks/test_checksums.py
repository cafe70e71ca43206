"""Check digits find every wrong digit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.checks.checksums import keccak_256, luhn, mod_11_2, mod_11_10, mrz, weighted


@pytest.mark.parametrize(
    ("valid", "number"), [(luhn, "4111111111111111"), (luhn, "18"), (mod_11_10, "86095742719")]
)
def test_published_numbers_are_valid_and_their_neighbours_are_not(
    valid: Callable[[str], bool], number: str
) -> None:
    """Each other digit in each place breaks the check."""
    assert valid(number)
    for place, digit in enumerate(number):
        for other in set("0123456789") - {digit}:
            assert not valid(number[:place] + other + number[place + 1 :])


@given(st.text(alphabet="0123456789", min_size=3, max_size=20))
def test_exactly_one_check_digit_fits(number: str) -> None:
    """But for one digit repeated, which Luhn leaves out."""
    for valid in (luhn, mod_11_10):
        fitting = [digit for digit in "0123456789" if valid(number + digit)]
        assert len(fitting) == 1 or (valid is luhn and len(set(number)) == 1)


def test_other_sums() -> None:
    """Values from the standards: ISO 7064, ICAO 9303."""
    assert mod_11_2("11010519491231002") == "X"
    assert mod_11_2("44052418800101001") == "4"
    assert [mrz(field) for field in ("L898902C3", "740812", "120415", "D23145890")] == [6, 2, 9, 7]
    assert weighted("123", (3, 2, 1)) == 10


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"testing", "5f16f4c7f149ac4f9510d9cf8cf384038ad348b3bcdc01915f95de12df9d1b02"),
        (b"\0" * 136, "3a5912a7c5faa06ee4fe906253e339467a9ce87d533c65be3c15cb231cdb25f9"),
    ],
)
def test_keccak_is_the_one_of_ethereum(data: bytes, digest: str) -> None:
    """Not SHA3-256, whose padding differs; one block, and one more than fits."""
    assert keccak_256(data).hex() == digest
