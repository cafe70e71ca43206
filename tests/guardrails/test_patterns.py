"""Pattern sets find what their patterns say, in whole texts and in streams cut anywhere."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.check import Scanner
from guardrails.checks.pii import STRUCTURED, pii
from guardrails.checks.secrets import secrets
from guardrails.checks.words import words
from guardrails.patterns import Pattern, PatternSet, joined
from guardrails.prefixes import RegexError
from guardrails.types import Span


def assert_cuts_hold(scanner: Scanner, text: str, cuts: range | None = None) -> None:
    """What stands before the hold of any beginning is final: found there as in the whole text, and nothing across."""
    whole = scanner.scan(text)
    for end in cuts or range(len(text) + 1):
        seen = text[:end]
        cut = scanner.hold(seen)
        assert cut <= end
        assert not [span for span in whole if span.start < cut < span.end], (end, cut)
        assert [span for span in scanner.scan(seen) if span.end <= cut] == [
            span for span in whole if span.end <= cut
        ], (end, cut)


def streamed(scanner: Scanner, text: str, sizes: list[int]) -> list[Span]:
    """The spans a stream guard would see that keeps only `context` characters of what it has released."""
    found: list[Span] = []
    released = end = turn = 0
    while end < len(text):
        end = min(len(text), end + sizes[turn % len(sizes)])
        turn += 1
        base = max(0, released - scanner.context)
        buffer, start = text[base:end], released - base
        cut = len(buffer) if end == len(text) else scanner.hold(buffer, start)
        for span in scanner.scan(buffer, start):
            if span.end <= cut:
                found.append(Span(span.start + base, span.end + base, span.entity, span.score))
        released = base + cut
    return found


def _fragments() -> list[str]:
    """Realistic pieces, secrets assembled here so that none stands in the file."""
    token = "".join(random.Random(7).choice(string.ascii_letters + string.digits) for _ in range(40))
    pem = (
        "-----BEGIN RSA PRIVATE"
        + " KEY-----\n"
        + "\n".join(["MIIEow" + token * 1] * 3)
        + "\n-----END RSA PRIVATE KEY-----"
    )
    return [
        "mail ada.lovelace@example.com, please. ",
        "call +44 20 7946 0958 or (212) 555-0187x12 ",
        "4111 1111 1111 1111 12/25 ",
        "378282246310005\n",
        "IBAN GB29 NWBK 6016 1331 9268 19 98 ",
        "SSN 219-09-9999. ",
        "10.20.30.40:8080 2001:db8::8a2e:370:7334 ",
        "12 34 56 78 90 11 22 33 44 55 ",
        "gh" + "p_" + token[:36] + " ",
        f'"api_key": "{token}", ',
        "password is Tr0ub4dor&3! ",
        "postgres://app:" + token[:12] + "@db.internal:5432/x ",
        pem + " and then ",
        "eyJ" + token[:20] + ".eyJ" + token[:24] + "." + token[:30] + " ",
        "Zoë said naïve 😀 things. ",
        "def f(a: int) -> str: return a.b_c[0] ",
        "project nightjar-x, Project  Nightjar! ",
        "key=",
        "-----BEGIN ",
        "00000000000000000000 ",
        "@@..__--++ ",
        "The report of 2024-11-05 12:30:45 says 1,250 items. ",
    ]


FRAGMENTS = _fragments()
SCANNERS: dict[str, Scanner] = {}


@pytest.fixture(params=["pii", "secrets", "words"])
def scanner(request: pytest.FixtureRequest) -> Scanner:
    """Each built-in scanner with everything it can look for, built once."""
    if not SCANNERS:
        listed = words(
            deny=["project nightjar", "nightjar", "items"],
            patterns=[{"name": "REPORT", "regex": r"\d{4}-\d\d"}],
        )
        for name, built in (("pii", pii(STRUCTURED)), ("secrets", secrets()), ("words", listed)):
            assert isinstance(built, Scanner)
            SCANNERS[name] = built
    return SCANNERS[request.param]


def test_every_cut_of_every_realistic_piece_is_final(scanner: Scanner) -> None:
    """For every cut, what precedes the hold is decided the way the whole text decides it."""
    for fragment in FRAGMENTS:
        assert_cuts_hold(scanner, "so: " + fragment + "x 1")


def test_cuts_of_mixed_texts_are_final(scanner: Scanner) -> None:
    """The same with pieces run together, so that candidates of different kinds touch and overlap."""
    chance = random.Random(11)
    for _ in range(25):
        text = "".join(chance.sample(FRAGMENTS, 4))
        begin = chance.randrange(len(text))
        assert_cuts_hold(scanner, text, range(begin, min(len(text), begin + 40)))


def test_a_stream_finds_what_the_whole_text_holds(scanner: Scanner) -> None:
    """However a text is split, a reader that keeps `context` characters finds the same spans."""
    chance = random.Random(5)
    for _ in range(30):
        text = "".join(chance.choices(FRAGMENTS, k=6))
        expected = scanner.scan(text)

        found = streamed(scanner, text, [chance.randint(1, 30) for _ in range(5)])

        assert found == expected


_PIECES = st.sampled_from(
    ["a", "b", "ab", "[ab]", "a{1,3}", "(?:ab|b)", "b+", r"\b", "-", "(?:a-?){2,3}", "é"]
)
_SMALL = st.lists(_PIECES, min_size=1, max_size=4).map("".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(_SMALL, min_size=1, max_size=3), st.text(alphabet="ab-é ", max_size=14))
def test_generated_pattern_sets_keep_the_contract(regexes: list[str], text: str) -> None:
    """The contract is the pattern set's own, whatever the patterns are."""
    kept = []
    for number, regex in enumerate(regexes):
        try:
            PatternSet([Pattern("X", regex)])
        except RegexError:
            continue
        kept.append(Pattern(f"E{number}", regex))

    assert_cuts_hold(PatternSet(kept), text)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab-k=é", max_size=16), st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_keyword_groups_and_refusals_keep_the_contract_in_streams(text: str, sizes: list[int]) -> None:
    """A value after a keyword, a refused match and a left neighbour are decided alike in pieces and as a whole."""
    patterns = PatternSet(
        [
            Pattern("VALUE", "k=-?([ab]{2,3})", group=1),
            Pattern(
                "ODD",
                "[ab]{1,4}",
                validate=lambda value: value.count("a") == 2,
                before=lambda left: left != "b",
                reach=1,
            ),
            Pattern("SHORT", "-[ab]{1,4}", shorten=lambda value: 2 if value[1] == "a" else 0),
        ]
    )

    assert_cuts_hold(patterns, text)
    assert streamed(patterns, text, sizes) == patterns.scan(text)


def test_offsets_are_code_points() -> None:
    """Spans count code points, whatever the UTF-8 length of what precedes them."""
    text = "né😀 cat, \ud800 cat"

    found = PatternSet([Pattern("CAT", r"\bcat\b")]).scan(text)

    assert [text[span.start : span.end] for span in found] == ["cat", "cat"]


def test_a_start_sees_the_text_before_it_as_context_only() -> None:
    """A boundary is judged by what precedes the start, and nothing before the start is reported."""
    found = PatternSet([Pattern("CAT", r"\bcat")])

    assert found.scan("cat cat", 4) == [Span(4, 7, "CAT", 0.9)]
    assert found.scan("xcat", 1) == []


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([Span(0, 5, "A"), Span(3, 9, "B")], [Span(0, 9, "B")]),
        ([Span(0, 9, "A", 0.5), Span(2, 4, "B", 0.9)], [Span(0, 9, "A", 0.9)]),
        ([Span(0, 4, "A", 0.5), Span(0, 4, "B", 0.9)], [Span(0, 4, "B", 0.9)]),
        ([Span(0, 4, "A"), Span(4, 6, "B")], [Span(0, 4, "A"), Span(4, 6, "B")]),
    ],
)
def test_overlapping_spans_become_one_named_after_the_longest(
    spans: list[Span], expected: list[Span]
) -> None:
    """Everything any candidate covers stays covered; the longest, then the surest, gives the name."""
    assert joined(spans) == expected


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        (Pattern("X", "a*"), "empty"),
        (Pattern("X", "(?:a{0,40}){0,40}b"), "RE2 cannot run it"),
        (Pattern("X", "a", group=1), "no group 1"),
        (Pattern("X", "k+(a)", group=1), "bounded"),
        (Pattern("X", "a+", validate=bool), "bounded"),
    ],
)
def test_a_pattern_that_breaks_the_promises_is_refused(pattern: Pattern, says: str) -> None:
    """What could be slow, endless or everywhere is refused when the set is built."""
    with pytest.raises(RegexError, match=says):
        PatternSet([pattern])


def test_no_more_is_held_than_the_longest_match() -> None:
    """A run that has outgrown every bounded pattern is released."""
    found = PatternSet([Pattern("KEY", "AK[A-Z]{20}")])

    assert found.max_length == 22
    assert found.hold("AK" + "Z" * 500) >= 480


def test_an_empty_set_finds_and_holds_nothing() -> None:
    """No pattern, no span, nothing to wait for."""
    assert PatternSet([]).scan("text") == []
    assert PatternSet([]).hold("text") == 4
