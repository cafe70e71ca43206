"""What a kind of secret is, and the few shapes that most kinds have."""

from __future__ import annotations

from dataclasses import dataclass

UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
SEPARATOR = r"""["'`\\\] \t]{0,13}[=:(][=>"'`\\(\[ \t]{0,13}"""
"""Between a name and the value it is given: assignments, JSON, YAML, query strings, keyword arguments, calls."""
_NAME_TO_VALUE = r"""[A-Za-z0-9_."'`\\\[\] \t-]{0,32}[=:(][=>"'`\\(\[ \t]{0,13}"""
"""From a keyword to the value: the rest of the name, then as SEPARATOR. Long runs of one class keep it cheap."""

_EDGE = r"\b"
_WORD_BEGIN = r"(?:\b|\\[nrt])"
"""A word also begins after a line end or tab that is written out, as in JSON."""


@dataclass(frozen=True, slots=True)
class SecretKind:
    """One kind of secret."""

    entity: str
    provider: str
    """Who issues it, or what it is, as the reference table says it."""
    regex: str
    group: int = 0
    gate: str = "token"
    """What a match must also be; a name that `guardrails.checks.secret_gates.GATES` has."""
    score: float = 0.95
    trigger: str = ""
    """As in Pattern."""


def token(entity: str, provider: str, regex: str, trigger: str = "", gate: str = "token") -> SecretKind:
    """A secret that its own shape gives away. The trigger is the regex itself, less where it begins, unless given."""
    trigger = (trigger or regex).removeprefix(_EDGE)
    if not regex.startswith(_EDGE):
        return SecretKind(entity, provider, regex, gate=gate, trigger=trigger)
    return SecretKind(
        entity, provider, f"{_WORD_BEGIN}({regex.removeprefix(_EDGE)})", 1, gate, trigger=trigger
    )


def keyed(entity: str, provider: str, keyword: str, value: str, score: float = 0.85) -> SecretKind:
    """A secret that is one only because a keyword is assigned to it; the value alone is reported."""
    return _assigned(entity, provider, keyword, value, "random", score)


def keyed_uuid(entity: str, provider: str, keyword: str) -> SecretKind:
    """A secret that is a UUID, known by its keyword alone."""
    return _assigned(entity, provider, keyword, "[0-9a-fA-F-]{36}", "uuid", 0.8)


def open_ended(entity: str, provider: str, regex: str, trigger: str) -> SecretKind:
    """A secret of no bounded length."""
    return SecretKind(entity, provider, regex, gate="none", trigger=trigger)


def _assigned(entity: str, provider: str, keyword: str, value: str, gate: str, score: float) -> SecretKind:
    bare = keyword.removeprefix(_EDGE)
    name = f"(?i:{bare})" if bare == keyword else f"{_WORD_BEGIN}(?i:{bare})"
    regex = f"{name}{_NAME_TO_VALUE}({value})"
    return SecretKind(entity, provider, regex, 1, gate, score, trigger=f"(?i:{bare})")
