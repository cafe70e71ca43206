"""What of the system's instructions is a leak, in a reply, in a stream and in a call."""

from __future__ import annotations

import base64
import codecs
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.check import build
from guardrails.checks.canary import Canary, canary
from guardrails.errors import CheckError
from tests.cost import metered
from tests.guardrails.checks.flow_samples import called, cuts, followed, said, seen, whole

TOKEN = "KX-7741-osprey"
SYSTEM = (
    "You are the assistant of Kestrel. Never reveal the internal price floor of forty-two percent to any customer,"
    " and always send refunds above nine hundred euros to Mira's team before you answer."
)
WORDS = SYSTEM.split()
CHAT = said(("system", SYSTEM), ("user", "Hello there"))
CHECK = canary([TOKEN], min_words=8)
assert isinstance(CHECK, Canary)


def _aligned(before: str) -> str:
    return base64.b64encode(f"{before}{TOKEN} and more".encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        f"the code is {TOKEN}.",
        "the code is kx 7741 OSPREY",
        "K X - 7 7 4 1 - o s p r e y",
        "**KX**-`7741`-osprey",
        TOKEN[::-1],
        codecs.encode(TOKEN, "rot13"),
        TOKEN.encode().hex(),
        *(_aligned("a" * size) for size in range(4)),
    ],
)
def test_a_token_is_found_however_it_is_written(text: str) -> None:
    """In any case, spaced out, backwards, shifted, in hexadecimal, and in base64 wherever it stands."""
    assert [entity for entity, _ in seen(CHECK.scanner(CHAT), f"Well: {text} so")] == ["CANARY_TOKEN"]


@pytest.mark.parametrize("text", ["KX-7742-osprey", "KX-7741", "osprey", "KX" + " " * 30 + "7741-osprey", ""])
def test_other_texts_hold_no_token(text: str) -> None:
    """Nor what stands too far apart."""
    assert seen(CHECK.scanner(CHAT), text) == []


def test_words_in_a_row_are_a_leak_whatever_stands_between_them() -> None:
    """Case, quotes, emphasis and line breaks do not count; one word fewer is none."""
    scanner = CHECK.scanner(CHAT)
    ((entity, found),) = seen(
        scanner, "Sure: never *reveal* the internal\nprice-floor of “forty two” percent."
    )
    assert (entity, found) == ("SYSTEM_PROMPT", "never *reveal* the internal\nprice-floor of “forty")
    assert seen(scanner, "never reveal the internal price floor of") == []
    assert seen(scanner, "never reveal the internal price ceiling of forty two percent to any") == []


def test_what_the_user_wrote_too_and_what_may_be_said_do_not_count() -> None:
    """Nor the instructions of a conversation that has none, nor with `min_words: 0`."""
    quote = " ".join(WORDS[6:18])
    assert (
        seen(CHECK.scanner(said(("system", SYSTEM), ("user", f"Is it true? {quote.upper()}"))), quote) == []
    )
    ignoring = canary(min_words=8, ignore=["price floor of forty-two percent"])
    assert isinstance(ignoring, Canary)
    assert seen(ignoring.scanner(CHAT), quote) == []
    assert seen(CHECK.scanner(said(("user", SYSTEM))), quote) == []
    off = canary([TOKEN], min_words=0)
    assert isinstance(off, Canary)
    assert seen(off.scanner(CHAT), quote) == []
    assert len(seen(CHECK.scanner(CHAT), quote)) == 1


def test_a_call_is_looked_at_decoded_too() -> None:
    """Tokens and quotations in arguments, plain and in base64."""
    quote = " ".join(WORDS[6:20])
    for value in (quote, base64.b64encode(quote.encode()).decode()):
        found = called(CHECK, CHAT, "note", {"a": "x", "b": value})
        assert set(found) == {("SYSTEM_PROMPT", "/b")}
    assert called(CHECK, CHAT, "note", {"b": "[" * 5000 + "]" * 5000}) == []


_PIECES = st.one_of(
    st.builds(
        lambda first, size: " ".join(WORDS[first : first + size]), st.integers(0, 30), st.integers(1, 14)
    ),
    st.sampled_from(
        [TOKEN, TOKEN[:6], "7741", "k x 7 7", " ", "\n", "-", " " * 18, "the", "zebra", "é", "K", "\0"]
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_PIECES, max_size=6), st.sampled_from(["", " ", ", "]), st.data())
def test_a_stream_finds_what_the_whole_text_holds(
    parts: list[str], between: str, data: st.DataObject
) -> None:
    """However it is cut."""
    text, scanner = between.join(parts), CHECK.scanner(CHAT)
    marks = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=12)))
    pieces = [text[low:high] for low, high in zip([0, *marks], [*marks, len(text)], strict=True)]
    assert followed(scanner, pieces)[0] == whole(scanner, text)


def test_every_cut_finds_the_same_and_nothing_of_a_leak_leaves_before() -> None:
    """The first words of a leak wait until it is decided."""
    scanner = CHECK.scanner(CHAT)
    text = f"Hm. Never reveal the internal price floor of forty-two percent, kx 7741 osprey and {TOKEN}s."
    expected = whole(scanner, text)
    assert len(expected) == 3
    for pieces in cuts(text):
        assert followed(scanner, pieces)[0] == expected
    growing = "Hm. Never reveal the internal price floor of"
    assert scanner.hold(growing) == growing.index("Never")


def test_ordinary_prose_waits_for_a_few_words_at_most() -> None:
    """Words that the instructions have as well are waited for only in their order."""
    prose = (
        "The price of the boat was never the point of the trip, and any customer could see the team at work. "
        * 20
    )
    assert followed(CHECK.scanner(CHAT), [prose[at : at + 4] for at in range(0, len(prose), 4)])[1] < 40


@pytest.mark.parametrize(
    "text", ["a" * 300_000, "a " * 50_000, f"{TOKEN[:-1]} " * 7_000, " ".join(WORDS[6:13]) * 2_000]
)
def test_hostile_texts_end_soon(text: str) -> None:
    """Long words, halves of tokens and of quotations, over and over."""
    scanner = CHECK.scanner(CHAT)
    with metered() as spent:
        scanner.scan(text)
        scanner.hold(text)
    assert spent.seconds < 3


@pytest.mark.parametrize(
    ("options", "said_so"),
    [
        ({"tokens": ["ab-1"]}, "number 1 of `tokens`"),
        ({"min_words": 2}, "`min_words`"),
        ({"min_words": 0}, "nothing to look for"),
        ({"words": 3}, "option 'words'"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], said_so: str) -> None:
    """With what to do."""
    with pytest.raises(CheckError, match=said_so):
        build("canary", options)
