"""Texts that are slow for scanners that are written without care: some by hand, and many mixed from a seed."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from random import Random

SUPER_LINEAR = 1.5
"""A family whose cost per character grows by more than this at eight times the length is flagged."""
SUSPECT = 1.2
"""With short texts this much growth is enough to measure again, with longer ones."""

_UNITS = {
    "letters": "a",
    "digits": "1",
    "nines": "9",
    "zeros": "0",
    "spaces": " ",
    "newlines": "\n",
    "digit and hyphen": "1-",
    "digit and space": "4 ",
    "digit and dot": "1.",
    "four digits and space": "4111 ",
    "hex and colon": "ab:",
    "colons": ":",
    "double colons": "::1",
    "at signs": "@",
    "addresses": "a@a.",
    "address heads": "a.b+c_",
    "domain labels": "@a.b-",
    "plus": "+",
    "plus and digit": "+1",
    "brackets": "(",
    "bracketed digits": "(2) ",
    "PEM heads": "-----BEGIN",
    "PEM lines": "-----BEGIN PRIVATE KEY-----\n",
    "dashes": "-",
    "passwords": "password=",
    "passwords that are": "password is ",
    "secrets named": "api_key: ",
    "keywords": "cloudflare_",
    "token heads": "eyJ",
    "tokens": "eyJaaaaaaaaaaa.",
    "key heads": "sk-",
    "GitHub heads": "ghp_",
    "bearers": "Bearer a",
    "URLs with passwords": "a://b:c",
    "spaced letters": "p a s s ",
    "percent escapes": "%41",
    "percent signs": "%",
    "numeric entities": "&#65;",
    "entity heads": "&#",
    "zero-width": "\u200b",
    "letter and zero-width": "a\u200b",
    "tags": "\U000e0061",
    "combining marks": "e\u0301",
    "bidi": "\u202e1",
    "full-width digits": "４",
    "CJK": "委",
    "emoji": "👩‍",
    "IBAN heads": "DE89 3704 ",
    "hex digits": "0f",
    "UUIDs": "550e8400-e29b-41d4-",
    "quotes": "\"'",
    "phone words": "call tel fax ",
    "context and digits": "ssn 123 card 45 ",
    "denied beginnings": "Project Night",
}

FRAGMENTS = (
    *[
        "0",
        "1",
        "9",
        "a",
        "F",
        "z",
        "A",
        "_",
        "-",
        ".",
        ":",
        ";",
        ",",
        "/",
        "+",
        "=",
        "@",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        "|",
        "%",
        "&",
        "#",
        "*",
        "~",
        "!",
        "?",
        "$",
    ],
    *(" ", "\n", "\t", '"', "'", "\\", "\\n", "\u200b", "\u00a0", "é", "ß", "中", "🎉", "\u0430"),
    *[
        "4111",
        "5500",
        "378",
        "123-45-",
        "912-70-",
        "2001:db8:",
        "10.0.0.",
        "255.",
        "3c:22:",
        "+44",
        "+1",
        "(212)",
        "0049",
        "DE89",
        "GB29",
        "NWBK",
    ],
    *[
        "@example.com",
        "mail.",
        "a.b@",
        ".co.uk",
        "xn--",
        "bc1q",
        "1Boat",
        "ssn",
        "nhs",
        "card",
        "tel:",
        "call",
        "version",
        "v1.2.",
        "oid",
    ],
    *[
        "sk-",
        "sk-proj-",
        "sk-ant-",
        "ghp_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "AKIA",
        "AIza",
        "ya29.",
        "eyJ",
        ".eyJ",
        "hvs.",
        "dp.pt.",
        "dapi",
        "npm_",
        "pypi-Ag",
    ],
    *[
        "-----BEGIN",
        "-----END",
        "PRIVATE",
        "KEY-----",
        "Proc-Type:",
        "password",
        "passwd=",
        "pwd:",
        "secret",
        "token=",
        "api_key",
        "client_secret",
    ],
    *[
        "Bearer",
        "Basic",
        "Authorization:",
        "https://",
        "postgres://u:p",
        "@db",
        "AccountKey=",
        "sig=",
        "%3D",
        "%2B",
        "%40",
        "&#64;",
        "&amp;",
        "&#x41;",
        "aws_secret",
    ],
    *[
        "QUJD",
        "ZGVm",
        "MTIz",
        "==",
        "=:",
        "::",
        "=>",
        ":=",
        "is",
        "was",
        "Project",
        "Nightjar",
        "internal",
        "only",
    ],
)
"""Pieces of what the patterns look for, and what breaks them."""


def by_hand() -> dict[str, Callable[[int], str]]:
    """Families of texts by name; each gives a text of a size."""
    families = {name: _repeated(unit) for name, unit in _UNITS.items()}
    families["base64"] = _encoded
    families["mixed"] = _repeated("1-ab:@a.+(sk-eyJ%&#password=")
    families["digits between letters"] = lambda size: (
        _repeated("a1")(size // 2) + _repeated("1")(size - size // 2)
    )
    # Offsets of bytes and of characters differ from the first letter on.
    families |= {f"{name}, behind an accent": _behind("é", family) for name, family in families.items()}
    return families


def fuzzed(count: int, seed: int) -> dict[str, Callable[[int], str]]:
    """Families mixed from fragments: a head, a unit that repeats, and a tail."""
    return {f"fuzz {number}": _mixed(Random(f"{seed} {number}")) for number in range(count)}


def growth(cost: Callable[[str], float], family: Callable[[int], str], size: int, times: int = 8) -> float:
    """How much more each character costs when the text is `times` as long: 1 is linear, `times` is quadratic.

    Args:
        cost: seconds for a text.
        family: gives the text of a size.
        size: length of the short text.
    """
    short, long = family(size), family(size * times)
    return (cost(long) / len(long)) / max(cost(short) / len(short), 1e-12)


def least(find: Callable[[str], object], times: int = 2) -> Callable[[str], float]:
    """A cost: the least CPU seconds of a few runs."""

    def cost(text: str) -> float:
        spent = []
        for _ in range(times):
            began = time.thread_time()
            find(text)
            spent.append(time.thread_time() - began)
        return min(spent)

    return cost


def super_linear(
    cost: Callable[[str], float], families: dict[str, Callable[[int], str]], size: int
) -> tuple[list[tuple[float, str]], dict[str, float]]:
    """Families whose cost grows faster than their length, worst first; and the seconds per KB of each.

    What looks so at first is measured again with texts four times as long: that growth counts.

    Args:
        cost: seconds for a text.
        families: what gives texts of a size, by name.
        size: length of the shortest text.
    """
    flagged, costs = [], {}
    for name, family in families.items():
        ratio = growth(cost, family, size)
        if ratio > SUSPECT:
            ratio = growth(cost, family, size * 4)
        if ratio > SUPER_LINEAR:
            flagged.append((ratio, name))
        costs[name] = cost(family(size * 8)) / (size * 8 / 1024)
    return sorted(flagged, reverse=True), costs


def _repeated(unit: str) -> Callable[[int], str]:
    return lambda size: (unit * (size // len(unit) + 1))[:size]


def _behind(head: str, family: Callable[[int], str]) -> Callable[[int], str]:
    return lambda size: head + family(size - len(head))


def _encoded(size: int) -> str:
    return _repeated(base64.b64encode(Random(1).randbytes(384)).decode())(size)


def _mixed(chance: Random) -> Callable[[int], str]:
    def part(most: int) -> str:
        return "".join(_picked(chance, FRAGMENTS) for _ in range(chance.randint(1, most)))

    head, unit, tail = part(3), part(chance.choice((1, 2, 4, 12))), part(3)
    return lambda size: (head + _repeated(unit)(max(0, size - len(head) - len(tail))) + tail)[:size]


def _picked(chance: Random, fragments: Sequence[str]) -> str:
    fragment = chance.choice(fragments)
    return fragment * (chance.randint(2, 9) if chance.random() < 0.15 else 1)
