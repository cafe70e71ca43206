"""Fields of forms that judge `documents.agent()`."""

from __future__ import annotations

from proxy.review.judging import missed_field
from proxy.store.reviews import Place
from tests.proxy.review import documents

PLACE = Place(
    "input", "/messages/1/content", "", documents.ASK.index("order NW"), documents.ASK.index("order NW") + 14
)
"""A place that no rule found."""


def missed(entity: str, place: Place = PLACE) -> str:
    """The field that marks a place."""
    return missed_field(place, entity)
