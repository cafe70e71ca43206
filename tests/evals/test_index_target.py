"""An index as a target: what is searched for, and what comes back."""

from __future__ import annotations

import pytest

from evals.index_target import IndexTarget, asked
from evals.types import Case, Hit
from tests.evals.test_target import Shelf

QUESTION = Case("c", "h", question="When?")


async def test_hits_are_the_output() -> None:
    """Ranked from 1 with their places; no text, no verdict, no tokens."""
    output = await IndexTarget(Shelf(), "shelf@1", 2).ask(QUESTION)

    assert output.hits == (Hit("hours", 0.9, "Opens\nat 9.", 1, 3, 15), Hit("fees", 0.5, "Free.", 2))
    assert (output.text, output.verdict, output.usage, output.error) == ("", None, None, "")


@pytest.mark.parametrize(
    ("case", "question"),
    [
        (QUESTION, "When?"),
        (
            Case(
                "c",
                "h",
                messages=(
                    {"role": "user", "content": "First"},
                    {"role": "user", "content": "Last"},
                    {"role": "assistant", "content": "No"},
                ),
            ),
            "Last",
        ),
        (Case("c", "h", messages=({"role": "user", "content": [{"type": "image_url"}]},)), None),
        (Case("c", "h", turns=("One", "Two")), None),
    ],
)
async def test_a_case_without_a_question_is_an_error(case: Case, question: str | None) -> None:
    """A chat asks what its user said last; pictures and scenarios ask nothing that can be searched for."""
    assert asked(case) == question
    output = await IndexTarget(Shelf(), "shelf@1", 2).ask(case)
    assert bool(output.error) == (question is None) == (output.hits is None)


def test_the_index_and_the_depth_are_the_identity() -> None:
    """Another build, or more hits, is another target."""
    refs = [IndexTarget(Shelf(), *told).ref for told in (("a@1", 2), ("a@2", 2), ("a@1", 3))]

    assert len({ref.signature for ref in refs}) == 3
    assert (refs[0].kind, refs[0].index) == ("index", "a@1")
