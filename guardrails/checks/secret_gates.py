"""What a candidate must be beside its shape: not a placeholder, a name, a path, a digest or a piece of code."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Callable

_PLACEHOLDERS = (
    *(
        "example",
        "placeholder",
        "changeme",
        "change-me",
        "change_me",
        "dummy",
        "redacted",
        "sample",
        "foobar",
    ),
    *("your-", "your_", "-here", "_here", "insert-", "insert_", "replace-", "replace_"),
    *("xxxx", "***", "...", "<", "${", "{{", "0" * 8, "1234567890123456", "abcdefghijkl"),
    *("process.env", "os.env", "secrets."),
)
"""What stands for a secret in documentation, a template or a program, in lower case."""
_DIGIT = re.compile(r"\d")
_SIGN = re.compile(r"[!@#^&*?~+=$%]")
_LETTER = re.compile(r"[^\W\d_]")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DIGEST = re.compile(r"(sha(1|256|384|512)|md5)[-:]", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[_$]*[A-Za-z$]+\d{0,2}([./:_-]+[A-Za-z$]+\d{0,2})*_*")
_NAME = re.compile(r"[_$]*[A-Za-z$]+([./:_-]+[A-Za-z$]+\d{0,2})*_*")
_CAMEL = re.compile(r"[a-z]+([A-Z][a-z]+)+\d{0,2}")
_WORD = re.compile(r"[A-Z][a-z]{2,11}")
_SPOKEN = re.compile(r"^(?!.*[^aeiouAEIOU]{4}).*[aeiouAEIOU]")
_PATH = re.compile(r"[~.]{0,2}/|[A-Za-z]:\\|[\w.-]+/[\w./-]+\.[a-z]{1,4}$")
_VERSION = re.compile(r"v?\d+(\.\d+)+([-+.][\w.-]+)?|latest|[\d.,:/-]+")
_MEMBER = re.compile(r"[A-Za-z_$][\w$]*(\.[A-Za-z_]{3,})+")
_CODE = re.compile(r"^[$%{(\[]|^![A-Za-z]+$|[(\[]|://|->|=>|&&|\|\||==")
_ITS_NAME = re.compile(r"[\w.$-]*(pass|password|passwd|pwd|secret|token)\d{0,2}", re.IGNORECASE)
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


def ends(following: str) -> bool:
    """Whether a token may end before this character (empty at the end of the text)."""
    return not following.isalnum() and following not in ("_", "(")


def ends_value(following: str) -> bool:
    """Whether an unquoted value may end before this character: a bracket makes it a call or a look-up."""
    return following not in ("(", "[")


def _token(value: str) -> bool:
    """Whether a value with a telling prefix is more than a placeholder."""
    return len(set(value[4:])) >= 4 and not _placeholder(value)


def _uuid(value: str) -> bool:
    """Whether a value is a UUID that was drawn and not typed."""
    return _UUID.fullmatch(value) is not None and _token(value)


def _random(value: str) -> bool:
    """Whether a value looks drawn at random: not a name, a path, a UUID, a digest or a placeholder."""
    if (
        _placeholder(value)
        or _UUID.fullmatch(value)
        or _DIGEST.match(value)
        or _IDENTIFIER.fullmatch(value)
        or _PATH.match(value)
        or _MEMBER.fullmatch(value)
    ):
        return False
    if _DIGIT.search(value) is None or _LETTER.search(value) is None:
        return False
    return _entropy(value) >= (2.8 if len(value) < 24 else 3.2) and not _words(value)


def _quoted_random(value: str) -> bool:
    """Whether a quoted value with signs in it looks drawn at random."""
    signs = re.search(r"[!@#$%^&*?|~;,]", value) is not None
    return signs and _CODE.search(value) is None and value.isprintable() and _random(value)


def _password(value: str) -> bool:
    """Whether an unquoted value reads as a password and not as a word, a name or a piece of code."""
    bare = value.rstrip(".:!?")
    return (
        len(bare) >= 6
        and _quoted_password(bare)
        and _VERSION.fullmatch(bare) is None
        and _CAMEL.fullmatch(value) is None
        and _MEMBER.fullmatch(value) is None
        and _ITS_NAME.fullmatch(value) is None
    )


def _quoted_password(value: str) -> bool:
    """Whether a quoted value reads as a password: letters with digits or signs, and no template or call."""
    if _placeholder(value) or value.lower() in _COMMON or _NAME.fullmatch(value):
        return False
    if _CODE.search(value) or _PATH.match(value) or _DIGEST.match(value) or len(set(value)) < 4:
        return False
    if _DIGIT.search(value):
        return True
    return _LETTER.search(value) is not None and _SIGN.search(value) is not None


def _url_password(value: str) -> bool:
    """Whether the password of a URL is more than a placeholder, and no version of an image."""
    return (
        not _placeholder(value)
        and value.lower() not in _COMMON
        and not value.startswith(("$", "%", "{"))
        and ("." not in value or _VERSION.fullmatch(value) is None)
    )


def _basic(value: str) -> bool:
    """Whether a value is a user and a password in base64, as HTTP's basic scheme and registries write them."""
    try:
        pair = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return False
    user, colon, password = pair.partition(":")
    return bool(user and colon and len(password) >= 3 and pair.isprintable()) and (not _placeholder(password))


def _placeholder(value: str) -> bool:
    """Whether a value says that a secret should stand in its place."""
    lower = value.lower()
    return any(word in lower for word in _PLACEHOLDERS)


def _words(value: str) -> bool:
    """Whether a value is words and short numbers in a row, as the name of a class, a resource or a release is."""
    if 2 * sum(len(word) for word in _WORD.findall(value) if _SPOKEN.search(word)) > len(value):
        return True
    parts = re.split(r"[-_./~+]+", value)
    return len(parts) >= 3 and all(re.fullmatch(r"[A-Za-z]{0,16}\d{0,4}", part) for part in parts)


def _entropy(value: str) -> float:
    """Shannon entropy in bits a character."""
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values())


GATES: dict[str, Callable[[str], bool] | None] = {
    "none": None,
    "token": _token,
    "uuid": _uuid,
    "random": _random,
    "quoted_random": _quoted_random,
    "password": _password,
    "quoted_password": _quoted_password,
    "url": _url_password,
    "basic": _basic,
}
"""The test of each gate that a kind can name; None lets everything through."""

ENDS: dict[str, Callable[[str], bool]] = {
    "token": ends,
    "random": ends,
    "uuid": ends,
    "basic": ends,
    "password": ends_value,
}
"""What a gate asks of the character that follows."""
