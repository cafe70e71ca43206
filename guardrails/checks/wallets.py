"""Addresses of crypto-currency wallets: Bitcoin by Presidio's checksums, Ethereum by EIP-55."""

from __future__ import annotations

from collections.abc import Mapping

from guardrails.checks.checksums import keccak_256
from guardrails.checks.context import Beside
from guardrails.patterns import Pattern


def wallets(decide: Mapping[str, Beside]) -> list[Pattern]:
    """The candidate patterns of wallets."""
    bitcoin = r"\b(?:bc1[a-z0-9]{25,59}|BC1[A-Z0-9]{25,59}|[13][a-km-zA-HJ-NP-Z1-9]{25,34})\b"
    return [
        Pattern("CRYPTO", bitcoin, 0.95, validate=_either_case(decide["CRYPTO"])),
        Pattern("CRYPTO", r"\b0[xX][0-9a-fA-F]{40}\b", 0.95, validate=is_ethereum),
    ]


def _either_case(valid: Beside) -> Beside:
    """Presidio's decision; addresses in capitals, as in QR codes, are asked about in small letters."""
    return lambda value: valid(value.lower() if value.startswith("BC1") else value)


def is_ethereum(text: str) -> bool:
    """Whether 0x and forty hexadecimal digits are an address: in mixed case the case must be EIP-55's.

    Presidio knows no Ethereum. One digit repeated, as in the zero address, belongs to nobody.
    """
    number = text[2:]
    plain = number.lower()
    if len(set(plain)) < 5:
        return False
    if number in (plain, number.upper()):
        return True
    digest = keccak_256(plain.encode()).hex()
    return all(
        sign.isdigit() or sign.isupper() == (nibble >= "8")
        for sign, nibble in zip(number, digest, strict=False)
    )
