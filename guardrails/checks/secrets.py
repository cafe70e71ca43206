"""Finds credentials: provider keys by their documented shape, others by the name they are assigned to."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence

from guardrails.check import Scanner, in_process
from guardrails.checks.secret_kinds import KINDS, SecretKind
from guardrails.errors import CheckError
from guardrails.patterns import Pattern, PatternSet

_PLACEHOLDER = re.compile(
    r"example|placeholder|changeme|change[-_]me|dummy|redacted|your[-_]|[-_]here|insert[-_]|replace[-_]|sample"
    r"|xxxx|\*\*\*|\.\.\.|<|\$\{|\{\{|0{8}|1234567890123456|process\.env|os\.environ|secrets\.",
    re.IGNORECASE,
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DIGEST = re.compile(r"(sha(1|256|384|512)|md5)[-:]", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[_$]*[A-Za-z$]+\d{0,2}([./:_-]+[A-Za-z$]+\d{0,2})*_*")
_NAME = re.compile(r"[_$]*[A-Za-z$]+([./:_-]+[A-Za-z$]+\d{0,2})*_*")
_COMMON = frozenset(
    (
        "admin",
        "argon2",
        "base64",
        "bcrypt",
        "guest",
        "mysql",
        "none",
        "null",
        "pass",
        "password",
        "password1",
        "passwd",
        "postgres",
        "pwd",
        "redis",
        "root",
        "secret",
        "sha256",
        "sha512",
        "string",
        "test",
        "token",
        "user",
        "username",
        "undefined",
    )
)


@in_process()
def secrets(kinds: Sequence[str] | None = None, exclude: Sequence[str] = ()) -> Scanner:
    """A scanner for credentials.

    Args:
        kinds: the only kinds to look for, by entity name; None means every kind.
        exclude: kinds to leave out.

    Raises CheckError naming a kind that does not exist.
    """
    known = {kind.entity for kind in KINDS}
    for name in (*(kinds or ()), *exclude):
        if name not in known:
            raise CheckError(f"secrets: there is no kind {name!r}. Known kinds: {', '.join(sorted(known))}.")
    wanted = (known if kinds is None else set(kinds)) - set(exclude)
    if not wanted:
        raise CheckError(
            "secrets: no kind is left to look for. Name at least one in `kinds`, or shorten `exclude`."
        )
    return PatternSet(_pattern(kind) for kind in KINDS if kind.entity in wanted)


def _pattern(kind: SecretKind) -> Pattern:
    """The pattern of one kind."""
    gate = _GATES[kind.gate]
    return Pattern(
        kind.entity,
        kind.regex,
        kind.score,
        kind.group,
        validate=gate,
        after=None if gate is None or kind.gate in ("url", "quoted_password") else _ends,
        trigger=kind.trigger,
    )


def _ends(following: str) -> bool:
    """Whether a token may end before this character."""
    return not following.isalnum() and following != "_"


def _token(value: str) -> bool:
    """Whether a value with a telling prefix is more than a placeholder."""
    return len(set(value[4:])) >= 4 and _PLACEHOLDER.search(value) is None


def _random(value: str) -> bool:
    """Whether a value looks drawn at random: not a name, a path, a UUID, a digest or a placeholder."""
    if (
        _PLACEHOLDER.search(value)
        or _UUID.fullmatch(value)
        or _DIGEST.match(value)
        or _IDENTIFIER.fullmatch(value)
    ):
        return False
    if not any(letter.isdigit() for letter in value) or not any(letter.isalpha() for letter in value):
        return False
    return _entropy(value) >= (3.0 if len(value) < 24 else 3.2)


def _password(value: str) -> bool:
    """Whether an unquoted value reads as a password and not as a word, a name or a piece of code."""
    value = value.rstrip(".:!?")
    return len(value) >= 6 and _quoted_password(value) and re.fullmatch(r"[\d.,:/-]+", value) is None


def _quoted_password(value: str) -> bool:
    """Whether a quoted value reads as a password: letters with digits or signs, and no template or call."""
    if _PLACEHOLDER.search(value) or value.lower() in _COMMON or _NAME.fullmatch(value):
        return False
    if re.search(r"^[$%{(\[]|[(\[]|://", value) or len(set(value)) < 4:
        return False
    letters = any(letter.isalpha() for letter in value)
    return any(letter.isdigit() for letter in value) or (
        letters and re.search(r"[!@#^&*?~+=$%]", value) is not None
    )


def _url_password(value: str) -> bool:
    """Whether the password of a URL is more than a placeholder."""
    return (
        _PLACEHOLDER.search(value) is None
        and value.lower() not in _COMMON
        and not value.startswith(("$", "%", "{"))
    )


def _entropy(value: str) -> float:
    """Shannon entropy in bits a character."""
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values())


_GATES: dict[str, Callable[[str], bool] | None] = {
    "none": None,
    "token": _token,
    "random": _random,
    "password": _password,
    "quoted_password": _quoted_password,
    "url": _url_password,
}
