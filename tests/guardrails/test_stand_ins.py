"""Values in place of masks: every one is found again as what it stands for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.checks.pii import pii
from guardrails.stand_ins import VALUES, fill
from guardrails.types import Segment, Stage

_MODELLED = {"PERSON", "LOCATION", "ADDRESS", "ORGANIZATION"}
_CONTEXT = {
    "ABA_ROUTING_NUMBER": "routing number ",
    "CA_SIN": "SIN ",
    "IN_AADHAAR": "Aadhaar ",
    "IN_PAN": "PAN ",
    "PL_PESEL": "PESEL ",
    "UK_NHS": "NHS number ",
    "UK_NINO": "national insurance number ",
    "US_ITIN": "ITIN ",
    "DE_TAX_ID": "Steuer-ID ",
    "US_SSN": "SSN ",
    "FR_NIR": "NIR ",
    "ES_NIF": "NIF ",
    "BR_CPF": "CPF ",
}


@pytest.mark.parametrize("entity", sorted(VALUES.keys() - _MODELLED))
async def test_a_stand_in_is_found_as_what_it_stands_for(entity: str) -> None:
    """In a text that names its kind, where the kind asks for that."""
    text = f"My {_CONTEXT.get(entity, '')}[{entity}] is here."
    filled = fill(text).text
    check = pii(entities=[entity])
    ((found,),) = await check([Segment(filled, "", Stage.INPUT)])
    assert filled[found.start : found.end] == VALUES[entity]


def test_masks_of_both_kinds_are_filled_and_those_without_a_value_counted() -> None:
    """A redaction, a pseudonym, and a kind of secret that has no stand-in."""
    filled = fill("[EMAIL_ADDRESS] or EMAIL_ADDRESS_0123456789, not [AWS_ACCESS_KEY] [x] [A]")
    address = VALUES["EMAIL_ADDRESS"]
    assert filled.text == f"{address} or {address}, not [AWS_ACCESS_KEY] [x] [A]"
    assert filled.left == {"AWS_ACCESS_KEY": 1}


@given(st.text(alphabet=st.characters(exclude_characters="[_"), max_size=200))
def test_a_text_without_masks_is_left_alone(text: str) -> None:
    """Only what looks like a mask is touched."""
    assert fill(text).text == text
