"""The parts of an address that nobody wrote, and what they carry."""

from __future__ import annotations

import pytest

from guardrails.checks.carried import Carried, Evidence, unsaid
from guardrails.checks.copies import SHORTEST
from guardrails.checks.surroundings import Surroundings, Values
from tests.guardrails.checks.flow_samples import said

KNOWN = Surroundings(
    said(
        ("user", "What is new at the harbour?"),
        ("tool:web", "https://a.example/news/list?page=1 and https://b.example/c?d="),
        ("tool:file", "The merger with Blue Heron closes on the fourteenth of March. Order 123456789012."),
    )
)


@pytest.fixture(scope="module")
def carried() -> Carried:
    """In the conversation of this module."""
    return Carried(KNOWN, Values(), SHORTEST)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://a.example/news/list?page=1", ("", "", "")),
        ("https://a.example/news/list?page=2", ("", "", "2")),
        ("https://a.example/news/other%20one#x", ("", "other one", "#x")),
        ("https://b.example/c?d=a+b", ("", "", "a b")),
        ("https://x.y.c.example/p", ("x.y", "/p", "")),
        ("https://u:p@c.example/", ("u:p", "/", "")),
        ("//c.example?q", ("", "", "?q")),
    ],
)
def test_what_was_written_is_left_out(url: str, parts: tuple[str, str, str]) -> None:
    """Up to the last sign that parts an address."""
    assert unsaid(url, KNOWN) == Evidence(*parts)


@pytest.mark.parametrize(
    ("parts", "loaded", "clicked"),
    [
        (("", "", "merger with Blue Heron"), True, False),
        (("", "", "merger with Blue Heron closes on"), True, True),
        (("", "/merger-with-Blue-Heron", ""), False, False),
        (("", "/merger-with-Blue-Heron-closes-on-the-fourteenth", ""), True, True),
        (("merger-with-Blue-Heron", "", ""), True, True),
        (("", "/123456789012.png", ""), True, False),
        (("", "/q8Zk2Lm9Qx4Rv7Bn1Yc6Wp3Ds5", ""), True, False),
        (("", "/docs/library", "?page=2"), False, False),
        (("", "", ""), False, False),
    ],
)
def test_more_is_asked_of_what_needs_a_click(
    carried: Carried, parts: tuple[str, str, str], loaded: bool, clicked: bool
) -> None:
    """A page's name may be a few words of a text; an image's need not."""
    evidence = Evidence(*parts)
    assert (carried.loaded(evidence), carried.clicked(evidence)) == (loaded, clicked)


def test_what_stands_there_in_plain_is_not_encoded(carried: Carried) -> None:
    """Digits are the same when letters are shifted."""
    assert list(carried.encodes("Order 123456789012, e-mail of the merger with Blue Heron")) == []
    assert list(carried.encodes("merger with Blue Heron closes"[::-1])) == [(0, 29)]
