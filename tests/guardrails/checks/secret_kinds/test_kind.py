"""A kind reports the secret alone: not what leads to it, and not the line end written before it."""

from __future__ import annotations

import pytest

from guardrails.checks.secret_kinds.kind import keyed, keyed_uuid, open_ended, token
from guardrails.checks.secrets import _pattern
from guardrails.patterns import PatternSet
from tests.guardrails.checks.secret_kinds.examples import example

PREFIXED = token("A", "A", r"\bab_[a-z0-9]{12}\b")
KEYED = keyed("B", "B", "acme", "[0-9a-f]{32}")
SECRET = example("h:32")


@pytest.mark.parametrize(
    ("text", "start"),
    [("ab_x1y2z3x1y2z3", 0), (r"a\nab_x1y2z3x1y2z3", 3), (r"\tab_x1y2z3x1y2z3.", 2), ("=ab_x1y2z3x1y2z3", 1)],
)
def test_a_token_begins_a_word_or_follows_a_written_line_end(text: str, start: int) -> None:
    """In JSON the letter before a token may be the `n` of a line end."""
    [span] = PatternSet([_pattern(PREFIXED)]).scan(text)

    assert (span.start, span.end) == (start, start + 15)


@pytest.mark.parametrize(
    "text", ["cab_x1y2z3x1y2z3", "_ab_x1y2z3x1y2z3", "ab_x1y2z3x1y2z3_", "ab_x1y2z3x1y2z34"]
)
def test_a_token_inside_a_longer_word_is_none(text: str) -> None:
    """A name that contains the shape is a name."""
    assert PatternSet([_pattern(PREFIXED)]).scan(text) == []


@pytest.mark.parametrize(
    "lead",
    [
        "ACME_KEY=",
        "acme.api.key: ",
        '"acmeKey": "',
        'acme["key"] = "',
        "acme-token => '",
        "acme_key := ",
        'acme.Client("',
        "export ACME_TOKEN='",
        "?acme_key=",
        '{\\"acme_key\\": \\"',
        "my acme api key: ",
    ],
)
def test_a_keyed_secret_is_found_in_every_way_to_assign(lead: str) -> None:
    """Assignments, JSON, look-ups, calls, query strings and sentences."""
    [span] = PatternSet([_pattern(KEYED)]).scan(f"{lead}{SECRET} ")

    assert (span.start, span.end) == (len(lead), len(lead) + 32)


@pytest.mark.parametrize(
    "text",
    [
        f"acme {SECRET}",
        f"acne_key={SECRET}",
        f"acme_key={SECRET}0",
        f"acme_key={SECRET[:31]}",
        "acme_key=" + "a1" * 16,
    ],
)
def test_a_keyed_secret_needs_its_keyword_a_sign_and_its_size(text: str) -> None:
    """A commit beside a product's name is not its key, nor is a value that repeats itself."""
    assert PatternSet([_pattern(KEYED)]).scan(text) == []


def test_a_keyed_uuid_is_one_and_not_a_placeholder() -> None:
    """Thirty-six characters and dashes in another order are no UUID."""
    patterns = PatternSet([_pattern(keyed_uuid("C", "C", "acme"))])

    assert len(patterns.scan(f"acme_key={example('uuid')}")) == 1
    assert patterns.scan("acme_key=00000000-0000-0000-0000-000000000000") == []
    assert patterns.scan(f"acme_key={example('h:36')}") == []


def test_only_an_open_ended_kind_has_no_bound() -> None:
    """Whatever may refuse a match is bounded; an open-ended kind refuses nothing."""
    endless = PatternSet([_pattern(open_ended("D", "D", "BEGIN [A-Z]{4,}", "BEGIN"))])

    assert endless.max_length is None
    assert PatternSet([_pattern(PREFIXED), _pattern(KEYED)]).max_length is not None
