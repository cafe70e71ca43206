"""Numbers and addresses of machines that lead to their owner: IP, MAC, IMEI, vehicle numbers, credentials in URLs."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from guardrails.checks.checksums import luhn
from guardrails.checks.context import REACH, Beside, ends, near, starts
from guardrails.checks.national_rules import digits_of
from guardrails.patterns import Pattern

_VERSION_WORDS = re.compile(
    r"(?:\b(?:v|ver|vers|version|release|build|revision|firmware|upgrade|upgraded|bump|bumped|section|chapter|oid)"
    r"[\"']?[ .:=]{0,3}[\"']?|(?:[=~<>!^]=|[\^~])[ ]?[\"']?|\w/)$",
    re.IGNORECASE,
)
_VERSION_LIST = re.compile(
    r"\b(?:driver|firmware|chrome|kernel)[ /]v?\d[\d.]*,? [^\n]*[A-Za-z] $", re.IGNORECASE
)
_HEX_GROUP = re.compile(r"(?:^|[^0-9A-Za-z])[0-9A-Fa-f]{1,4}:$")
_VIN_VALUES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", "12345678123457923456789" + "0123456789", strict=True)
)
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_STAND_INS = ("", "password", "passwd", "pass", "pwd", "secret", "changeme")
_TEMPLATE = ("${", "{{", "<", "%(", "$(", "{")


def machines(decide: Mapping[str, Beside]) -> list[Pattern]:
    """The candidate patterns; `decide` holds the decision of Presidio's recogniser, by entity."""
    imei = r"\b\d{2}[ -]?\d{6}[ -]?\d{6}[ -]?\d\b"
    vin_words = "vin|vehicle identification|chassis|fahrgestellnummer|vehicle id"
    vin = near(vin_words)
    credentials = r"\b[A-Za-z][A-Za-z0-9+.-]{1,15}://([^\s/@:'\"<>]{1,64}:[^\s/@'\"<>]{1,128})@"
    return [
        *_addresses(decide["IP_ADDRESS"]),
        *(
            Pattern("MAC_ADDRESS", regex, 0.9, before=starts, reach=8, validate=decide["MAC_ADDRESS"])
            for regex in (
                r"\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b",
                r"\b[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2}\b",
            )
        ),
        Pattern("IMEI", imei, 0.85, before=near("imei"), reach=REACH, after=ends, validate=_is_imei),
        Pattern(
            "VIN", r"\b[A-HJ-NPR-Z0-9]{17}\b", 0.85, before=vin, reach=REACH, after=ends, validate=is_vin
        ),
        Pattern("URL_CREDENTIALS", credentials, 0.9, group=1, validate=_is_filled_in),
    ]


def _addresses(known: Beside) -> list[Pattern]:
    """Addresses of the two versions of the Internet Protocol."""
    # A point may end a sentence or begin the last part of a mapped address: the match takes what follows it in.
    group = "[0-9A-Fa-f]"
    opening = rf"(?:\b{group}{{1,4}}:(?:{group}{{0,4}}:){{1,6}}|::(?:{group}{{1,4}}:){{0,5}})"
    v6 = rf"{opening}(?:\d{{1,3}}(?:\.\d{{1,3}}){{3}}|{group}{{0,4}})(?:\.\w?)?"
    return [
        Pattern(
            "IP_ADDRESS",
            r"\b\d{1,3}(?:\.\d{1,4}){3,5}\b",
            0.9,
            before=_starts_address,
            reach=REACH,
            validate=lambda value: value.count(".") == 3 and known(value) and is_someones(value),
        ),
        Pattern(
            "IP_ADDRESS",
            v6,
            0.9,
            before=_starts_v6,
            reach=REACH,
            after=_ends_address,
            shorten=lambda value: _v6_length(value, known),
            trigger=r"[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:|::[0-9A-Fa-f]",
        ),
    ]


def _v6_length(text: str, known: Beside) -> int:
    """Length of the address without the full stop of its sentence; 0 when it is none."""
    value = text.removesuffix(".")
    return len(value) if _is_written_v6(value) and known(value) and is_someones(value) else 0


def _is_written_v6(value: str) -> bool:
    """Whether colons and hex digits are an address and not a clock, a scope operator or a slice."""
    colons = value.count(":")
    if "::" not in value and colons != (6 if "." in value else 7):
        return False
    filled = [group for group in value.split(":") if group]
    return len(filled) >= 2 and len("".join(filled)) >= 5 and any(map(str.isdigit, value))


def is_someones(value: str) -> bool:
    """Whether an address can belong to somebody: not this machine, every machine or no machine."""
    address = ipaddress.ip_address(value)
    return not (
        address.is_loopback
        or address.is_unspecified
        or (address.version == 4 and address.is_link_local)
        or value.startswith("0.")
        or value == "255.255.255.255"
    )


def _starts_address(before: str) -> bool:
    """Whether a machine's address may begin after this text: no version, not one of a list of versions, not inside
    a number or name."""
    if before and (before[-1].isalnum() or before[-1] == "_" or before.endswith("::")):
        return False
    joined = before[-1:] in (".", "-") and before[-2:-1].isalnum()
    if joined or _VERSION_WORDS.search(before[-24:]):
        return False
    return not before.endswith(" ") or _VERSION_LIST.search(before) is None


def _starts_v6(before: str) -> bool:
    """As `_starts_address`, and not behind another group of the same row."""
    if before[-1:].isalnum() or (before.endswith(":") and _HEX_GROUP.search(before[-6:]) is not None):
        return False
    return _starts_address(before)


def _ends_address(following: str) -> bool:
    """Whether an address may end before this character."""
    return not (following.isalnum() or following in ("_", ":"))


def _is_imei(value: str) -> bool:
    """Fifteen digits with a Luhn check digit."""
    return luhn(digits_of(value))


def is_vin(value: str) -> bool:
    """Vehicle identification number with the check digit that North America and China ask for."""
    total = sum(int(_VIN_VALUES[sign]) * weight for sign, weight in zip(value, _VIN_WEIGHTS, strict=True))
    return "0123456789X"[total % 11] == value[8]


def _is_filled_in(value: str) -> bool:
    """Whether user and password are values and not the places of a template."""
    password = value.partition(":")[2].lower()
    return password.strip("*x.") not in _STAND_INS and not any(sign in value for sign in _TEMPLATE)
