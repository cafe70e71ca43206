"""Which passages the encoder reads."""

from __future__ import annotations

import itertools
import json

from hypothesis import given
from hypothesis import strategies as st

from guardrails.checks.grounding_features import Reference
from guardrails.checks.grounding_t1_reading import JOINED, LONGEST, WORDS, choose, passages
from guardrails.checks.grounding_text import claims

texts = st.lists(
    st.text(alphabet=st.sampled_from('ab é.\n,{}":1东 '), max_size=80).map(lambda text: text * 12), max_size=4
)


@given(texts)
def test_every_letter_of_prose_stands_in_one_passage(context: list[str]) -> None:
    """Passages reproduce their text, follow one another, and leave out nothing but white space."""
    found = passages(Reference(context, ""), context)

    for document, text in enumerate(context):
        own = [passage for passage in found if passage.document == document]
        assert all(passage.text == text[passage.start : passage.end] for passage in own)
        assert all(passage.end - passage.start <= LONGEST for passage in own)
        covered = "".join(passage.text for passage in own)
        assert "".join(covered.split()) == "".join(text.split())
        assert all(a.end <= b.start for a, b in itertools.pairwise(own))


def test_members_of_a_record_are_joined_and_keys_are_words() -> None:
    """Short members share a passage; the encoder reads words, not punctuation."""
    context = [json.dumps({"OutdoorSeating": False, "review": "Great soup. " * 30})]
    found = passages(Reference(context, ""), context)

    assert found[0].text.startswith("Outdoor Seating false")
    assert not set('{}"_') & set("".join(passage.text for passage in found))
    assert found[0].end <= found[1].start
    assert sum(passage.size for passage in found[:1]) <= JOINED + 2


FILLER = [f"The {word} committee met in the old hall and went home late." for word in ("red", "blue")] * 60


def test_a_short_context_is_read_whole_and_a_long_one_by_its_claims() -> None:
    """Each claim gets the passage with its rare words, wherever it stands; the rest is bounded by words."""
    context = [" ".join([*FILLER, "Ingrid Dahl changed the vault code.", *FILLER, "Oslo has nine piers."])]
    found = passages(Reference(context, ""), context)
    chosen = choose(found, claims("Ingrid Dahl forgot it. Oslo has piers."))
    read = [found[index].text for index in chosen]

    assert choose(found[:3], claims("Oslo.")) == [0, 1, 2]
    assert {"Ingrid Dahl changed the vault code.", "Oslo has nine piers."} <= set(read)
    assert sum(found[index].size for index in chosen) <= WORDS
    assert chosen == sorted(set(chosen))


def test_a_claim_without_a_known_word_still_has_something_to_stand_beside() -> None:
    """The first passage, where none is better."""
    found = passages(Reference(FILLER, ""), FILLER)

    assert choose(found, claims("Zebras gallop.")) == [0]
    assert choose([], claims("Zebras gallop.")) == []
