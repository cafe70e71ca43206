"""Where personal identifiers may stand: candidate patterns and the words around them.

A candidate pattern is wider than the recogniser that decides on it. Decisions look at the candidate, at most
`REACH` code points to its left and one to its right: so they hold in a stream too.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping

from guardrails.checks.phones import is_phone, phone_length
from guardrails.patterns import Pattern

REACH = 64
"""Code points to the left of a candidate that its decision may depend on."""

Decide = Callable[[str], bool]

_LETTER = "A-Za-z0-9\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff"
_EMAIL = (
    rf"[{_LETTER}_][{_LETTER}_.%+'-]{{0,63}}@"
    rf"(?:[{_LETTER}](?:[{_LETTER}-]{{0,62}})\.){{1,8}}[{_LETTER}-]{{2,24}}"
)
_GLUED_LABELS = 2
"""Labels that a missing space after a full stop may have glued to a domain."""
_RESERVED = frozenset(("example", "test", "invalid", "local", "localhost", "internal", "corp", "lan", "home"))
_IBAN_LENGTHS = {
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
_PHONE_WORDS = re.compile(
    r"\b(?:phone|telephone|tel|cell|cellphone|mobile|mob|fax|call|calling|ring|dial|text|sms|whatsapp|hotline|landline|desk"
    r"|office|handy|telefon|rufnummer|t[eé]l[eé]phone|tel[eé]fono|m[oó]vil|telefono|cellulare)\b[^\d\n]{0,24}$",
    re.IGNORECASE,
)
_CARD_WORDS = re.compile(r"\b(?:card|credit|debit|visa|mastercard|amex|maestro|pan|cc)\b", re.IGNORECASE)
_SSN_WORDS = re.compile(r"\b(?:ssn|ssns|social\s+security|soc\s*sec|ss#)", re.IGNORECASE)
_ITIN_WORDS = re.compile(r"\b(?:itin|taxpayer|tax\s+id|tin)\b", re.IGNORECASE)
_NHS_WORDS = re.compile(r"\b(?:nhs|national health)", re.IGNORECASE)
_VERSION_WORDS = re.compile(
    r"(?:\b(?:v|ver|vers|version|release|build|revision|firmware|upgrade|upgraded|bump|bumped|section|chapter|oid)"
    r"[\"']?[ .:=]{0,3}[\"']?|(?:[=~<>!^]=|[\^~])[ ]?[\"']?|\w/)$",
    re.IGNORECASE,
)


def patterns(entities: Iterable[str], decide: Mapping[str, Decide]) -> list[Pattern]:
    """The candidate patterns of some structured entities; `decide` holds a recogniser's decision for some."""
    wanted = set(entities)
    return [pattern for pattern in _all(decide) if pattern.entity in wanted]


def _all(decide: Mapping[str, Decide]) -> list[Pattern]:
    """Every candidate pattern."""
    return [
        Pattern(
            "EMAIL_ADDRESS",
            _EMAIL,
            1.0,
            before=lambda before: not before or not (before.isalnum() or before == "_"),
            reach=1,
            shorten=_email_length(decide["EMAIL_ADDRESS"]),
            trigger=rf"@[{_LETTER}]",
        ),
        *_cards(),
        *_phones(),
        *_numbers(decide),
        *_addresses(decide),
    ]


def _cards() -> list[Pattern]:
    """Payment cards, in groups, in one piece, and of unusual length beside a word that says so."""
    grouped = r"\b\d{4}[ -]\d{4,6}(?:[ -]\d{1,7}){1,3}"
    return [
        Pattern("CREDIT_CARD", grouped, 1.0, before=_starts, reach=REACH, after=_ends, shorten=_card_length),
        Pattern(
            "CREDIT_CARD", r"\b\d{12,19}\b", 0.9, before=_starts, reach=REACH, after=_ends, validate=_is_card
        ),
        Pattern(
            "CREDIT_CARD",
            r"\b\d{12,19}\b",
            0.9,
            before=_near(_CARD_WORDS),
            reach=REACH,
            after=_ends,
            validate=luhn,
        ),
    ]


def _phones() -> list[Pattern]:
    """Telephone numbers: international, national with separators, bare digits beside a word that says so."""
    extension = r"(?: ?(?:x|ext\.?|extension) ?\d{1,6})?"
    international = rf"(?:\+|\b00[ -]?)[1-9](?:[ ().\-/\u00a0]{{0,2}}\d){{6,14}}{extension}"
    national = rf"(?:\(\d{{2,5}}\)|\b\d{{2,5}})(?:[ .\-/]{{1,2}}\(?\d{{2,6}}\)?){{1,5}}{extension}"
    american = rf"(?:\b1[ .-])?(?:\([2-9]\d{{2}}\) ?|\b[2-9]\d{{2}}[-.])[2-9]\d{{2}}[-.]\d{{4}}{extension}"
    spoken = rf"(?:[+(]{{1,2}}|\b)\d(?:[ ().\-/]{{0,2}}\d){{6,15}}{extension}"
    return [
        Pattern(
            "PHONE_NUMBER", international, 0.9, before=_starts, reach=REACH, after=_ends, shorten=phone_length
        ),
        Pattern(
            "PHONE_NUMBER", national, 0.8, before=_starts, reach=REACH, after=_ends, shorten=phone_length
        ),
        Pattern("PHONE_NUMBER", american, 0.8, before=_starts, reach=REACH, after=_ends),
        Pattern(
            "PHONE_NUMBER",
            spoken,
            0.7,
            before=_near_phone,
            reach=REACH,
            after=_ends,
            validate=is_phone,
        ),
    ]


def _numbers(decide: Mapping[str, Decide]) -> list[Pattern]:
    """Numbers that a state or a bank gives to a person."""
    itin, nhs = decide["US_ITIN"], decide["UK_NHS"]
    iban = r"(?i:\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30})"
    return [
        Pattern(
            "IBAN_CODE", iban, 1.0, before=_starts, reach=REACH, shorten=_iban_length(decide["IBAN_CODE"])
        ),
        Pattern(
            "US_SSN",
            r"\b\d{3}[- .]\d{2}[- .]\d{4}\b",
            0.85,
            before=_starts,
            reach=REACH,
            after=_ends,
            validate=_is_ssn,
        ),
        Pattern(
            "US_SSN",
            r"\b\d{9}\b",
            0.7,
            before=_near(_SSN_WORDS),
            reach=REACH,
            after=_ends,
            validate=_is_ssn,
        ),
        Pattern("US_ITIN", r"\b9\d{2}[- ]\d{2}[- ]\d{4}\b", 0.85, before=_starts, reach=REACH, validate=itin),
        Pattern("US_ITIN", r"\b9\d{8}\b", 0.7, before=_near(_ITIN_WORDS), reach=REACH, validate=itin),
        Pattern(
            "UK_NHS",
            r"\b\d{3}[ -]?\d{3}[ -]?\d{4}\b",
            0.85,
            before=_near(_NHS_WORDS),
            reach=REACH,
            validate=nhs,
        ),
    ]


def _addresses(decide: Mapping[str, Decide]) -> list[Pattern]:
    """Addresses of machines and of wallets."""
    ip, mac, crypto = decide["IP_ADDRESS"], decide["MAC_ADDRESS"], decide["CRYPTO"]
    v6 = r"(?:[0-9A-Fa-f]{0,4}:){2,7}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4})"
    return [
        Pattern(
            "IP_ADDRESS",
            r"\b\d{1,3}(?:\.\d{1,4}){3,5}\b",
            0.9,
            before=_starts_address,
            reach=REACH,
            validate=lambda value: ip(value) and _is_someones(value),
        ),
        Pattern(
            "IP_ADDRESS",
            v6,
            0.9,
            before=_starts_address,
            reach=REACH,
            after=_ends_address,
            validate=lambda value: _is_written_v6(value) and ip(value) and _is_someones(value),
            trigger=r"[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:",
        ),
        Pattern(
            "MAC_ADDRESS",
            r"\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b",
            0.9,
            before=_starts,
            reach=1,
            validate=mac,
        ),
        Pattern(
            "MAC_ADDRESS",
            r"\b[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2}\b",
            0.9,
            before=_starts,
            reach=1,
            validate=mac,
        ),
        Pattern(
            "CRYPTO", r"\b(?:bc1[a-z0-9]{25,59}|[13][a-km-zA-HJ-NP-Z1-9]{25,34})\b", 0.95, validate=crypto
        ),
    ]


def luhn(digits: str) -> bool:
    """Whether a digit string ends in its Luhn check digit."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0 and len(set(digits)) > 1


def _is_card(digits: str) -> bool:
    """Whether bare digits have an issuer's first digits, one of its lengths and the check digit.

    Long numbers are often ids and clocks: past 16 digits a word must stand beside them (another pattern).
    """
    size = len(digits)
    if size == 15:
        issued = digits.startswith(("34", "37", "1800", "2131"))
    elif size == 14:
        issued = digits.startswith(("30", "36", "38", "39"))
    elif size == 13:
        issued = digits.startswith(("4", "50", "56", "57", "58", "6"))
    elif size == 16:
        issued = digits[0] in "23456" or digits.startswith(("81", "9792"))
    else:
        issued = size < 13 and digits.startswith(("50", "56", "57", "58", "6"))
    return issued and luhn(digits)


def _card_length(text: str) -> int:
    """Length of the longest beginning, in whole groups, that is a card number."""
    for end in _group_ends(text):
        digits = re.sub(r"\D", "", text[:end])
        groups = len(re.split("[ -]", text[:end]))
        if 12 <= len(digits) <= 19 and groups >= 3 and digits[0] in "123456789" and luhn(digits):
            return end
    return 0


def _group_ends(text: str) -> list[int]:
    """Ends of the digit groups of a text, last first."""
    return [match.end() for match in re.finditer(r"\d+", text)][::-1]


def _is_ssn(value: str) -> bool:
    """Whether nine digits are in the range that is given out: no 000, 666 or 9xx area, no group of zeros.

    Presidio also refuses numbers known from advertisements, 123-45-6789 among them. They are found here:
    people type them where a real one would stand.
    """
    signs = {sign for sign in value if not sign.isdigit()}
    digits = re.sub(r"\D", "", value)
    given = not digits.startswith(("000", "666", "9")) and digits[3:5] != "00" and digits[5:] != "0000"
    return given and len(signs) <= 1 and len(set(digits)) > 1


def _iban_length(decide: Decide) -> Callable[[str], int]:
    """Cuts a candidate to its country's length, and lets the recogniser decide."""

    def length(text: str) -> int:
        wanted = _IBAN_LENGTHS.get(text[:2].upper(), 0)
        ends = [place + 1 for place, letter in enumerate(text) if letter not in " -"]
        if not wanted or len(ends) < wanted:
            return 0
        end = ends[wanted - 1]
        if text[end : end + 1].isalnum():
            return 0
        return end if decide(re.sub("[ -]", "", text[:end]).upper()) else 0

    return length


def _email_length(decide: Decide) -> Callable[[str], int]:
    """Drops labels that a sentence glued to the domain, until the recogniser knows the domain."""

    def length(text: str) -> int:
        local, _, domain = text.partition("@")
        if local.lower() == "git" or ".." in local or local.endswith("."):
            return 0
        for _ in range(_GLUED_LABELS + 1):
            if "." not in domain:
                return 0
            last = domain.rpartition(".")[2].lower()
            if last in _RESERVED or decide(f"{local}@{domain}"):
                return len(local) + 1 + len(domain)
            domain = domain.rpartition(".")[0]
        return 0

    return length


def _is_someones(value: str) -> bool:
    """Whether an address can belong to somebody: not this machine, every machine or no machine."""
    address = ipaddress.ip_address(value)
    return not (address.is_loopback or address.is_unspecified or str(address) == "255.255.255.255")


def _is_written_v6(value: str) -> bool:
    """Whether colons and hex digits are an address and not a clock, a scope operator or a slice."""
    filled = [group for group in value.split(":") if group]
    return len(filled) >= 2 and len("".join(filled)) >= 5 and any(letter.isdigit() for letter in value)


def _starts(before: str) -> bool:
    """Whether a number may begin after this text: not in the middle of a word, a number or an id."""
    return not before or not (before[-1].isalnum() or _is_joined(before))


def _is_joined(before: str) -> bool:
    """Whether the sign that ends this text joins what follows to a word or number."""
    sign, previous = before[-1], before[-2:-1]
    return sign in "_#$€£" or (sign in ".,-/%" and previous.isalnum())


def _starts_address(before: str) -> bool:
    """Whether a machine's address may begin after this text: not a version, not inside a number or name."""
    if before and (before[-1].isalnum() or before[-1] == "_" or before.endswith("::")):
        return False
    joined = before[-1:] in (".", "-") and before[-2:-1].isalnum()
    return not joined and _VERSION_WORDS.search(before) is None


def _ends(following: str) -> bool:
    """Whether a number may end before this character."""
    return not (following.isalnum() or following in ("_", "%", "$", "€", "£"))


def _ends_address(following: str) -> bool:
    """Whether an address may end before this character."""
    return not (following.isalnum() or following in ("_", ":", "."))


def _near_phone(before: str) -> bool:
    """Whether a number may begin after this text, and the text ends soon after a word for telephones."""
    # No word is shorter than three letters and no digit may follow it: spares the search in rows of digits.
    if any(map(str.isdecimal, before[-3:])):
        return False
    return _starts(before) and _PHONE_WORDS.search(before) is not None


def _near(words: re.Pattern[str]) -> Callable[[str], bool]:
    """Whether a number may begin after this text, and the text holds one of the words."""
    return lambda before: _starts(before) and words.search(before) is not None
