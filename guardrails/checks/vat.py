"""VAT numbers of the European Union, of the countries whose check digit is public and short to compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from guardrails.checks.checksums import luhn, mod_11_10, weighted
from guardrails.checks.national_rules import digits_of, pt_nif


def _at(number: str) -> bool:
    total = weighted(number[1:8:2], (1, 1, 1, 1)) + sum(
        int(digit) * 2 // 10 + int(digit) * 2 % 10 for digit in number[2:8:2]
    )
    return (96 - total) % 10 == int(number[8])


def _be(number: str) -> bool:
    return 97 - int(number[:8]) % 97 == int(number[8:])


def _fr(number: str) -> bool:
    return number[:2].isdigit() and int(number[2:] + "12") % 97 == int(number[:2])


def _nl(number: str) -> bool:
    as_letters = "2321" + "".join(str(ord(sign) - 55) if sign.isalpha() else sign for sign in number)
    return weighted(number[:9], (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 or int(as_letters) % 97 == 1


def _pl(number: str) -> bool:
    return weighted(number, (6, 5, 7, 2, 3, 4, 5, 6, 7, -1)) % 11 == 0


def _mod_11(*weights: int) -> Callable[[str], bool]:
    return lambda number: weighted(number, weights) % 11 == 0


_RULES: Final[dict[str, tuple[str, Callable[[str], bool]]]] = {
    "AT": (r"U\d{8}", _at),
    "BE": (r"[01]\d{9}", _be),
    "DE": (r"[1-9]\d{8}", mod_11_10),
    "DK": (r"[1-9]\d{7}", _mod_11(2, 7, 6, 5, 4, 3, 2, 1)),
    "EL": (
        r"\d{9}",
        lambda number: weighted(number, (256, 128, 64, 32, 16, 8, 4, 2)) % 11 % 10 == int(number[8]),
    ),
    "FI": (r"\d{8}", _mod_11(7, 9, 10, 5, 8, 4, 2, 1)),
    "FR": (r"\d{11}", _fr),
    "HR": (r"\d{11}", mod_11_10),
    "IT": (r"\d{11}", luhn),
    "LU": (r"\d{8}", lambda number: int(number[:6]) % 89 == int(number[6:])),
    "NL": (r"\d{9}B\d{2}", _nl),
    "PL": (r"\d{10}", _pl),
    "PT": (r"\d{9}", pt_nif),
    "SE": (r"\d{10}01", lambda number: luhn(number[:10])),
}
VAT = r"\b(?:" + "|".join(rf"{country} ?{shape}" for country, (shape, _) in _RULES.items()) + r")\b"
"""Two letters of the country, then what its numbers look like."""


def is_vat(text: str) -> bool:
    """Whether a text that looks like `VAT` has its country's check digit."""
    country, number = text[:2], text[2:].lstrip()
    return len(set(digits_of(number))) > 1 and _RULES[country][1](number)
