"""Telephone numbers that ring nowhere: those that regulators keep for films and books, and unassigned ones."""

from __future__ import annotations

import re
from typing import Protocol

_DIGIT = re.compile(r"\d")
_EXTENSION = re.compile(r"(?i) ?(?:x|ext\.?|extension) ?\d{1,6}$")
_TRIES = 24

_KEPT = {
    "1": ("NXX55501DD",),
    "33": ("19900DDDD", "26191DDDD", "35301DDDD", "46571DDDD", "53649DDDD", "63998DDDD"),
    "44": ("1632960DDD", "2079460DDD", "7700900DDD", "8081570DDD"),
    "49": ("3023125DDD", "6990009DDD", "4066969DDD", "8999998DDD"),
    "61": ("25550DDDD", "35550DDDD", "75550DDDD", "85550DDDD"),
}
"""By country code: national numbers kept for fiction. `D` is any digit, `NXX` any area code of North America."""

_REGIONS = (
    "US",
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
    "ES",
    "IT",
    "PT",
    "PL",
    "DK",
)
"""Regions in none of which a made-up national number may be valid."""


class Chooser(Protocol):
    """What decides between equally good numbers."""

    def below(self, count: int) -> int:
        """A whole number from 0 to count - 1."""

    def digits(self, count: int) -> str:
        """That many decimal digits."""


def fictional(value: str, choose: Chooser) -> str | None:
    """A number of the same country, length and punctuation that nobody has; None when none is found.

    An extension stays as long as it is, with other digits.
    """
    extension = _EXTENSION.search(value)
    number = value[: extension.start()] if extension else value
    digits = "".join(_DIGIT.findall(number))
    if not digits.isascii() or len(digits) < 7:
        return None
    made = _kept(number, digits, choose)
    for _ in range(_TRIES):
        if made is not None:
            break
        made = _unassigned(number, digits, choose)
    if made is None:
        return None
    tail = extension[0] if extension else ""
    return _written(value, made + choose.digits(len(_DIGIT.findall(tail))))


def _written(value: str, digits: str) -> str:
    fresh = iter(digits)
    return _DIGIT.sub(lambda _: next(fresh), value)


def _kept(number: str, digits: str, choose: Chooser) -> str | None:
    """Digits out of a range that is kept for fiction, if there is one of that country and length."""
    lead, national, country = _parts(number, digits)
    trunk = "0" if national.startswith("0") and country != "1" else ""
    patterns = [kept for kept in _KEPT.get(country, ()) if len(kept) == len(national) - len(trunk)]
    alike = [kept for kept in patterns if kept[0] == national[len(trunk)]] or patterns
    if not alike:
        return None
    pattern = alike[choose.below(len(alike))]
    area = f"{2 + choose.below(8)}{choose.below(9)}{choose.below(10)}"
    if area[1:] == "11":
        area = area[0] + "12"
    filled = pattern.replace("NXX", area)
    return lead + trunk + re.sub("D", lambda _: str(choose.below(10)), filled)


def _parts(number: str, digits: str) -> tuple[str, str, str]:
    """(digits before the national number, national number, country code); no code where it cannot be told."""
    abroad = "00" if digits.startswith("00") and not number.startswith("+") else ""
    if number.startswith("+") or abroad:
        rest = digits[len(abroad) :]
        for code in _KEPT:
            if rest.startswith(code):
                return abroad + code, rest[len(code) :], code
        return digits, "", ""
    if len(digits) == 11 and digits[0] == "1":
        return "1", digits[1:], "1"
    if len(digits) == 10 and digits[0] != "0":
        return "", digits, "1"
    if len(digits) == 11 and digits[:2] in ("01", "02", "07"):
        return "", digits, "44"
    return "", digits, ""


def _unassigned(number: str, digits: str, choose: Chooser) -> str | None:
    """Digits that libphonenumber knows to be nobody's, with the same country code or first digit; or None."""
    import phonenumbers

    prefix = "" if number.startswith("+") else "00"
    if prefix and not digits.startswith("00"):
        made = digits[0] + choose.digits(len(digits) - 1)
        return None if any(_is_assigned(made, region) for region in _REGIONS) else made
    try:
        code = str(phonenumbers.parse("+" + digits.removeprefix(prefix)).country_code)
    except phonenumbers.NumberParseException:
        code = digits.removeprefix(prefix)[:2]
    made = code + choose.digits(len(digits) - len(prefix) - len(code))
    return None if _is_assigned("+" + made, None) else prefix + made


def _is_assigned(number: str, region: str | None) -> bool:
    import phonenumbers

    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(number, region)))
    except phonenumbers.NumberParseException:
        return False
