"""Stand-ins that look like the value they replace and belong to nobody: reserved ranges, invented names."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import string
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TypeVar

from guardrails import dates, phone_ranges

_Item = TypeVar("_Item")

_DIGIT = re.compile(r"\d")
_CARD_PREFIX = "9999"
"""Cards that begin with 9 are national; 999 is no country's number, so nobody issues these."""
_DOMAINS = ("example.com", "example.org", "example.net")
_V4 = tuple(
    ipaddress.ip_network(block)
    for block in ("198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24", "198.18.0.0/15")
)
_V6 = "2001:db8"
_IN_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*\.?")
_TITLES = frozenset({"dr", "mr", "mrs", "ms", "miss", "mx", "prof", "sir", "jr", "sr", "ii", "iii"})
_PARTICLES = frozenset(
    {"de", "da", "del", "della", "di", "la", "le", "van", "von", "der", "den", "bin", "al", "y"}
)


class Choices:
    """As many choices as wanted, all decided by one seed. The same seed decides the same."""

    __slots__ = ("_rest", "_round", "_seed")

    def __init__(self, seed: bytes) -> None:
        self._seed, self._round, self._rest = seed, 0, 0

    def below(self, count: int) -> int:
        """A whole number from 0 to count - 1; count is at most 2**64."""
        if self._rest < 1 << 128:
            block = hashlib.sha512(self._round.to_bytes(4, "big") + self._seed).digest()
            self._round += 1
            self._rest = self._rest << 512 | int.from_bytes(block, "big") | 1 << 511
        self._rest, chosen = divmod(self._rest, count)
        return chosen

    def one_of(self, items: Sequence[_Item]) -> _Item:
        """One of the items."""
        return items[self.below(len(items))]

    def digits(self, count: int) -> str:
        """That many decimal digits."""
        return "".join(str(self.below(10)) for _ in range(count))


def surrogate(entity: str, value: str, own: Choices, shared: Choices) -> str | None:
    """A stand-in of the same shape, or None where there is no safe one for this entity or this value.

    Args:
        entity: kind of value, as findings name it.
        value: the value exactly as it stood in the text.
        own: choices that belong to this value alone.
        shared: choices that are the same for all values, for what has to stay consistent among them.
    """
    if entity in _DATED:
        return dates.shifted(value, 1 + shared.below(dates.MOST_DAYS))
    make = _MAKERS.get(entity)
    return make(value, own) if make else None


def prepare() -> None:
    """Loads the lists of names, which takes a quarter of a second, before the first request needs them."""
    _first_names()


# --- people and places


@cache
def _first_names() -> tuple[str, ...]:
    from faker.providers.person.en_US import Provider

    return tuple(sorted({name for name in Provider.first_names if name.isascii() and name.isalpha()}))


@cache
def _last_names() -> tuple[str, ...]:
    from faker.providers.person.en_US import Provider

    return tuple(sorted({name for name in Provider.last_names if name.isascii() and name.isalpha()}))


@cache
def _place_parts() -> tuple[tuple[str, ...], tuple[str, ...]]:
    from faker.providers.address.en_US import Provider

    return tuple(Provider.city_prefixes), tuple(Provider.city_suffixes)


def _person(value: str, own: Choices) -> str | None:
    """Another name with as many words; titles, particles, initials and capitals stay as they are.

    A single word becomes two: one alone could be a word of the reply's own ("Mark the box").
    """
    words = list(_IN_WORD.finditer(value))
    named = [word for word in words if word[0].rstrip(".").lower() not in _TITLES | _PARTICLES]
    if not named or (not value.isascii() and not _is_latin(value)):
        return None
    backwards = len(named) > 1 and "," in value[named[0].end() : named[1].start()]
    last = named[0] if backwards else named[-1]
    pieces, done = [], 0
    for word in named:
        written = word[0]
        if len(named) == 1:
            name = f"{own.one_of(_first_names())} {own.one_of(_last_names())}"
        elif len(written.rstrip(".")) == 1:
            name = own.one_of(string.ascii_uppercase) + written[1:]
        else:
            name = own.one_of(_last_names() if word is last else _first_names())
            name += "." if written.endswith(".") else ""
        pieces += [value[done : word.start()], _cased(name, written)]
        done = word.end()
    return "".join((*pieces, value[done:]))


def _location(value: str, own: Choices) -> str | None:
    if not _IN_WORD.match(value) or not _is_latin(value) or _DIGIT.search(value):
        return None
    prefixes, suffixes = _place_parts()
    return _cased(f"{own.one_of(prefixes)} {own.one_of(_last_names())}{own.one_of(suffixes)}", value)


def _is_latin(value: str) -> bool:
    return all(letter < "\u0250" or "\u1e00" <= letter < "\u1f00" or not letter.isalpha() for letter in value)


def _cased(name: str, like: str) -> str:
    """The name in capitals or in small letters where the other one is."""
    if len(like.rstrip(".")) > 1 and like.isupper():
        return name.upper()
    return name.lower() if like.islower() else name


def _email(value: str, own: Choices) -> str:
    mark = "".join(own.one_of(string.ascii_lowercase + string.digits) for _ in range(4))
    first, last = own.one_of(_first_names()), own.one_of(_last_names())
    return f"{first}.{last}.{mark}@{own.one_of(_DOMAINS)}".lower()


# --- numbers


def _filled(value: str, digits: str) -> str:
    """The value with its digits replaced, one for one."""
    fresh = iter(digits)
    return _DIGIT.sub(lambda _: next(fresh), value)


def _phone(value: str, own: Choices) -> str | None:
    return phone_ranges.fictional(value, own)


def _card(value: str, own: Choices) -> str | None:
    size = len(_DIGIT.findall(value))
    if not 12 <= size <= 19:
        return None
    body = _CARD_PREFIX + own.digits(size - len(_CARD_PREFIX) - 1)
    return _filled(value, body + str(-_luhn(body + "0") % 10))


def _luhn(number: str) -> int:
    """The sum over a number's digits that a true card number has as a multiple of ten."""
    doubled = (int(digit) * 2 for digit in number[-2::-2])
    return sum(int(digit) for digit in number[-1::-2]) + sum(twice - 9 * (twice > 9) for twice in doubled)


def _iban(value: str, own: Choices) -> str | None:
    plain = re.sub(r"[^0-9A-Za-z]", "", value)
    country, account = plain[:2].upper(), plain[4:]
    if len(account) < 11 or not country.isalpha() or not plain.isascii():
        return None
    fresh = "".join(
        ("0" if letter.isdigit() else "X")
        if place < 4
        else (str(own.below(10)) if letter.isdigit() else own.one_of(string.ascii_uppercase))
        for place, letter in enumerate(account)
    )
    check = 98 - int("".join(str(int(letter, 36)) for letter in f"{fresh}{country}00")) % 97
    letters = iter(f"{country}{check:02}{fresh}")
    made = "".join(next(letters) if letter.isalnum() else letter for letter in value)
    return made.lower() if value.islower() else made


def _ssn(value: str, own: Choices) -> str | None:
    if len(_DIGIT.findall(value)) != 9:
        return None
    # Areas from 900 were never issued, and with groups up to 49 they are no taxpayer number either.
    return _filled(value, f"9{own.digits(2)}{1 + own.below(49):02}{1 + own.below(9999):04}")


# --- machines


def _ip(value: str, own: Choices) -> str | None:
    written = re.fullmatch(r"([0-9A-Fa-f.:]+)(/\d{1,3})?", value)
    try:
        address = ipaddress.ip_address(written[1] if written else value)
    except ValueError:
        return None
    width = (written[2] or "") if written else ""
    if address.version == 6:
        return ":".join((_V6, *(f"{1 + own.below(0xFFFF):x}" for _ in range(6)))) + width
    place = own.below(sum(block.num_addresses - 2 for block in _V4))
    for block in _V4:
        if place < block.num_addresses - 2:
            return f"{block[place + 1]}{width}"
        place -= block.num_addresses - 2
    return None


def _mac(value: str, own: Choices) -> str | None:
    if len(re.findall("[0-9A-Fa-f]", value)) != 12:
        return None
    octets = [own.below(256) for _ in range(6)]
    octets[0] = octets[0] & 0xFC | 0x02  # one device, and an address that no maker gave it
    digits = iter("".join(f"{octet:02x}" for octet in octets))
    made = re.sub("[0-9A-Fa-f]", lambda _: next(digits), value)
    return made.upper() if value.isupper() else made


_DATED = frozenset({"DATE_OF_BIRTH", "DATE_TIME", "DATE"})

_MAKERS: Mapping[str, Callable[[str, Choices], str | None]] = {
    "CREDIT_CARD": _card,
    "EMAIL": _email,
    "EMAIL_ADDRESS": _email,
    "IBAN": _iban,
    "IBAN_CODE": _iban,
    "IP_ADDRESS": _ip,
    "LOCATION": _location,
    "MAC_ADDRESS": _mac,
    "PERSON": _person,
    "PHONE_NUMBER": _phone,
    "US_SSN": _ssn,
}
