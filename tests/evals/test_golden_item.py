"""The form of a golden item: typos and contradictions are told with the field."""

from __future__ import annotations

from typing import Any

import pytest

from evals.errors import GoldenError
from evals.golden import case, check_item, item_sha256
from tests.evals.conftest import item

TOOLS = [{"type": "function", "function": {"name": "search"}}]
SCENARIO = {
    "turns": ["Book a table.", "For two."],
    "tools": TOOLS,
    "script": [
        {"tool": "search", "result": "none", "arguments": {"day": "Monday"}},
        {"tool": "search", "result": {"free": [1, 2]}},
    ],
}


def place(**fields: Any) -> dict[str, Any]:
    """An item with one relevant passage."""
    return {"relevant": [{"doc_id": "d", **fields}]}


def test_a_scenario_becomes_a_case_with_its_script() -> None:
    """Results that are JSON are given to the model as canonical text."""
    made = case(item("a", input=SCENARIO, split="dev", weight=2))

    assert (made.turns, made.question, made.split, made.weight) == (
        ("Book a table.", "For two."),
        None,
        "dev",
        2.0,
    )
    assert [(each.tool, each.result, each.arguments) for each in made.script] == [
        ("search", "none", {"day": "Monday"}),
        ("search", '{"free":[1,2]}', None),
    ]


def test_a_passage_tells_its_place_and_hashes() -> None:
    """A span, a quote, the hash of a quote and of its document."""
    [passage] = case(item("a", **place(start=3, end=9, quote_sha256="a" * 64, doc_sha256="b" * 64))).relevant

    assert (passage.start, passage.end, passage.quote) == (3, 9, "")
    assert (passage.quote_sha256, passage.doc_sha256) == ("a" * 64, "b" * 64)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"input": {"question": "q", "turns": ["t"]}}, "input: .*give one of"),
        ({"input": {"turns": []}}, r"input\.turns"),
        ({"input": {"turns": [" "]}}, r"turns\[0\] is empty"),
        ({"input": {"question": "q", "script": [{"tool": "t", "result": 1}]}}, "`script` goes with `turns`"),
        (
            {"input": SCENARIO | {"script": [{"tool": "serch", "result": 1}]}},
            r"script\[0\] answers for 'serch'",
        ),
        ({"input": SCENARIO | {"script": [{"tool": "search"}]}}, r"input\.script\.0\.result"),
        ({"input": SCENARIO | {"script": [{"tool": "search", "result": 1, "args": {}}]}}, r"script\.0\.args"),
        (place(start=1), "give `start` and `end`, or neither"),
        (place(start=5, end=5), "`end` 5 is not after `start` 5"),
        (place(start=-1, end=5), r"relevant\.0\.start"),
        (place(quote_sha256="abc"), r"relevant\.0\.quote_sha256"),
        (place(doc_sha256="A" * 64), r"relevant\.0\.doc_sha256"),
        ({"label": "ada"}, "label"),
        ({"label": {"kind": "guess"}}, r"label\.kind"),
        ({"label": {"at": "yesterday"}}, r"label\.at"),
        ({"label": {"adjudicated": "yes"}}, r"label\.adjudicated"),
        ({"weight": 0}, "weight"),
        ({"weight": "2"}, "weight"),
        ({"split": "my split"}, "split"),
        ({"quarantine": {"owner": "o", "until": "2026-12-01"}}, "goes with status `quarantined`"),
        ({"status": "quarantined", "quarantine": {"until": "2026-12-01"}}, r"quarantine\.owner"),
        (
            {"status": "quarantined", "quarantine": {"owner": "o", "until": "2026-13-01"}},
            r"quarantine\.until",
        ),
        ({"status": "quarantined", "quarantine": {"owner": "o", "until": "20261201"}}, r"quarantine\.until"),
        ({"status": "out"}, "status"),
        ({"note": "\ud800"}, "surrogate"),
    ],
)
def test_what_does_not_fit_is_named(fields: dict[str, Any], says: str) -> None:
    """With file, line and field."""
    with pytest.raises(GoldenError, match=rf"(?s)items:7: .*{says}"):
        check_item(item("a", **fields), "items", 7)


def test_fields_that_only_people_read_are_kept() -> None:
    """At the top, in the label and in the provenance."""
    given = item("a", note="n", label={"by": "b", "policy": "v2"}, provenance={"trace": "t", "proxy": "p"})

    assert check_item(given, "items", 1) == given


def test_an_item_may_expect_json_of_some_form() -> None:
    """The case has the schema; an item without one keeps the hash that it had."""
    schema = {"type": "object", "required": ["id"]}
    plain = {"answer": "{}"}

    assert case(item("a", expected={"json_schema": schema})).expected.json_schema == schema
    assert case(item("a", expected=plain)).expected.json_schema is None
    assert item_sha256(item("a", expected=plain)) != item_sha256(
        item("a", expected=plain | {"json_schema": schema})
    )


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "thing"}, "/type must be one of"),
        ({"properties": {"a": {"minLength": -1}}}, "/properties/a/minLength must be a whole number"),
        ({"$ref": "https://example.com/schema.json"}, "/\\$ref must lead into the schema itself"),
        ({"pattern": "(a"}, "is no regular expression"),
        ([], "valid dictionary"),
    ],
)
def test_a_schema_that_cannot_be_checked_is_told_with_its_place(schema: Any, says: str) -> None:
    """When the set is read, and not as a score of some later run."""
    with pytest.raises(GoldenError, match=says) as caught:
        check_item(item("a", expected={"json_schema": schema}), "items.jsonl", 3)

    assert caught.value.line == 3
    assert caught.value.field.startswith("expected.json_schema")
