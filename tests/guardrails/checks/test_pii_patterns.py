"""The candidate patterns of all entities, and those of e-mail addresses."""

from __future__ import annotations

from collections import defaultdict

import pytest

from guardrails.checks.pii import STRUCTURED
from guardrails.checks.pii_patterns import patterns
from guardrails.patterns import PatternSet

EVERYTHING: defaultdict[str, type[bool]] = defaultdict(lambda: bool)
"""Recognisers that accept every candidate: what is left is decided by pattern and context."""


def test_every_structured_entity_has_a_pattern_and_only_the_asked_are_given() -> None:
    """The names of the check and of the patterns agree."""
    assert {pattern.entity for pattern in patterns(STRUCTURED, EVERYTHING)} == set(STRUCTURED)
    assert {pattern.entity for pattern in patterns(["VIN", "BR_CPF"], EVERYTHING)} == {"VIN", "BR_CPF"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ada <ada@example.com>", ["ada@example.com"]),
        ("o'brien+x@mail.example.co.uk, ok", ["o'brien+x@mail.example.co.uk"]),
        ("ada@corp.internal", ["ada@corp.internal"]),
        ("git@github.com:org/x.git", []),
        ("a..b@example.com", ["b@example.com"]),
        ("@decorator user@host", []),
    ],
)
def test_addresses_begin_outside_words(text: str, found: list[str]) -> None:
    """Names of machines without a suffix are no addresses, nor is git's user."""
    spans = PatternSet(patterns(["EMAIL_ADDRESS"], EVERYTHING)).scan(text)

    assert [text[span.start : span.end] for span in spans] == found
