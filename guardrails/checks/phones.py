"""Telephone numbers: international, national in the groups people write, and whatever is said to be one.

Presidio's recogniser searches the whole text with libphonenumber once for each region. Here a candidate is held
against the same library's metadata, digits only: nothing is parsed. What the library calls invalid counts all the
same when it is written as only telephone numbers are, or when a word says that it is one.
"""

from __future__ import annotations

import re
from functools import cache

from guardrails.checks.context import REACH, alone, ends, says, starts
from guardrails.patterns import Pattern

_TRUNK_REGIONS = (
    "GB",
    "DE",
    "FR",
    "IN",
    "AU",
    "NL",
    "CH",
    "AT",
    "BE",
    "SE",
    "JP",
    "NZ",
    "FI",
    "IE",
    "ZA",
    "BR",
    "KR",
)
"""Regions that write national numbers with a leading 0."""
_PLAIN_REGIONS = ("ES", "IT", "PT", "PL", "DK", "NO", "CZ", "GR", "LU")
"""Regions that write national numbers without one."""
_SEPARATORS = " ().\\-/\u00a0\u2010-\u2013"
_EXTENSION = r"(?: ?(?:,? ?x|,? ?ext\.?|,? ?extension|#) ?\d{1,6})?"
_ENDING = re.compile(r" ?(?:,? ?x|,? ?ext\.?|,? ?extension|#) ?\d{1,6}$")
_GROUP = re.compile(r"(\d+)\)?")
_NO_DIGIT = re.compile(r"\D")
_NOT_PHONE = re.compile(
    r"(?:19|20)\d\d[-/. ]\d{1,2}[-/. ]\d{1,2}.*|\d{1,2}[-/. ]\d{1,2}[-/. ](?:19|20)\d\d.*"
    r"|(?:\d{1,3}\.){3}\d{1,3}|[1-9]\d{0,2}(?:\.\d{3}){1,4}|(?:[1-4]\d{0,2}|[5-9]\d?)(?: \d{3}){1,4}(?:\.\d+)?"
)
_PLAIN_DATE = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{4}|\d{6})?")
_WITHIN = 24
"""Code points that may stand between a word for telephones and the number."""
_says_phone = says(
    "phone|phones|telephone|tel|telefon|telefono|teléfono|téléphone|telefone|telefoon"
    "|telefonnummer|cell|cellphone|celular|cellulare|mobile|mobil|mob|movil|móvil|fax|call"
    "|calling|called|calls|ring|dial|dialling|text|texting|sms|whatsapp|signal|viber|hotline"
    "|helpline|landline|switchboard|handy|rufnummer|durchwahl|portable|gsm|ph"
    "|reach|reached|reachable|contact|contacted|pager|voicemail|numéro|puhelin|telefonszám|telef"
    "|my number|your number|his number|her number|our number|their number|new number|old number"
    "|current number|home number|work number|business number|daytime number|emergency number"
    "|my no|my num"
    "|office:|office phone|office number|office line|desk:|direct:|direct line|direct dial",
    within=_WITHIN,
)
_says_number = says(
    "number is|number's|numbers are|no is|nummer ist|numéro est|número es|nummer is", within=_WITHIN
)
_says_other = says(
    "card|credit|debit|tax|social|security|bank|routing|flight|room|page|id|ids|order|invoice|ref|reference|sku|isbn|issn|account|acct|ticket|case|tracking|code"
    "|serial|part|item|model|version|batch|lot|policy|claim|patent|nhs|tin|ssn|sin|tfn|abn|acn"
    "|bsn|nif|cpf|medicare|passport|license|licence|lat|lon|iban|vat|siret|siren|article|docket"
    "|steuer id|idnr",
    within=_WITHIN,
)
_LABEL = re.compile(r"(?:^|[\s(|,;•])[TFMPHCWtfmphcw][:.]\s{0,3}$")
_AFTER_AREA = ((3, 3), (3, 4), (4, 4), (4, 3), (6,), (7,), (8,), (3, 2, 2), (2, 2, 2), (2, 2, 2, 2))
"""Groups of digits that follow an area code in parentheses."""
_KINDS = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "voip", "personal_number", "uan"),
)
_AFTERWARDS = (
    r"(?:[ ,(\-–]{1,3}|\t)(?i:office|fax|mobile|mob|cell|home|work|phone|tel|desk|direct|landline)\b"
)


def phones() -> list[Pattern]:
    """The candidate patterns: international, national with separators, and digits beside a word that says so."""
    step = f"[{_SEPARATORS}]"
    # The metadata's zeros are written as 00 or 011 too; `(0)` may stand inside.
    international = rf"(?:\(?\+ ?|\b00[ -]?|\b011[ -])[1-9](?:{step}{{0,3}}\d){{6,14}}{_EXTENSION}"
    group = r"\(?\d{2,8}\)?"
    opening = rf"(?:\(\d{{2,5}}\)|\b\d{{2,5}}{step}){step}?"
    national = rf"{opening}{group}(?:{step}{{1,2}}{group}){{0,4}}{_EXTENSION}"
    spoken = rf"(?:[+(]{{1,2}}|\b)\d(?:{step}{{0,3}}\d){{6,15}}"
    nine_digits = rf"\d(?:{step}{{0,3}}\(?\d){{8}}"
    national_digits = rf"{nine_digits}|\(\d{{2,5}}\){step}?\d(?:{step}{{0,2}}\d){{4}}"
    # Every row of seven digits or more but dates such as 2024-11-05.
    undated = "|".join(
        (
            r"\d{5}",
            rf"\d{{3}}{step}{{1,3}}\d{{3}}",
            rf"(?:\d\d{step}{{1,3}}){{3}}\d\d",
            rf"\b\d{{3}}{step}{{1,3}}\d\d{step}{{1,3}}\d\d",
            rf"\d\d{step}{{1,3}}\d{{3}}{step}{{1,3}}\d\d",
            rf"\d{{3}}{step}{{1,3}}\d{step}{{1,3}}\d{{3}}",
            nine_digits,
        )
    )
    return [
        Pattern(
            "PHONE_NUMBER",
            international,
            0.9,
            before=starts,
            reach=REACH,
            after=ends,
            shorten=international_length,
        ),
        Pattern(
            "PHONE_NUMBER",
            national,
            0.8,
            before=_starts_national,
            reach=REACH,
            after=ends,
            shorten=national_length,
            trigger=national_digits,
        ),
        Pattern(
            "PHONE_NUMBER",
            spoken + _EXTENSION,
            0.7,
            before=_is_said,
            reach=REACH,
            after=ends,
            validate=is_phone,
            trigger=undated,
        ),
        Pattern(
            "PHONE_NUMBER",
            spoken + _AFTERWARDS,
            0.7,
            before=_starts_number,
            reach=REACH,
            shorten=_labelled_length,
        ),
    ]


def _starts_number(before: str) -> bool:
    """Whether a number may begin after this text: not inside an international one."""
    return alone(before) and not before.rstrip("0123456789 ().-/").endswith("+")


def _starts_national(before: str) -> bool:
    """As `_starts_number`, and not in a row of numbers or after a word for numbers of another kind."""
    if not _starts_number(before):
        return False
    if before[-1:] == " " and before[-2:-1].isdecimal():
        return False
    return not _says_other(before) or _says_phone(before)


def _is_said(before: str) -> bool:
    """Whether a number may begin after this text, and the text ends soon after a word for telephones."""
    # No word is shorter than two signs and no digit may follow it: spares the search in rows of digits.
    if any(map(str.isdecimal, before[-2:])) or not starts(before):
        return False
    if before[-1:] in ("(", "[") and before[-2:-1].isalnum():
        return False
    if _says_phone(before) or (_says_number(before) and not _says_other(before)):
        return True
    return _LABEL.search(before[-6:]) is not None


def international_length(text: str) -> int:
    """Length of the longest beginning, in whole groups, that is a number abroad; 0 when none is.

    A number needs a country's calling code and one of its lengths; after 00 it must be valid unless American.
    """
    grouped = any(not (sign.isdigit() or sign == "+") for sign in text)
    certain = not (
        text.lstrip("(").startswith("+") or (grouped and text.startswith(("001", "00 1", "00-1", "011")))
    )
    ends_at = [match.end() for match in _GROUP.finditer(text)]
    for end in reversed(ends_at):
        number = text[:end]
        cut = _ENDING.search(number)
        if number.count("(") == number.count(")") and _is_abroad(
            number[: cut.start()] if cut else number, certain
        ):
            return end
    return 0


def _is_abroad(number: str, certain: bool) -> bool:
    """Whether a number with its calling code has a length that the country gives out."""
    digits = _NO_DIGIT.sub("", number.replace("(0)", ""))
    if not number.lstrip("(").startswith("+"):
        digits = digits.removeprefix("011") if digits.startswith("011") else digits[2:]
    for size in range(1, min(3, len(digits)) + 1):
        country = _country(digits[:size])
        if country is not None:
            national = digits[size:]
            lengths, valid = country
            if len(national) not in lengths and national.startswith("0"):
                national = national[1:]
            if len(set(national)) < 3:
                return False
            return valid.fullmatch(national) is not None if certain else len(national) in lengths
    return False


def national_length(text: str) -> int:
    """Length of the longest beginning, in whole groups, that is a national number; 0 when none is."""
    if _NOT_PHONE.fullmatch(text):
        return 0
    groups: list[int] = []
    digits = 0
    ends = []
    for match in _GROUP.finditer(text):
        digits += len(match[1])
        groups.append(len(match[1]))
        if 8 <= digits <= 12:
            ends.append((match.end(), tuple(groups)))
    extension = _ENDING.search(text)
    if extension is not None:
        number = text[: extension.start()]
        if _is_national(number, tuple(len(group) for group in _GROUP.findall(number))):
            return len(text)
    for end, shape in reversed(ends):
        number = text[:end]
        if shape == (5, 5) and len(groups) > 2:
            continue
        if number.count("(") == number.count(")") and _is_national(number, shape):
            return end
    return 0


def _is_national(number: str, groups: tuple[int, ...]) -> bool:
    """Whether digits in these groups are a telephone number where people write numbers so."""
    digits = _NO_DIGIT.sub("", number)
    if (
        len(set(digits)) < 3
        or not 8 + (number[0] != "(") <= len(digits) <= 12
        or _NOT_PHONE.fullmatch(number)
    ):
        return False
    opening = number[0]
    if groups[-3:] == (3, 3, 4) and (len(groups) == 3 or (len(groups) == 4 and digits[0] in "01")):
        return (
            opening == "("
            or "-" in number
            or "." in number
            or _valid("US").fullmatch(digits[-10:]) is not None
        )
    if digits[0] == "0":
        if digits[1] == "0" or (groups[0] == 2 and len(groups) == 2):
            return False
        if opening == "(":
            return len(groups) <= 4
        trunk = digits[1:]
        return len(groups) <= 5 and any(_valid(region).fullmatch(trunk) for region in _TRUNK_REGIONS)
    if opening == "(" and groups[1:] in _AFTER_AREA and not digits.startswith(("19", "20")):
        return True
    if groups == (3, 3, 3) and "-" in number:
        return False
    return any(_valid(region).fullmatch(digits) for region in _regions(groups))


def _regions(groups: tuple[int, ...]) -> tuple[str, ...]:
    """Regions that write national numbers without a trunk digit in these groups."""
    if groups in ((3, 3, 3), (3, 2, 2, 2), (2, 3, 2, 2)):
        return _PLAIN_REGIONS
    if groups == (5, 5):
        return ("IN",)
    if groups in ((2, 5, 4), (2, 4, 4)):
        return ("BR",)
    return ("IT",) if groups == (3, 7) else ()


def is_phone(text: str) -> bool:
    """Whether digits that are said to be a telephone number have the length of one, and are no date."""
    number = _ENDING.sub("", text)
    digits = _NO_DIGIT.sub("", number)
    if not 7 <= len(digits) <= 15 or len(set(digits)) < 2 or _PLAIN_DATE.fullmatch(number):
        return False
    return _NOT_PHONE.fullmatch(number) is None or _SPACED.fullmatch(number) is not None


_SPACED = re.compile(r"\d{2,3}(?: \d{3}){2,3}|[1-9]\d\d(?:\.\d{3}){2}")


def _labelled_length(text: str) -> int:
    """Length of a number without the word that follows it and says what it is; 0 when it is none."""
    end = max(match.end() for match in _GROUP.finditer(text))
    return end if is_phone(text[:end]) else 0


@cache
def _country(code: str) -> tuple[frozenset[int], re.Pattern[str]] | None:
    """Lengths of a calling code's national numbers and the pattern of valid ones; None for no such code."""
    import phonenumbers

    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code))
    if regions is None:
        return None
    if regions[0] == "001":
        return frozenset(range(7, 13)), re.compile(r"\d{7,12}")
    general = getattr(phonenumbers.PhoneMetadata.metadata_for_region(regions[0]), "general_desc", None)
    lengths = general.possible_length if general else ()
    return frozenset(length for length in lengths if length >= 6), _valid(regions[0])


@cache
def _valid(region: str) -> re.Pattern[str]:
    """What matches the national digits of a region's valid numbers, of every type that libphonenumber knows."""
    import phonenumbers

    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    kinds = (getattr(metadata, kind, None) for kind in _KINDS)
    patterns = {kind.national_number_pattern for kind in kinds if kind and kind.national_number_pattern}
    return re.compile("|".join(sorted(patterns)))
