"""promptfoo's assertions in the words of golden items."""

from __future__ import annotations

from typing import Any

import pytest

from evals.errors import GoldenError
from evals.importing.asserts import apply, from_cell, rendered
from evals.importing.drafts import Draft, Notes
from evals.importing.records import Record


def applied(*asserts: Any, **variables: Any) -> tuple[Draft, list[str]]:
    """What assertions make of an empty draft, and the notes."""
    draft, notes = Draft(Record({}, 1, "f.yaml", 2), {"question": "q"}), Notes()
    apply(asserts, draft, variables, notes)
    return draft, notes.told()


def told(kind: str, value: Any = None) -> dict[str, Any]:
    """An assertion."""
    return {"type": kind} | ({} if value is None else {"value": value})


@pytest.mark.parametrize(
    ("asserts", "expected"),
    [
        ([told("equals", "Paris")], {"answer": "Paris"}),
        ([told("equals", {"b": 1, "a": 2})], {"answer": '{"a":2,"b":1}'}),
        ([told("equals", 42)], {"answer": "42"}),
        ([told("icontains", "paris")], {"answer": "paris"}),
        ([told("icontains-any", ["Paris", "Lutetia"])], {"answer": "Paris", "aliases": ["Lutetia"]}),
        ([told("icontains-all", ["Paris"])], {"answer": "Paris"}),
        ([told("similar", ["a", "b"])], {"answer": "a", "aliases": ["b"]}),
        ([told("factuality", "Paris is it")], {"answer": "Paris is it"}),
        ([told("icontains", "x"), told("equals", "y")], {"answer": "y"}),
        ([told("equals", "{{answer}} it is")], {"answer": "Paris it is"}),
        ([told("is-refusal")], {"refusal": True}),
        ([told("not-is-refusal")], {"refusal": False}),
        ([{"type": "assert-set", "assert": [told("equals", "a")]}], {"answer": "a"}),
    ],
)
def test_what_items_can_say_is_expected(asserts: list[Any], expected: dict[str, Any]) -> None:
    """References are answers, parts that any will do are aliases, refusals are refusals."""
    assert applied(*asserts, answer="Paris")[0].expected == expected


@pytest.mark.parametrize("kind", ["llm-rubric", "g-eval", "model-graded-closedqa"])
def test_what_needs_a_judge_is_kept_in_words(kind: str) -> None:
    """And said."""
    draft, notes = applied(told(kind, "polite about {{city}}"), city="Rome")

    assert (draft.expected, draft.criteria) == ({}, ["polite about Rome"])
    assert notes == [f"`{kind}` needs a judge: kept under `criteria`, no scorer reads it (row 1)"]


@pytest.mark.parametrize(
    ("told_", "note"),
    [
        (told("javascript", "output.length < 5"), "`javascript` is code"),
        (told("python", "file://check.py"), "`python` is code"),
        (told("webhook", "https://x.example"), "`webhook` is code or stands elsewhere"),
        (told("equals", "file://answer.js"), "`equals` is code"),
        (told("is-json"), "`is-json` has no counterpart"),
        (told("not-contains", "x"), "`not-contains` has no counterpart"),
        (told("icontains-all", ["a", "b"]), "`icontains-all` has no counterpart"),
        (told("regex", "a+"), "`regex` has no counterpart"),
        (told("latency"), "`latency` has no counterpart"),
        (told("invented", "x"), "`invented` has no counterpart"),
        (told("equals", "{{unknown}}"), "`equals` has no counterpart"),
        (told("equals"), "`equals` has no counterpart"),
        ({"type": "assert-set", "threshold": 0.5, "assert": []}, "`assert-set` with a threshold"),
        ({"$ref": "#/assertionTemplates/x"}, "an assertion by `$ref` names no template"),
    ],
)
def test_what_items_cannot_say_is_noted(told_: Any, note: str) -> None:
    """Never dropped in silence, and no code is run."""
    draft, notes = applied(told_)

    assert (draft.expected, draft.criteria) == ({}, [])
    assert len(notes) == 1
    assert notes[0].startswith(note)


def test_a_second_part_that_must_be_there_is_noted() -> None:
    """An item expects one thing; a difference of case is said as well."""
    draft, notes = applied(told("contains", "82"), told("contains", "117"), told("contains", "82"))

    assert draft.expected == {"answer": "82"}
    assert notes == [
        "`contains` minds upper and lower case, the scorer `contains` does not (row 1)",
        "`contains` beside a stronger assertion or another of its kind, not imported (row 1)",
    ]


@pytest.mark.parametrize("broken", ["equals", {}, {"type": 3}, None])
def test_what_is_no_assertion_is_an_error(broken: Any) -> None:
    """With row and field."""
    with pytest.raises(GoldenError, match=r"f.yaml:2: assert: an assertion has no type \(row 1\)"):
        applied(broken)


@pytest.mark.parametrize(
    ("cell", "assertion"),
    [
        ("Paris", told("equals", "Paris")),
        ("Note: it is Paris", told("equals", "Note: it is Paris")),
        ("equals:Paris", told("equals", "Paris")),
        ("contains: Paris: the city", told("contains", "Paris: the city")),
        ("icontains-any: a, b", told("icontains-any", ["a", "b"])),
        ("similar(0.9):Hello", told("similar", "Hello")),
        ("not-contains:x", told("not-contains", "x")),
        ("is-json", {"type": "is-json", "value": None}),
        ("grade:polite", told("llm-rubric", "polite")),
        ("fn:return true", told("javascript", "return true")),
        ("file://check.py:get", told("python", "file://check.py:get")),
        ("file://check.js", told("javascript", "file://check.js")),
    ],
)
def test_cells_say_assertions_in_short(cell: str, assertion: dict[str, Any]) -> None:
    """`type:value`, or a text that is to be equalled."""
    assert from_cell(cell) == assertion


def test_only_plain_names_are_filled_in() -> None:
    """Filters, objects and unknown names stay as they are."""
    known = {"a": "x", "n": 3, "o": {"k": 1}, "t": True}

    assert (
        rendered("{{a}} {{ n }} {{o}} {{t}} {{a|upper}} {{z}}", known) == "x 3 {{o}} {{t}} {{a|upper}} {{z}}"
    )
    assert rendered(["{{a}}", 5], known) == ["x", 5]
