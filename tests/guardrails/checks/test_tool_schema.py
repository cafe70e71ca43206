"""Our reading of JSON Schema agrees with the reference wherever it answers at all, and refuses the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from guardrails.checks.tool_json import read
from guardrails.checks.tool_schema import MAX_NODES, MAX_PATTERN, Schema, SchemaError

NAMES = st.sampled_from(["a", "b", "ab", "x1"])
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.5, 2.5]) | NAMES
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
SMALL = st.integers(0, 3)
TYPES = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])
PATTERNS = st.sampled_from(["^a", "b$", "[0-9]", "^(a|b)+$", "x"])
LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
    "enum": st.lists(VALUES, max_size=3),
    "const": VALUES,
    **dict.fromkeys(
        ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"), SMALL
    ),
    **{name: st.integers(-2, 2) for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")},
    "multipleOf": st.sampled_from([1, 2, 0.5]),
    "pattern": PATTERNS,
    "required": st.lists(NAMES, max_size=2, unique=True),
    "uniqueItems": st.booleans(),
    "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=2, unique=True), max_size=2),
    "format": st.just("email"),
    "title": st.just("anything"),
}


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            **LEAVES,
            **dict.fromkeys(
                ("additionalProperties", "items", "not", "if", "then", "else", "propertyNames"), inner
            ),
            **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), several),
            **dict.fromkeys(("properties", "dependentSchemas"), st.dictionaries(NAMES, inner, max_size=3)),
            "patternProperties": st.dictionaries(PATTERNS, inner, max_size=2),
            "contains": inner,
            "minContains": st.integers(1, 2),
            "maxContains": st.integers(1, 3),
        },
    )


SCHEMAS = st.recursive(st.booleans() | st.fixed_dictionaries({}, optional=LEAVES), _nested, max_leaves=6)


@settings(max_examples=150)
@given(SCHEMAS, VALUES)
def test_it_agrees_with_the_reference(schema: Any, value: Any) -> None:
    """The same values are valid, whatever keywords stand together."""
    ours = Schema(schema).fault(read(json.dumps(value)).value)
    assert (ours is None) == Draft202012Validator(schema).is_valid(value)


@given(SCHEMAS, VALUES)
def test_references_inside_the_document_are_followed(schema: Any, value: Any) -> None:
    """By name, with escapes, and through the whole document."""
    whole = {"properties": {"p": {"$ref": "#/$defs/a~1b%20c"}}, "$defs": {"a/b c": schema}}
    ours = Schema(whole).fault({"p": value})
    assert (ours is None) == Draft202012Validator(whole).is_valid({"p": value})


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$ref": "https://example.com/schema.json"}, "/$ref must lead into the schema itself"),
        ({"$ref": "file:///etc/passwd"}, "/$ref must lead into the schema itself"),
        ({"$ref": "#anchor"}, "/$ref must lead into the schema itself"),
        ({"$ref": 5}, "/$ref must lead into the schema itself"),
        ({"$ref": "#/$defs/gone"}, "/$ref leads nowhere"),
        ({"$ref": "#/allOf/7", "allOf": [True]}, "/$ref leads nowhere"),
        ({"$dynamicRef": "#x"}, "/$dynamicRef is not supported"),
        (
            {"properties": {"a": {"unevaluatedProperties": False}}},
            "/properties/a/unevaluatedProperties is not",
        ),
        ({"pattern": "(?<=a)b"}, "/pattern is no regular expression that RE2 can run"),
        ({"pattern": "(a)\\1"}, "/pattern is no regular expression"),
        ({"pattern": "\ud800"}, "/pattern is no regular expression"),
        ({"pattern": "\\p{L}{1000}" * 50}, "/pattern is no regular expression"),
        ({"pattern": "a" * (MAX_PATTERN + 1)}, "/pattern must be a regular expression of at most"),
        ({"patternProperties": {"(": {}}}, "/patternProperties is no regular expression"),
        ({"patternProperties": {f"a{n}": True for n in range(300)}}, "more than 200 patterns"),
        ({"enum": [[0] * 100]}, "/enum must be a list of values with at most 64 inside"),
        ({"const": {"a": [0] * 100}}, "/const must be a value with at most 64 inside"),
        ({"enum": list(range(MAX_NODES + 1))}, "more than 10000 values"),
        ({"exclusiveMinimum": True}, "/exclusiveMinimum must be a number"),
        ({"multipleOf": 0}, "/multipleOf must be a number above 0"),
        ({"minLength": "1"}, "/minLength must be a whole number"),
        ({"maximum": float("nan")}, "/maximum must be a number"),
        ({"type": ["string", []]}, "/type must be one of"),
        ({"required": "a"}, "/required must be a list of names"),
        ({"allOf": {}}, "/allOf must be a list of schemas"),
        ({"properties": []}, "/properties must be a mapping"),
        ({"properties": {"a": 5}}, "/properties/a must be a mapping, true or false"),
        ({"items": "string"}, "/items must be a mapping, true or false"),
        ({"dependencies": {"a": 1}}, "/dependencies must be a mapping"),
        ({"dependentRequired": {"a": "b"}}, "/dependentRequired must be a mapping"),
        (None, "the schema must be a mapping, true or false"),
        ([], "the schema must be a mapping, true or false"),
    ],
    ids=lambda each: each[:24] if isinstance(each, str) else "",
)
def test_what_cannot_be_checked_is_refused(schema: Any, message: str) -> None:
    """Nothing is fetched, nothing is guessed, and the message says where."""
    with pytest.raises(SchemaError) as caught:
        Schema(schema)
    assert message in str(caught.value)


def test_a_deep_or_endless_schema_is_refused() -> None:
    """Also one that holds itself, as YAML can write it."""
    deep: Any = True
    for _ in range(5000):
        deep = {"not": deep}
    endless: dict[str, Any] = {}
    endless["not"] = endless
    for schema in (deep, endless):
        with pytest.raises(SchemaError, match="inside one another"):
            Schema(schema)


@given(
    st.recursive(
        SCALARS,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*LEAVES, "items", "anyOf", "properties", "$ref", "if"]), inner, max_size=4
            )
        ),
        max_leaves=10,
    )
)
def test_any_json_is_read_or_refused(schema: Any) -> None:
    """A request may send anything as a schema."""
    try:
        Schema(schema).fault({"a": ["b", 1]})
    except SchemaError:
        pass
