"""Answers that have to be JSON of some form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.scorer import build
from evals.types import Case, Cause, Expected, Output

SCHEMA = {
    "type": "object",
    "required": ["id", "lines"],
    "properties": {
        "id": {"type": "integer"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sum": {"type": "number"}}}},
    },
    "additionalProperties": False,
}


def case(schema: dict[str, Any] | None = SCHEMA) -> Case:
    """A case that expects JSON."""
    return Case("c", "h", question="q", expected=Expected(json_schema=schema))


@pytest.mark.parametrize(
    ("text", "value", "says"),
    [
        ('{"id": 1, "lines": []}', 1.0, ""),
        (' \n{"id": 1.0, "lines": [{"sum": 2.5}]}\n', 1.0, ""),
        ('{"id": "secret", "lines": []}', 0.0, "/id does not fit the schema"),
        ('{"id": 1, "lines": [{"sum": 1}, {"sum": "secret"}]}', 0.0, "/lines/1/sum does not fit the schema"),
        ('{"lines": []}', 0.0, "does not fit the schema"),
        ("[1]", 0.0, "the answer as a whole does not fit the schema"),
        ("", 0.0, "the answer is empty"),
        (" \n", 0.0, "the answer is empty"),
        ("Sure: {}", 0.0, "the answer is not JSON"),
        ("{'id': 1}", 0.0, "the answer is not JSON"),
        ('{"id": NaN, "lines": []}', 0.0, "the answer is not JSON"),
        ('{"id": 1, "lines": []} trailing', 0.0, "the answer is not JSON"),
        ('{"id": 1, "id": 2, "lines": []}', 0.0, "an object in the answer has two members of one name"),
        ("[" * 100_000, 0.0, "the answer is not JSON"),
        ('```json\n{"id": 1, "lines": []}\n```', 0.0, "the answer is in a code fence, which fits inside it"),
        ('```\n{"id": "secret", "lines": []}\n```\n', 0.0, "in a code fence; inside it, /id does not fit"),
        ("```json\n```", 0.0, "in a code fence; inside it, the answer is empty"),
        ("```json", 0.0, "the answer is not JSON"),
    ],
)
async def test_only_json_that_fits_passes(text: str, value: float, says: str) -> None:
    """A program reads it as it is; where it fails is told, what stands there is not."""
    score = await build("json_schema")(case(), Output(text=text))

    assert score.value == value
    assert says in score.reason
    assert "secret" not in score.reason
    assert len(score.reason) < 300
    assert score.looked_at == f"{len(text)} characters"


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1E+400", "9" * 2000, "2.5e9999999"])
async def test_a_number_that_is_read_as_infinite_fits_nothing(number: str) -> None:
    """Programs make infinity of it, which JSON does not have."""
    for text, schema in ((number, {"type": "number"}), (f'{{"a": [1, {number}]}}', {})):
        score = await build("json_schema")(case(schema), Output(text=text))

        assert (score.value, score.reason) == (
            0.0,
            "the answer holds a number that is too large to be read",
        )
    assert (await build("json_schema")(case({}), Output(text="1.7e308"))).value == 1.0


async def test_a_blocked_reply_is_no_json() -> None:
    """Whoever called has nothing to read."""
    score = await build("json_schema")(case({}), Output(text="{}", verdict="block"))

    assert (score.value, score.reason) == (0.0, "guardrails blocked the reply")


def test_it_applies_where_a_schema_is_expected() -> None:
    """An empty schema is one: any JSON will do."""
    assert [build("json_schema").applies(case(schema)) for schema in ({}, SCHEMA, None)] == [
        True,
        True,
        False,
    ]


async def test_a_schema_that_takes_too_long_is_no_verdict() -> None:
    """Alternatives that double at every level."""
    both = [{"anyOf": [{"$ref": f"#/$defs/{level}"}] * 2} for level in range(18)]
    schema: dict[str, Any] = {"$defs": {"0": {"type": "string"}}, **both[-1]}
    schema["$defs"] |= {str(level + 1): both[level] for level in range(17)}
    score = await build("json_schema")(case(schema), Output(text="1"))

    assert (score.value, score.cause) == (None, Cause.SCORER)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
async def test_any_json_fits_the_empty_schema_and_none_the_false_one(value: Any) -> None:
    """However it is written."""
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert (await build("json_schema")(case({}), Output(text=text))).value == 1.0
        assert (await build("json_schema")(case({"not": {}}), Output(text=text))).value == 0.0


@given(st.text(max_size=200))
async def test_any_answer_gets_a_verdict(text: str) -> None:
    """0 or 1, whatever it is."""
    assert (await build("json_schema")(case(), Output(text=text))).value in {0.0, 1.0}
