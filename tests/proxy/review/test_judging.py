"""A reviewer's form as judgements."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadRequest
from proxy.review.forms import Fields
from proxy.review.judging import Given, judgements, missed_field, placed
from proxy.store.reviews import Place
from tests.proxy.review import documents

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def test_a_form_gives_one_judgement_for_each_thing() -> None:
    """The trace first, with note and tags; then findings; then what was missed."""
    form = Fields(
        [
            ("verdict", "fail"), ("finding.0", "true_positive"), ("finding.12", "unsure"), ("finding.3", ""),
            ("missed", missed_field(Place("input", "/messages/0/content", "/a|b/~1", 3, 9), "person")),
            ("tags", "tool"), ("tags", "safety"), ("tags", "tool"), ("note", " why\r\nnot "), ("then", "next"),
        ]
    )  # fmt: skip
    assert judgements(form) == [
        Given("fail", note="why\nnot", tags=("tool", "safety")),
        Given("true_positive", 0),
        Given("unsure", 12),
        Given("missed", place=Place("input", "/messages/0/content", "/a|b/~1", 3, 9), entity="PERSON"),
    ]


def test_one_finding_alone_can_be_saved() -> None:
    """The button of a row means that row, whatever else is chosen; the note stays for later."""
    form = Fields(
        [
            ("verdict", "pass"),
            ("finding.0", "unsure"),
            ("finding.1", "false_positive"),
            ("note", "n"),
            ("only", "1"),
        ]
    )
    assert judgements(form) == [Given("false_positive", 1)]


@given(st.tuples(TEXT, TEXT, st.integers(0, 9_999_999), st.integers(0, 9_999_999)))
def test_a_missed_place_survives_its_field(given: tuple[str, str, int, int]) -> None:
    """Whatever the names of members are."""
    pointer, within, start, end = given
    place = Place("output", pointer, within, start, end)
    [back] = judgements(Fields([("missed", missed_field(place, "OTHER"))]))
    assert back.place == place


@pytest.mark.parametrize(
    ("pairs", "param"),
    [
        ([], "verdict"),
        ([("verdict", "great")], "verdict"),
        ([("verdict", "withdrawn")], "verdict"),
        ([("finding.x", "unsure")], "finding"),
        ([("finding.1", "missed")], "finding"),
        ([("finding.", "unsure")], "finding"),
        ([("finding.12345678", "unsure")], "finding"),
        ([("only", "4")], "finding"),
        ([("missed", "input|/a||1|2")], "missed"),
        ([("missed", "input|/a||-1|2|X")], "missed"),
        ([("missed", "input|/a||\u0661|2|X")], "missed"),
        ([("missed", "input|/a||1|2|<b>")], "entity"),
        ([("missed", "input|/a||1|2|X")] * 101, "missed"),
        ([("missed_text", "x"), ("missed_entity", "")], "entity"),
        ([("verdict", "pass"), ("tags", "<script>")], "tags"),
        ([("verdict", "pass"), ("note", "n" * 10_001)], "note"),
    ],
)
def test_what_makes_no_sense_is_named(pairs: list[tuple[str, str]], param: str) -> None:
    """The field that is wrong, never a guess."""
    with pytest.raises(BadRequest) as caught:
        judgements(Fields(pairs))
    assert caught.value.param == param


def test_typed_text_is_found_where_it_stands() -> None:
    """Without a script, what was missed is pasted: the first place that has it is meant."""
    trace = documents.agent()
    start = documents.ASK.index("NW-48213")
    found = placed(trace, Given("missed", words="NW-48213", entity="ORDER"))
    assert found.place == Place("input", "/messages/1/content", "", start, start + 8)
    with pytest.raises(BadRequest, match="not in this trace"):
        placed(trace, Given("missed", words="nowhere", entity="ORDER"))


def test_findings_and_places_must_be_there() -> None:
    """An index or a range beyond the end is refused."""
    trace = documents.agent()
    with pytest.raises(BadRequest, match="counted from 0"):
        placed(trace, Given("unsure", 8))
    with pytest.raises(BadRequest, match="characters"):
        placed(trace, Given("missed", place=Place("input", "/messages/1/content", "", 0, 9_999)))
    assert placed(trace, Given("unsure", 7)).finding == 7
