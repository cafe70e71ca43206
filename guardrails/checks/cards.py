"""Payment cards: twelve to nineteen digits with a check digit, an issuer's beginning or a word that says so.

Presidio's pattern misses about a quarter of valid cards, so it is not asked.
"""

from __future__ import annotations

import re

from guardrails.checks.checksums import luhn
from guardrails.checks.context import REACH, ends, says, starts
from guardrails.patterns import Pattern

_MAESTRO = ("5018", "5020", "5038", "56", "57", "58", "6304", "67", "6390", "0604")
_DINERS = ("300", "301", "302", "303", "304", "305", "3095", "36", "38", "39")
_ISSUED = {
    12: _MAESTRO,
    13: ("4", *_MAESTRO),
    14: (*_DINERS, *_MAESTRO),
    15: ("34", "37", "1800", "2131", *_MAESTRO),
    16: ("2", "30", "35", "36", "38", "39", "4", "5", "6", "81", "9792"),
    17: ("62", *_MAESTRO),
    18: ("62", *_MAESTRO),
    19: ("4", "62", "64", "65", "6011", *_MAESTRO),
}
"""First digits by length. Visa, Mastercard, American Express, Discover, Diners, JCB, UnionPay, Maestro, Mir, Troy."""
_GROUPED = r"\b\d{4}[ .\u00a0-]\d{3,6}(?:[ .\u00a0-]\d{1,7}){1,4}"
_GROUP = re.compile(r"\d+")
_NO_DIGIT = re.compile(r"\D")
_says_card = says(
    "card|cards|cardnumber|card no|credit|debit|visa|mastercard|master card|amex|american express"
    "|maestro|discover|diners|jcb|unionpay|union pay|rupay|cc|ccn|cvv|cvc|kreditkarte|karte|carte"
    "|tarjeta|carta di credito|cartão|creditcard"
)
_says_payment = says("pan|pay|paid|payment|charge|charged|billed|billing|checkout")
_says_id = says(
    "id|ids|uuid|order|invoice|ticket|tracking|serial|imei|isbn|ean|sku|timestamp|epoch|nonce"
    "|seed|hash|offset|snowflake|tweet|status|issue|build"
)


def cards() -> list[Pattern]:
    """The candidate patterns: in groups, and in one piece."""
    return [
        Pattern("CREDIT_CARD", _GROUPED, 1.0, before=starts, reach=8, after=ends, shorten=card_length),
        Pattern("CREDIT_CARD", r"\b\d{12,16}\b", 0.9, before=starts, reach=8, after=ends, validate=is_issued),
        Pattern(
            "CREDIT_CARD", r"\b\d{17,19}\b", 0.9, before=_no_id, reach=REACH, after=ends, validate=is_issued
        ),
        Pattern(
            "CREDIT_CARD", r"\b\d{12,19}\b", 0.9, before=_is_told, reach=REACH, after=ends, validate=luhn
        ),
    ]


def _is_told(before: str) -> bool:
    """Whether the text says that a card follows."""
    return starts(before) and _says_card(before)


def _no_id(before: str) -> bool:
    """Whether seventeen digits or more may be a card after this text: long numbers are often ids and clocks."""
    return starts(before) and (_says_payment(before) or not _says_id(before[-24:]))


def is_issued(digits: str) -> bool:
    """Whether digits begin as an issuer of that length has them, and end in the check digit."""
    return digits.startswith(_ISSUED.get(len(digits), ())) and luhn(digits)


def card_length(text: str) -> int:
    """Length of the longest beginning, in whole groups, that is a card number; 0 when none is."""
    groups = [(match[0], match.end()) for match in _GROUP.finditer(text)]
    digits = "".join(group for group, _ in groups)
    size = len(digits)
    for place in range(len(groups) - 1, 1, -1):
        group, end = groups[place]
        if 12 <= size <= 19 and _is_grouped(digits[:size], len(groups[1][0])):
            return end
        size -= len(group)
    return 0


def _is_grouped(digits: str, second: int) -> bool:
    """Whether digits in groups are a card: groups of three are numbers of all kinds, so they need an issuer."""
    if digits[0] == "0" or second == 3:
        return is_issued(digits)
    return luhn(digits)
