"""Whether a run of digits and signs is a telephone number, by libphonenumber's metadata.

Presidio's recogniser asks the same library at the same leniency, by searching the whole text once for each
region. Here only a candidate is asked about, and only in the regions that write numbers so.
"""

from __future__ import annotations

import re

_TRUNK_REGIONS = ("GB", "DE", "FR", "IN", "AU", "NL", "CH", "AT", "BE", "SE", "JP")
"""Regions that write national numbers with a leading 0."""
_PLAIN_REGIONS = ("ES", "IT", "PT", "PL", "DK", "NO", "CZ")
"""Regions that write national numbers without one."""
_EXTENSION = re.compile(r" ?(?:x|ext\.?|extension) ?\d{1,6}$")
_GROUP = re.compile(r"(\d+)\)?")
_NO_DIGIT = re.compile(r"\D")
_NOT_PHONE = re.compile(
    r"(?:19|20)\d\d[-/. ]\d{1,2}[-/. ]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d\d.*"
    r"|(?:\d{1,3}\.){3}\d{1,3}|\d{1,3}(?:\.\d{3}){1,4}"
)


def phone_length(text: str) -> int:
    """Length of the longest beginning, in whole groups, that is a valid number; 0 when none is."""
    if not text.startswith("+") and _NOT_PHONE.fullmatch(text):
        return 0
    ends = [len(text)] if _EXTENSION.search(text) else []
    abroad = text.startswith("+") or _NO_DIGIT.sub("", text[:8]).startswith("00")
    groups: list[int] = []
    digits = 0
    for match in _GROUP.finditer(text):
        digits += len(match[1])
        # Looked at first because it is cheap: most beginnings of a long row of digits have too few or too many.
        if abroad or 9 <= digits <= 12:
            groups.append(match.end())
    for end in (*ends, *reversed(groups)):
        number = text[:end]
        if number.count("(") == number.count(")") and _is_valid(_EXTENSION.sub("", number)):
            return end
    return 0


def is_phone(text: str) -> bool:
    """Whether digits that are said to be a telephone number have the length of one, and are no date."""
    number = _EXTENSION.sub("", text)
    digits = _NO_DIGIT.sub("", number)
    return 7 <= len(digits) <= 15 and _NOT_PHONE.fullmatch(number) is None and len(set(digits)) > 1


def _is_valid(number: str) -> bool:
    """Whether libphonenumber knows the number in one of the regions that write it so."""
    import phonenumbers

    digits = _NO_DIGIT.sub("", number)
    if number.startswith("+") or digits.startswith("00"):
        regions: tuple[str | None, ...] = (None,)
        number = "+" + (digits if number.startswith("+") else digits[2:])
    elif not 9 <= len(digits) <= 12 or len(set(digits)) < 3:
        return False
    else:
        regions = _regions(number)
    for region in regions:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(number, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def _regions(number: str) -> tuple[str, ...]:
    """Regions that write a national number in these groups; few, since each costs a parse."""
    groups = [len(group) for group in _GROUP.findall(number)]
    if number.lstrip("(").startswith("0"):
        if groups == [2, 2, 2, 2, 2]:
            return ("FR",)
        return _TRUNK_REGIONS if len(groups) <= 4 else ()
    if groups in ([3, 3, 4], [1, 3, 3, 4]):
        return ("US", "IT")
    if groups in ([3, 3, 3], [3, 2, 2, 2], [2, 3, 2, 2]):
        return _PLAIN_REGIONS
    if groups == [5, 5]:
        return ("IN",)
    return ("IT",) if groups == [3, 7] else ()
