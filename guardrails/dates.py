"""Dates moved by a number of days, each written as it was."""

from __future__ import annotations

import re
from datetime import date, timedelta

MOST_DAYS = 700
"""How far a date is moved at most, in days: a person keeps about their age."""

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_NUMBERS = re.compile(r"(?P<a>\d{1,4})(?P<s>[-/.])(?P<b>\d{1,2})(?P=s)(?P<c>\d{1,4})")
_NAME = "(?P<month>[A-Za-z]{3,9})"
_DAY_FIRST = re.compile(rf"(?P<day>\d{{1,2}})(?P<s>[ -]){_NAME}(?P<t>,?[ -])(?P<year>\d{{4}})")
_MONTH_FIRST = re.compile(rf"{_NAME}(?P<s> )(?P<day>\d{{1,2}})(?P<t>,? )(?P<year>\d{{4}})")


def shifted(text: str, days: int) -> str | None:
    """The date that lies `days` earlier, in the same notation; None for text that is no date.

    `03/04/1990` is read as March 4th, and as April 3rd with dots or hyphens. A year has four digits.
    """
    if found := _NUMBERS.fullmatch(text):
        return _numeric(found, days)
    for pattern in (_DAY_FIRST, _MONTH_FIRST):
        if found := pattern.fullmatch(text):
            return _named(found, pattern is _DAY_FIRST, days)
    return None


def _numeric(found: re.Match[str], days: int) -> str | None:
    parts, sign = (found["a"], found["b"], found["c"]), found["s"]
    orders = ("ymd",) if len(parts[0]) == 4 else ("mdy", "dmy") if sign == "/" else ("dmy", "mdy")
    if sorted(len(part) for part in parts)[-1] != 4 or len(parts[0]) == len(parts[2]):
        return None
    for order in orders:
        told = {unit: int(part) for unit, part in zip(order, parts, strict=True)}
        if (moved := _moved(told["y"], told["m"], told["d"], days)) is not None:
            fresh = {"y": moved.year, "m": moved.month, "d": moved.day}
            padded = any(part[0] == "0" for part in parts) or all(len(part) > 1 for part in parts)
            widths = {"y": 4, "m": 2 if padded else 1, "d": 2 if padded else 1}
            return sign.join(f"{fresh[unit]:0{widths[unit]}}" for unit in order)
    return None


def _named(found: re.Match[str], day_first: bool, days: int) -> str | None:
    written = found["month"]
    long = next((name for name in _MONTHS if name.lower() == written.lower()), None)
    short = next((name for name in _MONTHS if name[:3].lower() == written.lower()), None)
    if (known := long or short) is None:
        return None
    moved = _moved(int(found["year"]), _MONTHS.index(known) + 1, int(found["day"]), days)
    if moved is None:
        return None
    name = _MONTHS[moved.month - 1]
    name = name if long else name[:3]
    name = name.upper() if written.isupper() else name.lower() if written.islower() else name
    day = f"{moved.day:02}" if found["day"][0] == "0" else str(moved.day)
    first, second = (day, name) if day_first else (name, day)
    return f"{first}{found['s']}{second}{found['t']}{moved.year}"


def _moved(year: int, month: int, day: int, days: int) -> date | None:
    try:
        return date(year, month, day) - timedelta(days=days)
    except (ValueError, OverflowError):
        return None
