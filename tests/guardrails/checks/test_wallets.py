"""Wallets are known by their checksums."""

from __future__ import annotations

import pytest

from guardrails.check import Scanner
from guardrails.checks.pii import pii
from guardrails.checks.wallets import is_ethereum

PUBLISHED = [
    "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
    "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
    "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
    "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
]


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    """The check for wallets alone."""
    built = pii(["CRYPTO"])
    assert isinstance(built, Scanner)
    return built


@pytest.mark.parametrize("wallet", PUBLISHED)
def test_published_addresses_are_found(scanner: Scanner, wallet: str) -> None:
    """Alone and in a sentence; not as part of a longer word, nor with a sign changed."""
    for before, after in (("", ""), ("send it to ", ", please"), ('{"to":"', '"}')):
        [span] = scanner.scan(before + wallet + after)
        assert (span.start, span.end) == (len(before), len(before) + len(wallet))
    assert scanner.scan("x" + wallet) == []
    assert scanner.scan(wallet + "0") == []
    if wallet.lower() != wallet:
        changed = wallet[:-2] + ("b" if wallet[-2] != "b" else "c") + wallet[-1]
        assert scanner.scan(changed) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", False),
        ("0x" + "0" * 40, False),
        ("0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED", True),
    ],
)
def test_mixed_case_is_a_checksum(text: str, expected: bool) -> None:
    """Without it any forty digits are an address, but for one digit repeated."""
    assert is_ethereum(text) is expected
