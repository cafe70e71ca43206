"""How the scripted model reads passages."""

import pytest

from proxy.providers.fake_reader import UNKNOWN, Passage, answerable, careful, careless, rank, stem

PASSAGES = [
    Passage("hire-rates", "A tile saw costs $42 a day. The tile saw comes with one blade. Blades wear."),
    Passage("hire-hours", "The shop in Leeds opens at 9:00. Saws go back by noon."),
]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What does the tile saw cost?", "A tile saw costs $42 a day. [hire-rates]"),
        ("When does the Leeds shop open?", "The shop in Leeds opens at 9:00. [hire-hours]"),
        ("When does the York shop open?", UNKNOWN),
        ("What horsepower has the tile saw?", UNKNOWN),
        ("Who won the chess game?", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_a_careful_answer_is_a_sentence_or_a_doubt(question: str, answer: str) -> None:
    """The fitting sentence with its document; unknown when a name, or the thing asked for, is not there."""
    assert careful(PASSAGES, question) == answer


def test_a_second_sentence_covers_what_the_first_leaves_out() -> None:
    """Each with its document."""
    said = careful(PASSAGES, "What does the tile saw cost, and when does the shop open?")
    assert said == "A tile saw costs $42 a day. [hire-rates] The shop in Leeds opens at 9:00. [hire-hours]"


def test_a_rare_word_weighs_more_than_a_common_one() -> None:
    """`noon` is in one sentence, `saw` in three."""
    assert rank(PASSAGES, "saw noon")[0].text == "Saws go back by noon."


def test_the_kind_of_value_asked_for_decides_between_like_sentences() -> None:
    """Both tell of the tile saw; one of them has a price."""
    passage = [Passage("x", "The tile saw comes with one blade. The tile saw is $42 a day.")]
    assert rank(passage, "How much is the tile saw?")[0].text == "The tile saw is $42 a day."


def test_a_weekday_needs_no_passage() -> None:
    """It is no name that a passage would have to know."""
    assert answerable(PASSAGES, "I come on Tuesday. When does the shop open?")


def test_the_careless_never_doubt() -> None:
    """Not even without a passage."""
    assert UNKNOWN not in careless([], "Who won the chess game?")


def test_words_are_compared_without_endings() -> None:
    """Refund, refunds, refunded and refunding are one; so are rent and renting, fee and fees, stop and stopped."""
    assert {stem(word) for word in ("refund", "refunds", "refunded", "refunding")} == {"refund"}
    assert (
        stem("renting") == stem("rents") and stem("stopped") == stem("stop") and stem("ties") == stem("tie")
    )
