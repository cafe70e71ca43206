"""Where personal identifiers may stand: the candidate patterns of every entity with a shape.

A candidate pattern is wider than the test that decides on it. Decisions look at the candidate, at most `REACH` code
points to its left and one to its right: so they hold in a stream too.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping

from guardrails.checks.accounts import accounts
from guardrails.checks.cards import cards
from guardrails.checks.context import Beside
from guardrails.checks.documents import documents
from guardrails.checks.machines import machines
from guardrails.checks.national_ids import national_ids
from guardrails.checks.phones import phones
from guardrails.checks.wallets import wallets
from guardrails.patterns import Pattern

_LETTER = "A-Za-z0-9\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff"
_EMAIL = (
    rf"[{_LETTER}_][{_LETTER}_.%+'-]{{0,63}}@"
    rf"(?:[{_LETTER}](?:[{_LETTER}-]{{0,62}})\.){{1,8}}[{_LETTER}-]{{2,24}}"
)
_GLUED_LABELS = 2
"""Labels that a missing space after a full stop may have glued to a domain."""
_RESERVED = frozenset(("example", "test", "invalid", "local", "localhost", "internal", "corp", "lan", "home"))


def patterns(entities: Iterable[str], decide: Mapping[str, Beside]) -> list[Pattern]:
    """The candidate patterns of some entities; `decide` holds a recogniser's decision for some."""
    wanted = set(entities)
    return [pattern for pattern in _all(wanted, decide) if pattern.entity in wanted]


def _all(wanted: Container[str], decide: Mapping[str, Beside]) -> list[Pattern]:
    """The candidate patterns of the wanted entities, and of some others.

    Of two entities with the same span and score, the first here gives it its name.
    """
    return [
        _email(decide["EMAIL_ADDRESS"]),
        *cards(),
        *phones(),
        *accounts(decide),
        *national_ids(wanted, decide),
        *machines(decide),
        *wallets(decide),
        *documents(),
    ]


def _email(decide: Beside) -> Pattern:
    """E-mail addresses."""
    return Pattern(
        "EMAIL_ADDRESS",
        _EMAIL,
        1.0,
        before=lambda before: not before or not (before.isalnum() or before == "_"),
        reach=1,
        shorten=_email_length(decide),
        trigger=rf"@[{_LETTER}]",
    )


def _email_length(decide: Beside) -> Callable[[str], int]:
    """Drops labels that a sentence glued to the domain, until the recogniser knows the domain."""

    def length(text: str) -> int:
        local, _, domain = text.partition("@")
        if local.lower() == "git" or ".." in local or local.endswith("."):
            return 0
        for _ in range(_GLUED_LABELS + 1):
            if "." not in domain:
                return 0
            last = domain.rpartition(".")[2].lower()
            if last in _RESERVED or decide(f"{local}@{domain}"):
                return len(local) + 1 + len(domain)
            domain = domain.rpartition(".")[0]
        return 0

    return length
