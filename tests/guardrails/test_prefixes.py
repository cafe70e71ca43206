"""The prefix form of a regex matches exactly the beginnings of its matches."""

from __future__ import annotations

import re

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.prefixes import RegexError, read

_ATOMS = st.sampled_from(["a", "b", "-", "[ab]", "[^a]", r"\d", r"\w", ".", "é", r"\.", "[a-c0-3]"])
_REGEXES = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"{pair[0]}(?:{pair[1]})"),
        st.tuples(inner, st.sampled_from(["?", "*", "+", "{2}", "{0,3}", "{1,2}", "*?", "{2,}"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
        inner.map(lambda part: f"(?i:{part})"),
        inner.map(lambda part: f"({part})"),
    ),
    max_leaves=6,
)
_TEXTS = st.text(alphabet="abAB-0 .é\n", max_size=10)


@settings(max_examples=300, deadline=None)
@given(_REGEXES, _TEXTS)
def test_every_beginning_of_a_match_matches_the_prefix_form(regex: str, text: str) -> None:
    """Whatever a text begins with, if the text is a match, its beginning is recognised as one to wait for."""
    forms = read(regex)
    if re2.fullmatch(forms.scan, text) is None:
        return

    for end in range(len(text) + 1):
        assert re2.fullmatch(forms.prefix, text[:end]) is not None


@settings(max_examples=300, deadline=None)
@given(_REGEXES, _TEXTS)
def test_the_written_form_matches_what_the_read_one_does(regex: str, text: str) -> None:
    """Writing a regex back in RE2 syntax changes nothing about what it matches."""
    expected = re.fullmatch(regex, text, re.ASCII)

    found = re2.fullmatch(read(regex).scan, text)

    assert (found is None) == (expected is None)


@settings(max_examples=200, deadline=None)
@given(_REGEXES, st.text(alphabet="abAB-0.é", max_size=3))
def test_the_prefix_form_matches_only_beginnings(regex: str, text: str) -> None:
    """A text that no match of bounded length begins with is not waited for."""
    forms = read(regex)
    if re2.fullmatch(forms.prefix, text) is None or (forms.max_length or 99) > 4:
        return
    alphabet = "abcB-0.é"
    tails = [""]
    longer = [text]
    for _ in range(4):
        tails = [tail + letter for tail in tails for letter in alphabet]
        longer += [text + tail for tail in tails]
        if any(re2.fullmatch(forms.scan, item) for item in longer):
            return

    raise AssertionError("no match begins with this text")


@pytest.mark.parametrize(
    ("regex", "text", "waits"),
    [
        (r"\bcat\b", "cat", True),
        (r"\bcat\b", "ca", True),
        (r"cat\B", "cat", True),
        (r"-\bx", "-", True),
        (r"(?m:^)ab$", "ab", True),
        (r"a\Zb", "a", True),
        (r"cat", "cow", False),
        (r"a{3}b", "aaaa", False),
    ],
)
def test_assertions_at_the_end_of_the_text_are_unresolved(regex: str, text: str, waits: bool) -> None:
    """What follows the text is unknown, so a boundary at its end neither holds nor fails."""
    found = re2.fullmatch(read(regex).prefix, text)

    assert (found is not None) == waits


@pytest.mark.parametrize(
    ("regex", "says"),
    [
        ("(?=a)b", "look-around"),
        ("(?<!a)b", "look-around"),
        (r"(a)\1", "back-reference"),
        ("(a)?(?(1)b|c)", "conditional"),
        ("a++b", "possessive"),
        ("(?>a)b", "atomic"),
        ("a{2000}", "1000"),
        ("(a", "not a regular expression"),
        ("[[:alpha:]]", "not a regular expression"),
    ],
)
def test_what_re2_cannot_run_is_refused_by_name(regex: str, says: str) -> None:
    """The refusal says which construct is in the way."""
    with pytest.raises(RegexError, match=says):
        read(regex)


@pytest.mark.parametrize(
    ("regex", "low", "high", "lead"),
    [
        ("abc", 3, 3, 0),
        ("a{2,5}b?", 2, 6, 0),
        ("a+", 1, None, 0),
        ("(?:a|bcd)", 1, 3, 0),
        ("key[:=] ?(x{4})", 8, 9, 5),
        ("k+(x)", 2, None, None),
        ("(?:k(x)|yz)", 2, 2, None),
        (r"\b$", 0, 0, 0),
    ],
)
def test_lengths_are_known(regex: str, low: int, high: int | None, lead: int | None) -> None:
    """Shortest and longest match, and what stands before the first group, come from the tree."""
    forms = read(regex)

    assert (forms.min_length, forms.max_length, forms.lead) == (low, high, lead)
