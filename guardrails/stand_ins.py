"""Values to put where a stored text was masked, so that another policy can be asked what it would have found there."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

VALUES = {
    "ABA_ROUTING_NUMBER": "021000021",
    "ADDRESS": "12 Elm Street, Springfield",
    "BR_CPF": "529.982.247-25",
    "CA_SIN": "900 000 001",
    "CREDIT_CARD": "4111 1111 1111 1111",
    "CRYPTO": "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "DE_TAX_ID": "86095742719",
    "EMAIL_ADDRESS": "morgan.reed@example.com",
    "ES_NIF": "12345678Z",
    "FR_NIR": "2 55 08 14 168 025 38",
    "IBAN_CODE": "GB82 WEST 1234 5698 7654 32",
    "IN_AADHAAR": "9999 4105 7058",
    "IN_PAN": "ABCPE1234F",
    "IP_ADDRESS": "198.51.100.7",
    "LOCATION": "Springfield",
    "MAC_ADDRESS": "00:1A:2B:3C:4D:5E",
    "ORGANIZATION": "Morgan Reed Ltd",
    "PERSON": "Morgan Reed",
    "PHONE_NUMBER": "+1 415 555 2671",
    "PL_PESEL": "44051401359",
    "UK_NHS": "943 476 5919",
    "UK_NINO": "AB 12 34 56 C",
    "US_ITIN": "912-70-1234",
    "US_SSN": "536-22-8145",
}
"""Entity to a value of that kind that belongs to nobody."""

_MASK = re.compile(r"\[([A-Z][A-Z0-9_]{1,63})\]|\b([A-Z][A-Z0-9_]{1,63})_[0-9a-f]{10}\b")
"""What a redaction and a pseudonym look like."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A text with values in place of its masks."""

    text: str
    left: Counter[str]
    """Masks that stay as they are, by entity: there is no value for them."""


def fill(text: str) -> Filled:
    """The text with a value of its kind in place of each mask."""
    left: Counter[str] = Counter()

    def value(found: re.Match[str]) -> str:
        entity = found[1] or found[2]
        if entity not in VALUES:
            left[entity] += 1
        return VALUES.get(entity, found[0])

    return Filled(_MASK.sub(value, text), left)
