"""Many pattern sets reading together: as each by itself, through disguises, whole and in pieces."""

from __future__ import annotations

import base64
import random
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.checks.pii import STRUCTURED, pii
from guardrails.checks.secrets import secrets
from guardrails.checks.words import words
from guardrails.patterns import Pattern, PatternSet
from guardrails.sweep import Sweep
from guardrails.types import Span
from tests.guardrails.test_patterns import FRAGMENTS

VALUES = {
    "EMAIL_ADDRESS": "jane.roe@example.com",
    "CREDIT_CARD": "4111-1111-1111-1111",
    "IBAN_CODE": "GB82WEST12345698765432",
    "DENIED_WORD": "nightjar",
}
DISGUISES = {
    "plain": lambda value: value,
    "zero width": "\u200b".join,
    "full width": lambda value: "".join(chr(ord(sign) + 0xFEE0) for sign in value),
    "percent": lambda value: "".join(f"%{ord(sign):02X}" for sign in value),
    "entities": lambda value: "".join(f"&#{ord(sign)};" for sign in value),
    "escapes": lambda value: "".join(f"\\u{ord(sign):04x}" for sign in value),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "hex": lambda value: value.encode().hex(),
    "spaced": " ".join,
    "tags": lambda value: "".join(chr(0xE0000 + ord(sign)) for sign in value),
    "nested": lambda value: base64.b64encode(
        "".join(f"%{ord(sign):02x}" for sign in value).encode()
    ).decode(),
}
BETWEEN = (
    " ",
    " x ",
    ", so: ",
    "\n",
    "(",
    ")",
    " mail ",
    "card ",
    "1 ",
    "a b c d e f ",
    "%4",
    "%25",
    "&#",
    "0x",
    "\u200b",
    "п",
    *(
        "%E2%82%A",
        "\\u008",
        "=",
        "\u202e",
        "\u202e a",
        "\u202c",
        "a b ",
        "\u00ad",
        "аa",
        "[at",
        "4111",
        "QUJD",
    ),
)


@cache
def sets() -> tuple[PatternSet, ...]:
    """The three built-in scanners."""
    built = (pii(STRUCTURED), secrets(), words(deny=["nightjar", "project nightjar"]))
    return tuple(each for each in built if isinstance(each, PatternSet))


@cache
def sweep() -> Sweep:
    """One sweep for all of them."""
    return Sweep(sets())


def streamed(pieces: list[str]) -> list[Span]:
    """What a reader finds who gets the text in pieces, keeps only what it is told to, and settles as it goes."""
    found: list[Span] = []
    text, base, settled, careful = "", 0, 0, False
    for place, piece in enumerate(pieces):
        text += piece
        final, start = place == len(pieces) - 1, settled - base
        glance = -1 if final or careful else sweep().glance(text, start)
        if glance >= 0:
            settled, kept = base + glance, max(0, glance - sweep().context)
        else:
            read = sweep().read if final else sweep().follow
            reading = read(text, start, not base)
            spans = [span for place in range(len(sets())) for span in reading.spans(place)]
            if not final:
                reading.settle(spans)
            careful = reading.careful
            settled, kept = base + reading.cut, reading.keep()
            found += [
                Span(base + span.start, base + span.end, span.entity, span.score)
                for span in spans
                if span.end <= reading.cut
            ]
        text, base = text[kept:], base + kept
    return sorted(found, key=lambda span: (span.start, span.end, span.entity))


def whole(text: str) -> list[Span]:
    """What the whole text holds."""
    reading = sweep().read(text)
    found = [span for place in range(len(sets())) for span in reading.spans(place)]
    return sorted(found, key=lambda span: (span.start, span.end, span.entity))


def test_plain_text_is_read_as_each_set_reads_it() -> None:
    """Reading together changes nothing about what is found."""
    for fragment in FRAGMENTS:
        reading = sweep().read(fragment)
        if normal := [each.scan(fragment) for each in sets()]:
            found = [reading.spans(place) for place in range(len(sets()))]
            assert all(
                span in found[place] or len(fragment) > 200
                for place, spans in enumerate(normal)
                for span in spans
            )


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("entity", VALUES)
def test_a_disguised_value_is_found_where_it_stands(entity: str, disguise: str) -> None:
    """The span is exactly what hides the value; everything around it stays."""
    hidden = DISGUISES[disguise](VALUES[entity])
    if entity == "DENIED_WORD" and disguise in ("base64", "hex"):
        pytest.skip("the encoded word is too short to be told from an identifier")
    text = f"so it is: {hidden} and more"

    assert [(text[span.start : span.end], span.entity) for span in whole(text)] == [(hidden, entity)]


def test_words_of_another_script_are_no_disguise() -> None:
    """A Russian word that only looks like a denied one is left alone; one mixed into Latin letters is not."""
    denied = words(deny=["cop"])
    assert isinstance(denied, PatternSet)

    def found(text: str) -> list[Span]:
        return Sweep([denied]).read(text).spans(0)

    assert found("выносить сор из избы") == []
    assert [(span.start, span.end) for span in found("a с\u043ep, cоp")] == [(2, 5), (7, 10)]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_however_it_is_cut_the_same_is_found(data: st.DataObject) -> None:
    """Values plain and disguised, one after the other, cut anywhere."""
    parts = st.one_of(
        st.sampled_from(BETWEEN),
        st.builds(
            lambda value, disguise: DISGUISES[disguise](VALUES[value]),
            st.sampled_from(sorted(VALUES)),
            st.sampled_from(sorted(DISGUISES)),
        ),
    )
    text = "".join(data.draw(st.lists(parts, min_size=1, max_size=6)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    pieces = [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]

    assert streamed(pieces) == whole(text)


@pytest.mark.parametrize("seed", range(4))
def test_letter_by_letter_the_same_is_found(seed: int) -> None:
    """The finest cut of mixed text."""
    chance = random.Random(seed)
    parts = [*FRAGMENTS, *BETWEEN, *(hide(value) for value in VALUES.values() for hide in DISGUISES.values())]
    for _ in range(3):
        text = "".join(chance.choices(parts, k=6))
        assert streamed([*text, ""]) == whole(text)


def test_a_set_that_fails_fails_alone() -> None:
    """What one pattern's test raises is raised for its own set only."""

    def crash(value: str) -> bool:
        raise RuntimeError

    reading = Sweep(
        [PatternSet([Pattern("BAD", r"\d{4}", validate=crash)]), PatternSet([Pattern("CAT", "cat")])]
    ).read("cat 1234")

    assert [span.entity for span in reading.spans(1)] == ["CAT"]
    with pytest.raises(RuntimeError):
        reading.spans(0)
