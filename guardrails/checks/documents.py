"""Travel documents and dates of birth: known by the words before them, or by a machine-readable zone."""

from __future__ import annotations

import re

from guardrails.checks.checksums import mrz
from guardrails.checks.context import REACH, ends, near, says, starts
from guardrails.checks.national_rules import is_date
from guardrails.patterns import Pattern

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar janvier enero gennaio januari janeiro",
            "february feb februar février fevrier febrero febbraio februari fevereiro",
            "march mar märz maerz mars marzo maart março",
            "april apr avril abril aprile",
            "may mai mayo maggio mei maio",
            "june jun juni juin junio giugno junho",
            "july jul juli juillet julio luglio julho",
            "august aug août aout agosto augustus",
            "september sep sept septembre septiembre settembre setembro",
            "october oct oktober octobre octubre ottobre outubro okt",
            "november nov novembre noviembre novembro",
            "december dec dezember décembre decembre diciembre dicembre dezembro dez",
        ),
        1,
    )
    for name in names.split()
}
_WORDS = re.compile(r"[^\W\d_]+")
_NUMBERS = re.compile(r"\d+")
_says_birth = says(
    "born|born on|dob|d o b|date of birth|birth date|birthdate|birthday|geb|geboren|geburtsdatum"
    "|geburtstag|né le|née le|ne le|nee le|date de naissance|nacimiento|fecha nac|nacido|nacida"
    "|nato il|nata il|data di nascita|geboortedatum|nascimento|nascido|nascida|født|född"
    "|syntymäaika|urodzony|urodzona|data urodzenia"
)
_says_passport = near(
    "passport|passeport|reisepass|passaporto|pasaporte|paspoort|passaporte|travel document"
    "|pass nr|paszport|pas nr"
)


def documents() -> list[Pattern]:
    """The candidate patterns of passports and dates of birth."""
    numeric = r"\b\d{1,4}[./-] ?\d{1,2}[./-] ?\d{2,4}\b"
    month = "(?i:" + "|".join(sorted({name[:3] for name in _MONTHS})) + ")[A-Za-zà-üÀ-Ü]{0,8}"
    spelt = rf"\b\d{{1,2}}(?:st|nd|rd|th|er|º|°)?\.?[ -](?:of |de )?{month}\.?,?[ -](?:de )?\d{{4}}\b"
    american = rf"\b{month}\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}\b"
    dates = (numeric, spelt, american)
    return [
        *(_passport("US_PASSPORT", regex) for regex in (r"\b\d{9}\b", r"\b[A-Z]\d{8}\b")),
        *(_passport("UK_PASSPORT", regex) for regex in (r"\b\d{9}\b", r"\b[A-Z]{2}\d{7}\b")),
        _passport("PASSPORT", r"\b[A-Z]{0,3}\d{6,9}[A-Z]?\b"),
        _passport("PASSPORT", r"\b\d{2}[A-Z]{2}\d{5}\b"),
        _passport("PASSPORT", r"\b[CFGHJKLMNPRTVWXYZ][CFGHJKLMNPRTVWXYZ0-9]{8}\b"),
        *_machine_readable(),
        *(
            Pattern(
                "DATE_OF_BIRTH", regex, 0.85, before=_near_birth, reach=32, after=_ends_date, validate=is_day
            )
            for regex in dates
        ),
    ]


def _passport(entity: str, regex: str) -> Pattern:
    """A number that is a passport's when the text says so."""
    return Pattern(entity, regex, 0.8, before=_says_passport, reach=REACH, after=ends, validate=_has_digits)


def _has_digits(value: str) -> bool:
    """Whether at least four signs are digits: else it is a word."""
    return sum(map(str.isdigit, value)) >= 4


def _machine_readable() -> list[Pattern]:
    """Lines of the machine-readable zone of passports (two of 44) and cards (three of 30)."""
    lines = (
        (r"\bP[A-Z<][A-Z<]{3}[A-Z][A-Z<]{38}", _is_name_line),
        (r"\b[A-Z0-9<]{9}\d[A-Z<]{3}\d{6}\d[MFX<]\d{6}\d[A-Z0-9<]{14}[\d<]\d", _is_passport_line),
        (r"\b[ACI][A-Z0-9<][A-Z<]{3}[A-Z0-9<]{9}\d[A-Z0-9<]{15}", _is_card_line),
        (r"\b\d{7}[MFX<]\d{7}[A-Z<]{3}[A-Z0-9<]{11}\d", _is_dates_line),
    )
    return [
        Pattern("PASSPORT", regex, 1.0, before=starts, reach=8, after=_ends_line, validate=valid)
        for regex, valid in lines
    ]


def _ends_line(following: str) -> bool:
    """Whether a machine-readable line may end before this character."""
    return not following.isalnum() and following != "<"


def _is_name_line(line: str) -> bool:
    """First line of a passport: names with fillers between and after them."""
    return "<<" in line[5:]


def _is_passport_line(line: str) -> bool:
    """Second line of a passport: four check digits."""
    fields = ((line[:9], line[9]), (line[13:19], line[19]), (line[21:27], line[27]))
    whole = line[:10] + line[13:20] + line[21:43]
    return all(mrz(field) == int(check) for field, check in fields) and mrz(whole) == int(line[43])


def _is_card_line(line: str) -> bool:
    """First line of a card: the document number's check digit, and a filler somewhere."""
    return "<" in line and mrz(line[5:14]) == int(line[14])


def _is_dates_line(line: str) -> bool:
    """Second line of a card: birth and expiry with their check digits."""
    return mrz(line[:6]) == int(line[6]) and mrz(line[8:14]) == int(line[14])


def _near_birth(before: str) -> bool:
    """Whether a date that follows is said to be of a birth."""
    return starts(before) and _says_birth(before)


def _ends_date(following: str) -> bool:
    """Whether a date may end before this character: not where a clock or a fourth number goes on."""
    return ends(following) and following != "/"


def is_day(text: str) -> bool:
    """Whether a written date is a day of the calendar, in the order that any country writes it."""
    numbers = [int(number) for number in _NUMBERS.findall(text)]
    names = [_MONTHS.get(word.lower()) for word in _WORDS.findall(text)]
    month = next((number for number in names if number), None)
    if month is not None and len(numbers) == 2:
        return is_date(max(numbers), month, min(numbers))
    if len(numbers) != 3:
        return False
    first, second, third = numbers
    if first > 31:
        return is_date(first, second, third)
    year = third if third > 99 else 2000 + third
    return (year > 1850) and (is_date(year, second, first) or is_date(year, first, second))
