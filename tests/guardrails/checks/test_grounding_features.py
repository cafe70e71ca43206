"""The features of groundedness."""

from __future__ import annotations

from guardrails.checks.grounding_features import (
    ANSWER_FEATURES,
    SENTENCE_FEATURES,
    Reference,
    answer_features,
    claim_rows,
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
    rows = claim_rows(reference, "The crossing takes 45 minutes. Seals sing.", pieces)

    assert len(answer_features(pieces, rows)) == len(ANSWER_FEATURES)


def test_other_forms_of_known_words_are_not_quite_new() -> None:
    """They count as new words, but not as strange ones."""
    found = features("The minutest captaincy crosses.")
    strange = features("Seals sing under cold moonlight.")

    assert found["loose_count"] < found["novel_count"]
    assert found["loose_run"] < strange["loose_run"] and found["loose_clause"] < strange["loose_clause"]


def test_known_words_that_never_stand_together_are_a_sign() -> None:
    """A name, a number and words from different documents make no fact."""
    together = features("Captain Sinclair sailed in 2011.")
    apart = features("Dogs travel with captain Sinclair and sailed free in 2011.")

    assert (together["unpaired"], together["far_names"], together["far_numbers"]) == (0.0, 0.0, 0.0)
    assert apart["unpaired"] > 0 and apart["far_names"] > 0 and apart["far_numbers"] > 0


def test_the_end_of_an_answer_counts_by_itself() -> None:
    """The same sentences with the invented one last weigh more than with it first; a single sentence is its own end."""
    reference = Reference(CONTEXT, "")
    true, invented = "The crossing takes 45 minutes.", "Seals sing under cold moonlight."

    def late(*answer: str) -> float:
        text = " ".join(answer)
        pieces = claims(text)
        rows = claim_rows(reference, text, pieces)
        return dict(zip(ANSWER_FEATURES, answer_features(pieces, rows), strict=True))["novel_share_late"]

    assert (late(true, true, invented), late(invented, true, true), late(invented)) == (1.0, 0.0, 1.0)
    assert features(invented)["late_bigrams"] == 0.0


def test_evidence_in_the_far_end_of_a_context_counts() -> None:
    """However often a name stands elsewhere."""
    filler = "Sinclair waited. " * 500
    reference = Reference([f"{filler}Captain Sinclair has sailed since 2011."], "")
    (piece,) = claims("Since 2011 Captain Sinclair has sailed.")
    row = dict(zip(SENTENCE_FEATURES, sentence_features(reference, piece, ""), strict=True))

    assert (row["far_names"], row["far_numbers"], row["unpaired"]) == (0.0, 0.0, 0.0)
