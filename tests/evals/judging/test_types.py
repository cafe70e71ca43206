"""A rubric's fields are the places in its text, each once, in order."""

from __future__ import annotations

from evals.judging.types import Rubric


def test_fields_are_the_places_in_order() -> None:
    rubric = Rubric(
        "r", "1", "You judge.", "{answer} against {context}, {answer} again, {{not}} one", {"yes": 1.0}
    )

    assert rubric.fields == ("answer", "context")
