"""Addresses and numbers of machines are told from versions, clocks and templates."""

from __future__ import annotations

import ipaddress

import pytest

from guardrails.checks.machines import is_someones, is_vin, machines
from guardrails.patterns import PatternSet


def known(value: str) -> bool:
    """Whether the standard library reads an address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


ALL = machines({"IP_ADDRESS": known, "MAC_ADDRESS": bool})


def scan(text: str, entity: str) -> list[str]:
    """What is found for one entity."""
    found = PatternSet(pattern for pattern in ALL if pattern.entity == entity).scan(text)
    return [text[span.start : span.end] for span in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("host 10.20.30.40:8080", ["10.20.30.40"]),
        ("http://10.20.30.40/x", ["10.20.30.40"]),
        ("host 10.20.30.40.", ["10.20.30.40"]),
        ("2001:db8::8a2e:370:7334.", ["2001:db8::8a2e:370:7334"]),
        ("2001:db8::8a2e:370:7334.5", []),
        ("2001:db8::8a2e:370:7334 ", ["2001:db8::8a2e:370:7334"]),
        ("node:2001:db8::8a2e:370:7334,", ["2001:db8::8a2e:370:7334"]),
        ("[2001:db8:85a3:8d3:1319:8a2e:370:7348]:443", ["2001:db8:85a3:8d3:1319:8a2e:370:7348"]),
        ("fe80::1ff:fe23:4567:890a%eth0", ["fe80::1ff:fe23:4567:890a"]),
        ("::ffff:203.0.113.7", ["::ffff:203.0.113.7"]),
        ("version 1.2.3.4", []),
        ("v1.2.3.4", []),
        ("Chrome/120.0.0.1", []),
        ("pkg==1.2.3.4", []),
        ("1.2.3.4.5", []),
        ("256.20.30.40", []),
        ("127.0.0.1 0.0.0.0 ::1", []),
        ("std::abs a::b 12:30:45 ab:cd:ef:ab:cd", []),
        ("ab:" * 20, []),
    ],
)
def test_addresses_are_told_from_versions(text: str, found: list[str]) -> None:
    """What stands before the digits says whether they are a version; this machine is nobody's address."""
    assert scan(text, "IP_ADDRESS") == found


@pytest.mark.parametrize(
    ("entity", "text", "found"),
    [
        ("MAC_ADDRESS", "mac 3c:22:fb:1a:2b:3c.", ["3c:22:fb:1a:2b:3c"]),
        ("MAC_ADDRESS", "3C-22-FB-1A-2B-3C", ["3C-22-FB-1A-2B-3C"]),
        ("MAC_ADDRESS", "3c22.fb1a.2b3c", ["3c22.fb1a.2b3c"]),
        ("MAC_ADDRESS", "x3c22.fb1a.2b3c 3c:22:fb:1a:2b 3c:22:fb:1a:2b:3", []),
        ("IMEI", "IMEI 490154203237518", ["490154203237518"]),
        ("IMEI", "imei: 35-209900-176148-1", ["35-209900-176148-1"]),
        ("IMEI", "IMEI=352099001761481;", ["352099001761481"]),
        ("IMEI", "490154203237518", []),
        ("IMEI", "IMEI 490154203237519", []),
        ("IMEI", "IMEI 4901542032375189", []),
        ("VIN", "VIN 1M8GDM9AXKP042788", ["1M8GDM9AXKP042788"]),
        ("VIN", "vehicle identification number 11111111111111111", ["11111111111111111"]),
        ("VIN", "chassis: 1M8GDM9AXKP042788.", ["1M8GDM9AXKP042788"]),
        ("VIN", "1M8GDM9AXKP042788", []),
        ("VIN", "VIN 1M8GDM9A1KP042788", []),
        ("VIN", "VIN 1M8GDM9AXKP0427889", []),
        ("URL_CREDENTIALS", "https://ada:hunter2@example.org/x", ["ada:hunter2"]),
        ("URL_CREDENTIALS", "postgres://app:s3cret@db:5432/x", ["app:s3cret"]),
        ("URL_CREDENTIALS", "redis+tls://k:v%40@h", ["k:v%40"]),
        ("URL_CREDENTIALS", "postgres://user:password@localhost", []),
        ("URL_CREDENTIALS", "https://${USER}:${PASS}@host", []),
        ("URL_CREDENTIALS", "https://example.org:8080/@x mailto:a@b.c", []),
    ],
)
def test_machines_numbers_need_their_shape_and_word(entity: str, text: str, found: list[str]) -> None:
    """A check digit and a word where the shape alone says little."""
    assert scan(text, entity) == found


def test_parts() -> None:
    """A vehicle number's ninth sign checks the rest; a private address is somebody's."""
    assert is_vin("1M8GDM9AXKP042788")
    assert not is_vin("1M8GDM9AXKP042789")
    assert is_someones("10.0.0.1")
    assert not is_someones("255.255.255.255")
