"""Payment cards: twelve to nineteen digits with a check digit, an issuer's beginning or a word that says so.

Presidio's pattern misses about a quarter of valid cards, so it is not asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from guardrails.checks.checksums import luhn
from guardrails.checks.context import REACH, alone, ends, says, starts
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
        Pattern("CREDIT_CARD", _GROUPED, 1.0, before=alone, reach=8, after=ends, shorten=card_length),
        Pattern("CREDIT_CARD", _GROUPED, 1.0, before=_is_told, reach=REACH, after=ends, shorten=_told_length),
        Pattern("CREDIT_CARD", r"\b\d{16}\b", 0.9, before=starts, reach=8, after=ends, validate=is_issued),
        Pattern(
            "CREDIT_CARD",
            r"\b(?:\d{12,15}|\d{17,19})\b",
            0.9,
            before=_no_id,
            reach=REACH,
            after=ends,
            validate=is_issued,
        ),
        Pattern(
            "CREDIT_CARD", r"\b\d{12,19}\b", 0.9, before=_is_told, reach=REACH, after=ends, validate=luhn
        ),
    ]


def _is_told(before: str) -> bool:
    """Whether the text says that a card follows."""
    return starts(before) and _says_card(before)


def _no_id(before: str) -> bool:
    """Whether digits may be a card after this text: of these lengths, many are ids, article numbers and clocks."""
    return starts(before) and (_says_payment(before) or not _says_id(before[-24:]))


def is_issued(digits: str) -> bool:
    """Whether digits begin as an issuer of that length has them, and end in the check digit."""
    return digits.startswith(_ISSUED.get(len(digits), ())) and luhn(digits)


def card_length(text: str) -> int:
    """Length of the longest beginning, in whole groups, that is an issuer's card number; 0 when none is."""
    return _length(text, is_issued)


def _told_length(text: str) -> int:
    """As `card_length`, of a card that the text names: the check digit is enough."""
    return _length(text, luhn)


def _length(text: str, valid: Callable[[str], bool]) -> int:
    """Length of the longest beginning in whole groups, twelve digits or more, that is valid."""
    groups = [(match[0], match.end()) for match in _GROUP.finditer(text)]
    digits = "".join(group for group, _ in groups)
    size = len(digits)
    following = 0
    for group, end in reversed(groups):
        if size < 12:
            return 0
        # Three groups of a longer row in fours are part of another number.
        if size <= 19 and not (size == 12 and following == 4) and valid(digits[:size]):
            return end
        size -= len(group)
        following = len(group)
    return 0
