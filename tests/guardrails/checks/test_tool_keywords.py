"""Each keyword asks what the standard says, and every walk ends."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from guardrails.checks.tool_json import ROOT, Place
from guardrails.checks.tool_keywords import KEYWORDS, MAX_DEPTH, MAX_STEPS, TooMuch, Walk, kind_of
from guardrails.checks.tool_schema import Schema
from tests.cost import metered

BIG = Decimal("9" * 10_000)


@pytest.mark.parametrize(
    ("schema", "value", "where"),
    [
        ({"properties": {"a": {"items": {"type": "string"}}}}, {"a": ["x", 5]}, ((ROOT, "a"), 1)),
        ({"additionalProperties": False, "properties": {"a": {}}}, {"a": 1, "b": 2}, (ROOT, "b")),
        ({"propertyNames": {"maxLength": 1}}, {"a": 1, "bc": 2}, (ROOT, "bc")),
        ({"required": ["a"]}, {}, ROOT),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 5, ROOT),
        ({"items": [{"type": "string"}], "additionalItems": False}, ["x", 1], (ROOT, 1)),
        ({"dependencies": {"a": ["b"], "c": {"required": ["d"]}}}, {"c": 1}, ROOT),
        ({"type": "integer", "maximum": 5}, BIG, ROOT),
        ({"multipleOf": 0.1}, 0.3, None),
        ({"multipleOf": 3}, 10**30, ROOT),
        ({"type": "integer"}, 1.0, None),
        ({"type": ["integer", "null"]}, Decimal("1E+400"), None),
        ({"enum": [1, "a", {"b": [True]}]}, {"b": [1]}, ROOT),
        ({"uniqueItems": True}, [1, True, "1", [1], 0], None),
        ({"uniqueItems": True}, [{"a": 1, "b": 2}, {"b": 2, "a": 1}], ROOT),
        (False, 1, ROOT),
    ],
)
def test_a_fault_is_told_with_its_place(schema: Any, value: Any, where: Place | None) -> None:
    """The place is that of the value that breaks the schema; numbers of any size are compared exactly."""
    assert Schema(schema).fault(value) == where


def test_types_are_those_of_json() -> None:
    """`true` is no number."""
    kinds = [kind_of(each) for each in (True, 1, 0.5, BIG, "", [], {}, None, object())]
    assert kinds == ["boolean", "number", "number", "number", "string", "array", "object", "null", "unknown"]


def _doubling(levels: int) -> dict[str, Any]:
    """A schema of which each level asks the next one twice."""
    made: dict[str, Any] = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/d0", "$defs": {**made, f"d{levels}": False}}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"$ref": "#"}, {}),
        ({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}, 1),
        (_doubling(30), 1),
        ({"not": {"not": {"$ref": "#"}}}, 1),
        ({"items": {"allOf": [{"type": "integer"}] * 50}}, [1] * 10_000),
        ({"anyOf": [{"pattern": f"a{{{n}}}b"} for n in range(1, 190)]}, "a" * 1_000_000),
        ({"items": {"not": {"enum": [{"a": [n] * 60} for n in range(150)]}}}, [{"a": [-1] * 60}] * 5000),
        ({"allOf": [{"patternProperties": {"^x": True}}] * 500}, {f"k{n}": 1 for n in range(20_000)}),
        ({"allOf": [{"uniqueItems": True}] * 1000}, [{"a": n} for n in range(20_000)]),
    ],
    ids=range(9),
)
def test_no_schema_takes_long(schema: Any, value: Any) -> None:
    """Recursion, nests and long values end in TooMuch, soon."""
    ready = Schema(schema)
    with metered() as spent, pytest.raises(TooMuch):
        ready.fault(value)
    assert spent.seconds < 3


def test_a_recursive_schema_follows_the_value() -> None:
    """Recursion that goes down in the value is fine as far as the depth that is allowed."""
    schema = {"properties": {"next": {"$ref": "#"}, "n": {"type": "integer"}}, "additionalProperties": False}
    deep: dict[str, Any] = {"n": "no"}
    for _ in range(20):
        deep = {"next": deep}
    place = Schema(schema).fault(deep)
    assert place is not None
    assert place[1] == "n"


def test_steps_are_counted() -> None:
    """A walk says when it has taken too many."""
    walk = Walk({}, {})
    walk.spend(MAX_STEPS)
    with pytest.raises(TooMuch):
        walk.spend(1)
    assert MAX_DEPTH < 100
    assert "$ref" in KEYWORDS
