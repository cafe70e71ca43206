"""The host that a URL, an e-mail address or a bare host leads to, the same however it is written.

Where two programs would go to two different hosts the answer is that there is none: whoever allows hosts
then refuses the text.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}:")
_SLASHED = re.compile(r"//(?![/\\])")
_PORT_ONLY = re.compile(r"[0-9]{1,5}(?:[/?#]|\Z)")
_CUT = re.compile(r"[/?#\\]")
_CONFUSING = re.compile(r"[^/]*[@\\]")
"""What follows a host that ends in `?` or `#` and that some programs read as user information."""
_UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\u3000]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PART = re.compile(r"0|[1-9][0-9]{0,9}|0x[0-9a-f]{1,8}")
_NAMED = re.compile(r'(?:[^<>@,;"]*|"[^<>@"]*"\s*)<([^<>]+)>')
_LOCAL = re.compile(r"[^\s\x00-\x20\x7f@:!%\\/<>()\[\],;\"]{1,256}")
_LONGEST = 1024
"""Characters of a host as written; a name has 253 at most once it is read."""

_OPENING = re.compile(
    r":[/\\]+|(?<=[(\"'=<])//(?=[\w\[])|(?<![\w.@/-])(?i:www)\.|(?<=[^\s@<>\"'(),;:\[\]\\/])@"
)
"""Where the host of a URL or of an e-mail address may begin in a longer text."""
_BEFORE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*\Z")
_ENDING = r"\s/?#\\<>\"`(){}|^，、；：！？（）「」『』【】《》“”‘’…"
_AUTHORITY = re.compile(
    rf"(?:[^{_ENDING}@\[\]]*@)*(?:\[[0-9A-Fa-f:.%]{{0,64}}\](?::[0-9]*)?|[^{_ENDING}@\[\]]*)"
)
_DOMAIN = re.compile(r"[\w.-]{1,253}")
_WRITTEN_AFTER = ".,;:!*_~'&。．｡"
_SPECIAL = frozenset(("http", "https", "ws", "wss", "ftp"))
"""Schemes for which browsers read any slashes, forward or back, as two."""


@dataclass(frozen=True, slots=True)
class Found:
    """A host in a longer text. Offsets are code points, end exclusive."""

    start: int
    end: int
    """The end of the host, or of the port behind it."""
    host: str | None
    """As host_of gives it; None where it cannot be told."""


def host_of(text: str) -> str | None:
    """The host of a URL, e-mail address or bare host; None when the text is none or can be read in two ways.

    Names are in lower case and punycode, without a trailing dot; addresses are written one way: `127.0.0.1`, `::1`.
    """
    text = text.strip(" \t\r\n")
    rest = text
    if scheme := _SCHEME.match(text):
        rest = text[scheme.end() :]
        name = scheme[0][:-1].lower()
        if name == "mailto":
            return _host_of_address(unquote(rest))
        if slashes := _SLASHED.match(rest):
            return _host_of_authority(rest[slashes.end() :])
        if name in _SPECIAL or not _PORT_ONLY.match(rest):
            return _ipv6(text)
        rest = text
    elif slashes := _SLASHED.match(text):
        return _host_of_authority(text[slashes.end() :])
    elif text.startswith((":", "/", "\\")):
        return _ipv6(text)
    if "@" in (cut := _CUT.split(rest, maxsplit=1))[0]:
        return _host_of_address(rest) if len(cut) == 1 else None
    return _ipv6(rest) or (None if cut[0].endswith(":") else _host_of_authority(rest))


def matches(host: str | None, patterns: Collection[str]) -> bool:
    """Whether a host is one of some patterns, each as `pattern` gives it. None matches nothing.

    `example.com` is that host only; `*.example.com` is every host below it; `*` is every host.
    """
    if host is None:
        return False
    if host in patterns or "*" in patterns:
        return True
    at = host.find(".")
    while at >= 0:
        if f"*{host[at:]}" in patterns:
            return True
        at = host.find(".", at + 1)
    return False


def pattern(text: str) -> str:
    """A pattern of hosts as `matches` compares it. Raises ValueError when it is none."""
    if text == "*":
        return text
    below = text.startswith("*.")
    host = _host(text.removeprefix("*.") if below else text)
    if host is None or (below and _is_address(host)):
        raise ValueError("not a host")
    return f"*.{host}" if below else host


def found_in(text: str) -> Iterator[Found]:
    """The hosts of the URLs and e-mail addresses inside a longer text, in order. Linear in the text.

    URLs are known by `://`, by `//` behind a quote, bracket or `=`, or by `www.`. A URL inside a URL counts too.
    """
    done = 0
    for opening in _OPENING.finditer(text):
        at, sign = opening.start(), opening[0]
        if at < done:
            continue
        if sign == "@":
            found = _address_at(text, at)
        elif sign[0] == ":":
            found = _url_at(text, at, opening.end(), sign[1:])
        else:
            found = _authority_at(text, at, at if sign[0] in "wW" else opening.end())
        if found is not None:
            yield found
            done = found.end


def _url_at(text: str, colon: int, start: int, slashes: str) -> Found | None:
    """The host behind a scheme; None where there is no scheme, as in `c:\\temp`."""
    before = _BEFORE.search(text[max(0, colon - 32) : colon])
    if before is None:
        return None
    if slashes[:2] != "//" and before[0].lower() not in _SPECIAL:
        return None
    found = _authority_at(text, colon - len(before[0]), start)
    if found is None or slashes == "//":
        return found
    return Found(found.start, found.end, None) if before[0].lower() in _SPECIAL else None


def _authority_at(text: str, first: int, start: int) -> Found | None:
    """The host in the authority that begins at `start`, in a URL that begins at `first`."""
    written = _AUTHORITY.match(text, start)
    authority = written[0].rstrip(_WRITTEN_AFTER) if written else ""
    if not authority:
        return None
    end = start + len(authority)
    confused = text.startswith("\\", end) or (
        text[end : end + 1] in ("?", "#") and text[end + 1 : end + 2] == "@"
    )
    return Found(first, end, None if confused else _host_of_authority(authority))


def _address_at(text: str, sign: int) -> Found | None:
    """The host of an e-mail address whose `@` is at `sign`: a name with a dot that ends in letters."""
    written = _DOMAIN.match(text, sign + 1)
    domain = written[0].rstrip(".-_") if written else ""
    if "." not in domain or not domain.rpartition(".")[2][:1].isalpha():
        return None
    start = max(0, sign - 64)
    local = re.search(r"[^\s@<>\"'(),;:\[\]\\/]+\Z", text[start:sign])
    host = _host(domain)
    return Found(start + local.start(), sign + 1 + len(domain), host) if local and host else None


def _host_of_address(text: str) -> str | None:
    """The host of one e-mail address, with or without a name before it in angle brackets."""
    named = _NAMED.fullmatch(text)
    local, _, domain = (named[1] if named else text).partition("@")
    if not _LOCAL.fullmatch(local) or domain.startswith("["):
        return None
    return _host(domain)


def _host_of_authority(text: str) -> str | None:
    """The host of what stands behind `//`: user information, host, port, and the rest of the URL."""
    cut = _CUT.search(text)
    authority = text[: cut.start()] if cut else text
    if cut and (cut[0] == "\\" or (cut[0] in "?#" and _CONFUSING.match(text, cut.end()))):
        return None
    if _UNSEEN.search(authority) or authority.count("@") > 1:
        return None
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        inside, closed, port = host[1:].partition("]")
        return _ipv6(inside) if closed and (not port or port[0] == ":") and _is_port(port[1:]) else None
    name, _, port = host.partition(":")
    return _host(unquote(name)) if _is_port(port) else None


def _is_port(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535)


def _host(text: str) -> str | None:
    """A host name or an IPv4 address, written one way; None when it is neither."""
    if not text or len(text) > _LONGEST or _UNSEEN.search(text):
        return None
    name = text.lower() if text.isascii() else _mapped(text)
    name = name.removesuffix(".")
    labels = name.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        return _ipv4(labels)
    if not name.isascii() or "xn--" in name:
        labels = [_ascii(label) for label in labels]
        name = ".".join(labels)
    return name if len(name) <= 253 and all(map(_LABEL.fullmatch, labels)) else None


def _ipv4(parts: list[str]) -> str | None:
    """An address of one to four decimal or hexadecimal numbers. Octal is read in two ways, so it is none."""
    if len(parts) > 4 or not all(map(_PART.fullmatch, parts)):
        return None
    numbers = [int(part, 16) if part.startswith("0x") else int(part) for part in parts]
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= 256 ** (5 - len(numbers)):
        return None
    value = numbers[-1] + sum(number << 8 * (3 - place) for place, number in enumerate(numbers[:-1]))
    return str(ipaddress.IPv4Address(value))


def _ipv6(text: str) -> str | None:
    """An IPv6 address, written one way; an IPv4 address inside one is that address."""
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    if address.scope_id is not None:
        return None
    return str(address.ipv4_mapped or address)


def _is_address(host: str) -> bool:
    return ":" in host or host.rpartition(".")[2].isdigit()


def _mapped(text: str) -> str:
    """A name with what is written alike made the same (UTS 46); empty when it holds what no name does."""
    idna = _idna()
    try:
        mapped: str = idna.uts46_remap(text, False, False)
    except idna.IDNAError:
        return ""
    return mapped


def _ascii(label: str) -> str:
    """A label in punycode; empty when it is none."""
    idna = _idna()
    if label.isascii() and not label.startswith("xn--"):
        return label
    try:
        written: bytes = idna.alabel(label)
    except idna.IDNAError:
        return ""
    return written.decode("ascii")


@cache
def _idna() -> Any:
    """The library that reads names in other scripts; its tables are loaded when the first comes."""
    import idna

    return idna
