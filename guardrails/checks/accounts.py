"""Bank accounts and the banks that keep them: IBAN, BIC, American routing and account numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from guardrails.checks.context import REACH, Beside, ends, near, starts
from guardrails.patterns import Pattern

IBAN_LENGTHS = {
    country: int(length)
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH CR HR LI LV",
        22: "BG BH DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}
_BANKING = IBAN_LENGTHS.keys() | {
    *("US", "CA", "MX", "AR", "CL", "CO", "PE", "UY", "EC", "PA", "AU", "NZ", "JP", "CN", "HK", "TW", "KR"),
    *("SG", "MY", "TH", "VN", "PH", "ID", "IN", "BD", "LK", "ZA", "NG", "KE", "GH", "MA", "DZ", "BO", "PY"),
}
"""Countries whose letters stand in a BIC: of words in capitals, most have others in that place."""


def accounts(decide: Mapping[str, Beside]) -> list[Pattern]:
    """The candidate patterns; `decide` holds the decision of Presidio's recogniser, by entity."""
    iban = r"(?i:\b[A-Z]{2}\d{2}(?:[ \u00a0-]?[A-Z0-9]){11,30})"
    bic = r"\b[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?\b"
    routing = near("routing|aba|rtn|transit number|bank number|fedwire")
    account = near("account number|account no|account #|bank account|acct|a/c|bank acct|checking|savings")
    return [
        Pattern("IBAN_CODE", iban, 1.0, before=starts, reach=8, shorten=_iban_length(decide["IBAN_CODE"])),
        Pattern(
            "SWIFT_CODE",
            bic,
            0.8,
            before=near("swift code|swift bic|swift|bic|bic code"),
            reach=24,
            after=ends,
            validate=lambda value: value[4:6] in _BANKING,
        ),
        Pattern(
            "ABA_ROUTING_NUMBER",
            r"\b[0123678]\d{3}-?\d{4}-?\d\b",
            0.85,
            before=routing,
            reach=REACH,
            after=ends,
            validate=lambda value: value != value[:1] * 9 and decide["ABA_ROUTING_NUMBER"](value),
        ),
        Pattern("US_BANK_NUMBER", r"\b\d{8,17}\b", 0.7, before=account, reach=32, after=ends),
    ]


def _iban_length(decide: Beside) -> Callable[[str], int]:
    """Cuts a candidate to its country's length, and lets the recogniser decide."""

    def length(text: str) -> int:
        wanted = IBAN_LENGTHS.get(text[:2].upper(), 0)
        if not wanted or len(text) < wanted:
            return 0
        compact = _GAP.sub("", text)
        if len(compact) < wanted:
            return 0
        end = wanted
        while end - len(_GAP.findall(text[:end])) < wanted:
            end += 1
        if text[end : end + 1].isalnum():
            return 0
        return end if decide(compact[:wanted].upper()) else 0

    return length


_GAP = re.compile("[ \u00a0-]")
