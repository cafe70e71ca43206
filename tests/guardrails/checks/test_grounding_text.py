"""Answers taken apart."""

from __future__ import annotations

import pytest

from guardrails.checks.grounding_text import claims, language, stem_of, take_apart
from tests.cost import metered


def whole(text: str):
    return take_apart(text, 0, 0, len(text))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("It costs 1,250.50 euros.", {1250.5}),
        ("Twelve of thirty came.", {12.0, 30.0}),
        ("5 million people", {5.0, 5e6}),
        ("One of the first ideas", set()),
        ("no digits here", set()),
        ("3.5 out of 5 stars", {3.5}),
    ],
)
def test_numbers_are_read_in_digits_and_words(text: str, numbers: set[float]) -> None:
    """Digits, number words and scales are values; "one" and "first" mostly are not numbers."""
    assert whole(text).numbers == numbers


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("5 pm", {1020}),
        ("5:30 PM", {1050}),
        ("17:30", {1050}),
        ("12 a.m.", {0}),
        ("Noon to midnight", {0, 720}),
    ],
)
def test_times_of_day_are_minutes_after_midnight(text: str, minutes: set[int]) -> None:
    """One time in two notations is one value."""
    assert whole(text).times == minutes


@pytest.mark.parametrize(
    "pair",
    [
        ("order", "orders"),
        ("return", "returned"),
        ("company", "companies"),
        ("run", "running"),
        ("use", "uses"),
    ],
)
def test_forms_of_a_word_share_a_stem(pair: tuple[str, str]) -> None:
    """Singular and plural, and the forms of regular verbs, are one word."""
    assert stem_of(pair[0]) == stem_of(pair[1])


def test_names_are_capitals_inside_a_sentence() -> None:
    """The capital at the start of a sentence makes no name."""
    assert whole("Yesterday Captain Sinclair sailed.").names == ("captain", "sinclair")


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("1. Open the valve.\n2. Close the valve.", ["1. Open the valve.", "2. Close the valve."]),
        ("Hello! The shop is shut.", ["The shop is shut."]),
        ("I don't know.", []),
        ("I do not know, but the shop is shut.", ["I do not know, but the shop is shut."]),
        ("There is no information about prices.", []),
        ("The valve is red [2].", ["The valve is red [2]."]),
        ("Shall I order it?", []),
    ],
)
def test_only_sentences_that_claim_something_are_kept(answer: str, kept: list[str]) -> None:
    """Greetings, questions and not knowing are left out; ranges are of the whole sentence."""
    assert [answer[piece.start : piece.end] for piece in claims(answer)] == kept


def test_list_marks_and_citations_are_not_numbers() -> None:
    """Neither "2." nor "[3]" nor "passage 4" claims a number."""
    assert [piece.numbers for piece in claims("2. The valve is red [3], says passage 4.")] == [frozenset()]


@pytest.mark.parametrize(
    "unit", ["I am sorry, ", "sorry ", "based on , ", "1", "a'", "but ", "the ", "passages 1, "]
)
def test_a_hostile_answer_takes_linear_time(unit: str) -> None:
    """No pattern backtracks badly on a hundred thousand characters."""
    text = unit * (100_000 // len(unit))
    with metered() as spent:
        claims(text)
    assert spent.seconds < 2.0


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("The refund is paid to the card that was used for the order.", "en"),
        ("Die Erstattung wird auf die Karte gezahlt, mit der die Bestellung bezahlt ist.", "de"),
        ("Le remboursement est versé sur la carte avec laquelle la commande est payée.", "fr"),
        ("El reembolso se paga en la tarjeta con la que se hizo el pedido.", "es"),
        (
            "Il rimborso è versato sulla carta con cui è stato pagato, per gli ordini che non sono spediti.",
            "it",
        ),
        ("O reembolso é pago no cartão que foi usado para o pedido, em até cinco dias.", "pt"),
        ("De terugbetaling wordt op de kaart gestort die bij het bestellen is gebruikt.", "nl"),
        ("Återbetalningen sker till det kort som har använts, och det tar fem dagar.", "sv"),
        ("Norden Cargo, Mallaig, Armadale, Leith", ""),
        ("The refund", ""),
        ("", ""),
    ],
)
def test_a_language_is_told_by_its_small_words(text: str, name: str) -> None:
    """Names alone, and very short texts, have none."""
    assert language(whole(text).words)[0] == name
