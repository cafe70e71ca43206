"""What was typed is told from what a page put into a form."""

from __future__ import annotations

import pytest

from proxy.review.typed import typed
from proxy.store.reviews import Place
from tests.proxy.review.judged_forms import missed


def test_everything_that_a_reviewer_says_is_kept() -> None:
    """Texts with their names, verdicts with what they are of, tags, and marked places in words."""
    found = typed(
        [
            ("token", "t"), ("claim", "c"), ("verdict", "fail"), ("finding.0", "false_positive"), ("finding.x", "unsure"),
            ("tags", "tool"), ("tags", "safety"), ("note", "all of\nit"), ("missed_text", "Ada"), ("missed_entity", "PERSON"),
            ("missed", missed("PERSON", Place("input", "/messages/0", "", 3, 9))), ("missed", "odd"), ("text", " "),
        ]
    )  # fmt: skip

    assert found.texts == (("Note", "all of\nit"), ("Missed text, PERSON", "Ada"))
    assert found.chosen == (("", "fail"), ("#1", "false_positive"), ("", "unsure"))
    assert found.tags == ("tool", "safety")
    assert found.missed == ("PERSON in the input, /messages/0, characters 3 to 9", "odd")


@pytest.mark.parametrize(
    "name", ["token", "claim", "password", "new", "key", "then", "filter", "missed_entity"]
)
def test_secrets_and_what_the_page_put_there_are_not_shown(name: str) -> None:
    """Nor is a field that was left empty."""
    assert not typed([(name, "x"), ("note", ""), ("verdict", "")])
