"""The grammar of tokens: every way in which models write them, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.tokens import Tokens, bare, joins, spelt

TOKEN = "EMAIL_ADDRESS_7f3a9c2e41"


def tokens(*known: str) -> Tokens:
    """A set of tokens."""
    made = Tokens()
    for token in known or (TOKEN,):
        made.add(token)
    return made


def found(text: str, *known: str) -> list[str]:
    """The stretches of text in which tokens were found."""
    return [text[begin:end] for begin, end, _ in tokens(*known).find(text, 0)]


WAYS: dict[str, Callable[[str], str]] = {
    "as it is": lambda token: token,
    "small letters": str.lower,
    "title case": str.title,
    "capital digits": str.upper,
    "escaped for markdown": lambda token: token.replace("_", "\\_"),
    "escaped twice": lambda token: token.replace("_", "\\\\_"),
    "spaces": lambda token: token.replace("_", " "),
    "hyphens": lambda token: token.replace("_", "-"),
    "hyphens that do not break": lambda token: token.replace("_", "\u2011"),
    "only its digits apart": lambda token: token.replace("_", " ").replace("EMAIL ADDRESS", "Email-address"),
    "a line end in its name": lambda token: token.replace("_A", "_\nA"),
    "a line end for a separator": lambda token: token.replace("S_", "S\r\n"),
    "a line end in its digits": lambda token: token[:-4] + "\n" + token[-4:],
    "a hyphenated line end": lambda token: token[:-4] + "-\n" + token[-4:],
    "a soft hyphen": lambda token: token[:9] + "\u00ad" + token[9:],
    "a zero-width space": lambda token: token[:-3] + "\u200b" + token[-3:],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "around",
    ["{}", "`{}`", "**{}**", '"{}"', "({})", "[{}]", "<{}>", "_{}_", "{}'s", "{}s", "to {}, {}!", "给{}写"],
)
def test_a_token_is_found_however_it_is_written(way: str, around: str) -> None:
    """Case, escapes, separators, breaks; in quotes, brackets, markup, with endings, between any letters."""
    written = WAYS[way](TOKEN)

    assert found(around.replace("{}", written)) == [written] * around.count("{}")


@pytest.mark.parametrize(
    "text",
    [
        "EMAIL_ADDRESS_7f3a9c2e40",
        "EMAIL_ADDRESS_7f3a9c2e4",
        "MAIL_ADDRESS_7f3a9c2e41",
        "7f3a9c2e41",
        "EMAIL_ADDRESS",
        "EMAIL....ADDRESS_7f3a9c2e41",
        "EMAIL_ADDRESS_7f3a    9c2e41",
        "email@ddress_7f3a9c2e41",
        "xemail_address_7f3a9c2e41",
    ],
)
def test_anything_else_is_not(text: str) -> None:
    """Other digits, fewer digits, other names, wide gaps, small letters in the middle of a word."""
    assert found(text) == []


def test_the_longest_name_wins() -> None:
    """EMAIL_ADDRESS is not taken for ADDRESS, even if their digits are equal."""
    both = (TOKEN, "ADDRESS_7f3a9c2e41")

    assert found(f"{TOKEN} ADDRESS_7f3a9c2e41", *both) == list(both)


def test_tokens_that_read_the_same_share_their_bare_form() -> None:
    """Underscores are what models drop, so two tokens may not differ in them alone."""
    assert bare("A_B_0123456789") == bare("AB_0123456789")
    assert spelt("case-no.") == "CASE_NO_"


@pytest.mark.parametrize(("letter", "expected"), [("a", True), ("é", True), ("я", True), ("7", True), ("_", False),
                                                  ("你", False), ("ก", False), (" ", False)])  # fmt: skip
def test_letters_of_scripts_with_spaces_join(letter: str, expected: bool) -> None:
    """In Chinese or Thai text nothing separates a word from the next."""
    assert joins(letter) is expected


PIECES = [
    TOKEN,
    "ADDRESS_0123456789",
    "EMAIL",
    "ADDRESS",
    "_",
    " ",
    "\\",
    "-",
    "\n",
    "7f3a",
    "9c2e41",
    "x",
    "e",
    "E",
    "你",
]


@given(
    st.lists(st.sampled_from(PIECES), max_size=10), st.sampled_from([str, str.lower, str.title]), st.data()
)
def test_whatever_follows_what_is_before_the_hold_stays(
    pieces: list[str], case: Callable[[str], str], data: st.DataObject
) -> None:
    """A text read in two parts, the second from the hold on with one character before it, shows the same tokens."""
    known = tokens(TOKEN, "ADDRESS_0123456789")
    text = case("".join(pieces))
    cut = data.draw(st.integers(0, len(text)))
    hold = known.hold(text[:cut], 0)
    before = [each for each in known.find(text[:cut], 0) if each[1] <= hold]
    back = max(0, hold - 1)
    after = [(a + back, b + back, token) for a, b, token in known.find(text[back:], hold - back)]

    whole = list(known.find(text, 0))

    crossing = [each for each in whole if each[0] < hold < each[1]]
    assert all(each in list(known.find(text[:cut], 0)) for each in crossing)
    if not crossing:
        assert before + after == whole


def test_prose_is_not_held() -> None:
    """Only what may become a token waits, and in small letters only at the beginning of a word."""
    known = tokens()

    assert known.hold("we are free to see the sea", 0) == 26
    assert known.hold("write to e", 0) == 9
    assert known.hold("write to email", 0) == 9
    assert known.hold("the", 0) == 3
    assert known.hold("EMAIL ADDRESS 7", 0) == 0
    assert known.hold("EMAIL ADDRESS 8", 0) == 15
    assert Tokens().hold("EMAIL", 0) == 5
