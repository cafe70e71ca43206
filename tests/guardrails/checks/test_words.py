"""The words check finds what a policy names, exactly and in linear time."""

from __future__ import annotations

from typing import Any

import pytest

from guardrails.check import Scanner, build
from guardrails.errors import CheckError
from guardrails.types import Segment, Span, Stage
from tests.cost import metered


def scan(text: str, **options: Any) -> list[tuple[str, str]]:
    """Entity and text of what a words check with these options finds."""
    check = build("words", options)
    assert isinstance(check, Scanner)
    return [(span.entity, text[span.start : span.end]) for span in check.scan(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The Nightjar plan", ["Nightjar"]),
        ("nightjars and xnightjar and nightjar_2", []),
        ("nightjar-2, (NIGHTJAR)!", ["nightjar", "NIGHTJAR"]),
        ("project\n  orion", ["project\n  orion"]),
        ("ab cde", ["ab"]),
        ("ab cd.", ["ab cd"]),
        ("we use C++!", ["C++"]),
        ("STRAßE, straße, Straßen", ["STRAßE", "straße"]),
        ("énightjar nightjaré", []),
        ("这是机密文件", ["机密"]),
        ("ÅNGSTRÖM", ["ÅNGSTRÖM"]),
    ],
)
def test_words_are_found_whole_and_in_any_case(text: str, found: list[str]) -> None:
    """A listed word counts when no letter touches it; scripts without spaces need none."""
    deny = ["nightjar", "Project Orion", "ab", "ab cd", "c++", "straße", "机密", "ångström"]

    assert scan(text, deny=deny) == [("DENIED_WORD", word) for word in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("my p4ssw0rd!", ["p4ssw0rd"]),
        ("P@$$word, p@55w0rd", ["P@$$word", "p@55w0rd"]),
        ("n1ghtj@r and N!GH7JAR", ["n1ghtj@r", "N!GH7JAR"]),
        ("the 5ecre+  p1an", ["5ecre+  p1an"]),
        ("7357 h455 2", []),
        ("xp4ssw0rd p4ssw0rds p4ssw0rd_", []),
        ("4b is short, @b too", []),
        ("ha1lstone ha1l hailst0ne", ["ha1lstone", "ha1l", "hailst0ne"]),
        ("c++ and C++", ["c++", "C++"]),
        ("1234 agent 007", ["1234", "agent 007"]),
    ],
)
def test_words_are_found_in_leet(text: str, found: list[str]) -> None:
    """Digits and marks may stand for up to half of the letters of a word of four letters or more."""
    deny = [
        "password",
        "nightjar",
        "secret plan",
        "test",
        "hass",
        "ab",
        "hall",
        "hailstone",
        "c++",
        "1234",
        "agent 007",
    ]

    assert scan(text, deny=deny) == [("DENIED_WORD", word) for word in found]


def test_leet_can_be_left_alone() -> None:
    """Without leet only the word itself counts; a case-sensitive list keeps its case in leet."""
    assert scan("p4ssword password", deny=["password"], leet=False) == [("DENIED_WORD", "password")]
    assert scan("0rion 0RION", deny=["Orion"], case_sensitive=True) == [("DENIED_WORD", "0rion")]


def test_case_can_matter() -> None:
    """With case_sensitive only the written form counts."""
    assert scan("Orion orion", deny=["Orion"], case_sensitive=True) == [("DENIED_WORD", "Orion")]


def test_a_pattern_reports_its_name() -> None:
    """The name of a pattern is the entity of what it finds."""
    found = scan("see ACME-1234", patterns=[{"name": "TICKET", "regex": r"\bACME-\d{3,6}\b"}])

    assert found == [("TICKET", "ACME-1234")]


async def test_an_unbounded_pattern_makes_a_whole_text_check() -> None:
    """A match without a longest form cannot be waited for in a stream, so the check does not offer to."""
    check = build("words", {"patterns": [{"name": "LONG", "regex": "a+b"}]})

    assert not isinstance(check, Scanner)
    assert await check([Segment("xaaab", "/x", Stage.OUTPUT)]) == [[Span(1, 5, "LONG", 1.0)]]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "nothing to look for"),
        ({"deny": [" "]}, "empty word"),
        ({"patterns": [{"name": "A", "regex": "(?=a)b"}]}, "look-around"),
        ({"patterns": [{"name": "A", "regex": r"(a)\1"}]}, "back-reference"),
        ({"patterns": [{"name": "A", "regex": "a*"}]}, "empty text"),
        ({"patterns": [{"name": "A", "regex": "("}]}, "not a regular expression"),
        ({"patterns": [{"name": "a b", "regex": "x"}]}, "PROJECT_CODE"),
        ({"patterns": [{"name": "A"}]}, "exactly"),
        ({"patterns": ["a"]}, "patterns"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(options: dict[str, Any], says: str) -> None:
    """The refusal says which entry is wrong and why."""
    with pytest.raises(CheckError, match=says):
        build("words", options)


def test_a_hostile_pattern_stays_linear() -> None:
    """The classic pattern that takes a backtracking engine forever is answered at once."""
    check = build("words", {"patterns": [{"name": "EVIL", "regex": "(?:a{1,20}a{1,20}){1,20}c"}]})
    assert isinstance(check, Scanner)
    with metered() as spent:
        check.scan("a" * 20_000)
    assert spent.seconds < 2


def test_a_long_list_is_one_pass() -> None:
    """A thousand words cost about what ten do."""
    check = build("words", {"deny": [f"codename{number}x" for number in range(1000)]})
    assert isinstance(check, Scanner)
    text = "nothing to see here, move along. " * 120 + "codename777x"
    check.scan(text)
    with metered() as spent:
        found = check.scan(text)

        assert len(found) == 1
    assert spent.seconds < 0.05
