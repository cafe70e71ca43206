"""The features of groundedness."""

from __future__ import annotations

from guardrails.checks.grounding_features import (
    ANSWER_FEATURES,
    SENTENCE_FEATURES,
    Reference,
    answer_features,
    sentence_features,
)
from guardrails.checks.grounding_text import claims

CONTEXT = ["The crossing takes 45 minutes. Dogs travel free.", "Captain Sinclair has sailed since 2011."]


def features(answer: str, question: str = "") -> dict[str, float]:
    """Features of a one-sentence answer by name."""
    (piece,) = claims(answer)
    row = sentence_features(Reference(CONTEXT, question), piece, answer[piece.start : piece.end])
    return dict(zip(SENTENCE_FEATURES, row, strict=True))


def test_a_copied_sentence_has_no_mark_but_its_length() -> None:
    """Everything but length is 0 when a sentence repeats its context."""
    found = features("The crossing takes 45 minutes.")

    assert {name for name, value in found.items() if value} == {"length"}


def test_each_damage_shows_in_its_own_feature() -> None:
    """A new number, a number from elsewhere, a name from elsewhere, a negation: each has a feature."""
    assert features("The crossing takes 25 minutes.")["unseen_numbers"] == 1
    assert features("The crossing takes 2011 minutes.")["misplaced_numbers"] == 1
    assert features("Dogs travel free with Sinclair.")["misplaced_names"] == 1
    assert features("Dogs do not travel free.")["negation"] == 1
    assert features("Seals sing under cold moonlight.")["novel_share"] == 1
    assert features("The crossing takes 25 minutes.")["altered_value"] == 1


def test_words_of_the_question_are_not_new_but_are_no_support() -> None:
    """Echoing the question is not invention; the context alone is counted apart."""
    echoed = features("The whales cross.", question="Do whales cross?")

    assert (echoed["novel_share"], echoed["novel_to_context"] > 0) == (0.0, True)


def test_the_best_place_may_span_two_neighbours_of_one_document() -> None:
    """Evidence names the context string and the range; neighbours are joined only inside one string."""
    reference = Reference(CONTEXT, "")
    both = reference.evidence(claims("The crossing takes 45 minutes and dogs travel free.")[0])
    across = reference.evidence(claims("Dogs travel free with Captain Sinclair who sailed.")[0])

    assert both is not None and (both.context, both.start, both.end, both.coverage) == (0, 0, 48, 1.0)
    assert across is not None and across.context in (0, 1) and across.coverage < 1.0
    assert reference.evidence(claims("Seals sing.")[0]) is None


def test_an_answer_has_one_number_a_name() -> None:
    """The rows of the sentences become as many numbers as there are names."""
    pieces = claims("The crossing takes 45 minutes. Seals sing.")
    reference = Reference(CONTEXT, "")
    rows = [sentence_features(reference, piece, "") for piece in pieces]

    assert len(answer_features(pieces, rows)) == len(ANSWER_FEATURES)
