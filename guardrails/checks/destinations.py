"""Where a tool call sends something: the arguments that name a place outside, and the calls that are made to send."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import NamedTuple

from guardrails import arguments
from guardrails.hosts import found_in, host_of
from guardrails.types import Segment

SINKS = (
    *(
        "send",
        "post",
        "upload",
        "share",
        "forward",
        "publish",
        "push",
        "submit",
        "notify",
        "export",
    ),
    *("http", "fetch", "request", "curl", "wget", "webhook", "browse", "open", "visit", "navigate"),
    *(
        "email",
        "mail",
        "message",
        "reply",
        "sms",
        "text",
        "tweet",
        "dm",
        "chat",
        "slack",
        "invite",
    ),
    *("transfer", "pay", "wire", "grant", "dns", "resolve", "paste", "gist"),
)
"""A tool is made to send when a word of its name begins like this."""

_GIVING = ("share", "forward", "grant", "transfer", "pay", "wire", "collaborator", "permission")
"""What they do is done by naming the destination: nothing else has to be sent."""
_PUBLIC = ("publish", "public", "tweet", "paste", "gist")
"""They send to everybody, and name nobody."""

_NAMES = frozenset(
    """
to cc bcc recipient recipients emailto toemail toaddress toemails url uri href link endpoint webhook webhookurl
callback callbackurl host hostname server remote destination dest attendees attendee invitees guests
participants iban accountnumber account beneficiary payee tonumber phonenumber address targeturl posturl baseurl
remoteurl siteurl forwardto sendto sharewith domain replyto
""".split()  # noqa: SIM905
)
_CODE = frozenset(
    ["command", "cmd", "commands", "code", "script", "shell", "bash", "args", "program", "source"]
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_EMAIL = re.compile(r"(?:[^<>@\n]{0,80}<)?\s*([^\s<>@,;:\"']{1,64}@[\w.-]{1,253}\.[^\W\d_][\w-]{1,62})>?")
_ADDRESSED = re.compile(r"\S[@\uff20\ufe6b]\S")
_URL = re.compile(r"(?i)(?:(?!file:)[a-z][a-z0-9+.-]{1,20}:[/\\]|(?:https?|wss?|ftp):|[/\\]{2}|www\.)\S")
_HOST = re.compile(
    r"(?:(?:\w[\w-]{0,62}\.)+[^\W\d_][\w-]{1,62}\.?|(?:\d{1,3}\.){3}\d{1,3})(?::\d{1,5})?(?:[/?#]\S*)?"
)
_ACCOUNT = re.compile(
    r"[A-Z]{2}\d{2}[A-Z0-9 -]{8,40}|[+(]?\d[\d ()./-]{5,30}|0x[0-9a-fA-F]{40}|bc1[a-z0-9]{20,80}"
)
_LONGEST = 2_048
_STOP = re.compile(r"[\s\"'`<>|;)]|\Z")
_TOKEN = re.compile(r"[\w.:-]+")
_MAILING = re.compile(r"\b(?:ssh|scp|sftp|rsync|git|mailx?|mutt|sendmail|smtp\w*)\b")
_BROKEN = re.compile(r"[\s\ufeff]*[{\[]")
"""How arguments begin that are meant as JSON and are none: some programs read them all the same."""
_LOOKING = re.compile(
    r"\b(?:dig|nslookup|ping|nc|ncat|telnet|ssh|scp|rsync|host|gethostbyname|getaddrinfo|curl|wget)\b"
)


class Destination(NamedTuple):
    """A place outside that a call names."""

    place: int
    """Index of the argument's segment."""
    start: int
    end: int
    text: str
    """As written: an address, a number, a URL."""
    host: str | None
    """For URLs, hosts and e-mail addresses."""
    url: bool
    inside: bool = False
    """Whether it stands in a longer text, all of which is sent to it: a command, or JSON in a string."""


def words_of(name: str) -> list[str]:
    """The words of a tool's name, in lower case: `Gmail.sendMessage` has three."""
    return [word.lower() for word in _WORD.findall(name)]


def is_sink(name: str, sinks: Sequence[str] | None) -> bool:
    """Whether a tool is made to send: one of the patterns given, or by the words of its name."""
    if sinks is not None:
        return any(fnmatchcase(name, each) for each in sinks)
    return _has(name, SINKS)


def gives(name: str) -> bool:
    """Whether naming the destination is all that such a tool needs to give something away."""
    return _has(name, _GIVING)


def is_public(name: str) -> bool:
    """Whether what such a tool sends goes to everybody."""
    return _has(name, _PUBLIC)


def _has(name: str, beginnings: tuple[str, ...]) -> bool:
    return any(word.startswith(beginnings) for word in words_of(name))


def argument(within: str) -> str:
    """The name of an argument, in lower case without signs: that of the list for a list's members."""
    for part in reversed(within.split("/")):
        if part and not part.isdigit():
            return re.sub("~x[0-9]+$|[^a-z0-9]", "", part.lower())
    return ""


def destinations(segments: Sequence[Segment], sink: bool) -> Iterator[Destination]:
    """The places outside that the values of a call's arguments name.

    Args:
        segments: the values; names of members name no place.
        sink: whether the tool is made to send: then any argument that is nothing but an address names one.
    """
    named = False
    values = [
        (place, argument(each.within), each)
        for place, each in enumerate(segments)
        if not each.within.endswith("#")
    ]
    for place, name, segment in values:
        text = segment.text
        found: list[Destination] = []
        if name in _CODE or (not segment.within and len(text) > 8):
            found = list(
                _inside(
                    place, text, mails=_BROKEN.match(text) is not None or _MAILING.search(text) is not None
                )
            )
        elif name in _NAMES:
            found = list(_nested(place, segment)) or _listed(place, text, named=True)
        named = named or bool(found)
        yield from found
    if not named:
        for place, _, segment in values:
            for each in _nested(place, segment):
                named = True
                yield each
    if sink and not named:
        for place, name, segment in values:
            if len(segment.text) <= _LONGEST and name not in _CODE:
                yield from _listed(place, segment.text, named=False)


def _nested(place: int, segment: Segment) -> Iterator[Destination]:
    """The places that JSON names which an argument holds as text; a mere list has the argument's own name."""
    text = segment.text
    if text.lstrip()[:1] not in ("{", "["):
        return
    parts = arguments.segments(text, segment.pointer, segment.stage, segment.channel)
    below = [
        each if argument(each.within) else replace(each, within=f"{segment.within}{each.within}")
        for each in parts
        if each.within
    ]
    for each in destinations(below, sink=False):
        yield each._replace(place=place, start=0, end=len(text), inside=True)


def _listed(place: int, text: str, named: bool) -> list[Destination]:
    """The addresses that a value is a list of; without a telling name all of it has to be."""
    told: list[Destination] = []
    for start, end in _parts(text):
        if address := _address(place, start, text[start:end], named):
            told.append(address)
        elif named:
            told += _within(place, start, text[start:end])
        else:
            return []
    return told


def _within(place: int, start: int, text: str) -> list[Destination]:
    """The addresses in a value that is more than an address; all of it when it has a sign of one."""
    found = [
        each._replace(
            start=start + each.start,
            end=start + each.end,
            text=each.text if each.url else each.text.partition("?")[0],
            inside="?" in text,
        )
        for each in _inside(place, text, mails=True)
    ]
    if not found and _ADDRESSED.search(text):
        return [Destination(place, start, start + len(text), text.strip(), None, False)]
    return found


def _parts(text: str) -> Iterator[tuple[int, int]]:
    """The members of a list of addresses with commas or semicolons, at most a hundred; else the whole."""
    if "@" in text and "://" not in text and re.search("[,;]", text):
        for part, _ in zip(re.finditer(r"[^,;\s][^,;]*", text), range(100), strict=False):
            yield part.span()
    elif text.strip():
        yield 0, len(text)


def _address(place: int, start: int, text: str, named: bool) -> Destination | None:
    value = text.strip()
    end = start + len(text)
    if email := _EMAIL.fullmatch(value):
        return Destination(place, start, end, email[1], host_of(email[1]), False)
    if _URL.match(value) and (named or " " not in value):
        return Destination(place, start, end, value, host_of(value), True)
    if named and len(value) <= 512 and _HOST.fullmatch(value):
        return Destination(place, start, end, value, host_of(value), True)
    if named and _ACCOUNT.fullmatch(value):
        return Destination(place, start, end, value, None, False)
    return None


def _inside(place: int, text: str, mails: bool) -> Iterator[Destination]:
    """The hosts that code or a command line names; those of e-mail addresses too where `mails` says so."""
    done = 0
    for found in found_in(text):
        if found.start < done:
            continue
        stop = _STOP.search(text, found.end, found.end + _LONGEST)
        end = stop.start() if stop else min(len(text), found.end + _LONGEST)
        written = text[found.start : end]
        url = "@" not in written.partition("/")[0]
        if url or mails:
            yield Destination(place, found.start, end, written, found.host, url, inside=True)
            done = end
    if not done and (looking := _LOOKING.search(text)):
        for token in _TOKEN.finditer(text[looking.end() : looking.end() + _LONGEST]):
            if _HOST.fullmatch(token[0]):
                at = looking.end() + token.start()
                yield Destination(
                    place, at, looking.end() + token.end(), token[0], host_of(token[0]), True, True
                )
