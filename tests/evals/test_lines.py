"""Lines in, scores out, one for one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evals.lines import score_lines
from evals.scorer import build


async def scores(name: str, *lines: Any) -> list[tuple[dict[str, Any], bool]]:
    """What comes out for some lines."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    return [scored async for scored in score_lines(build(name), texts)]


async def test_each_line_gets_its_score_in_order() -> None:
    """Blank lines are skipped, unknown fields ignored, context may be a text or a list."""
    found = await scores(
        "exact",
        {"question": "q", "context": "c", "answer": "yes", "expected": "Yes."},
        "\n",
        {"answer": "no", "expected": "yes", "context": ["a", "b"], "id": 7},
    )

    assert [(line["status"], line["value"], readable) for line, readable in found] == [
        ("scored", 1.0, True),
        ("scored", 0.0, True),
    ]
    first = ["status", "value", "spans", "reason", "looked_at", "coverage", "scorer", "version"]
    assert list(found[0][0]) == first
    assert (found[0][0]["scorer"], found[0][0]["version"]) == ("exact", "2")
    assert found[0][0]["looked_at"] == "3 characters against 1 wording"


async def test_a_line_may_name_a_schema() -> None:
    """One that is none makes the line unreadable."""
    schema = {"type": "object", "required": ["id"]}
    found = await scores(
        "json_schema",
        {"answer": '{"id": 1}', "json_schema": schema},
        {"answer": "{}", "json_schema": schema},
        {"answer": "{}", "json_schema": {"type": "thing"}},
    )

    assert [(line["value"], readable) for line, readable in found] == [
        (1.0, True),
        (0.0, True),
        (None, False),
    ]
    assert "type must be one of" in found[2][0]["reason"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "not JSON"),
        ("[1]", "line: "),
        ({"question": "q"}, "answer: Field required"),
        ({"answer": 5}, "answer: "),
        ({"answer": "a", "context": [1]}, "context"),
    ],
)
async def test_a_line_that_cannot_be_read_is_unscored_and_the_rest_goes_on(line: Any, says: str) -> None:
    """One score a line, whatever the line."""
    found = await scores("exact", line, {"answer": "a", "expected": "a"})

    assert found[0][0]["status"] == "unscored"
    assert found[0][0]["value"] is None
    assert says in found[0][0]["reason"]
    assert [readable for _, readable in found] == [False, True]


async def test_a_line_without_expectation_is_unscored() -> None:
    """Nothing to compare with is not a zero."""
    ((line, readable),) = await scores("f1", {"answer": "a"})

    assert (line["value"], line["reason"], readable) == (None, "the line does not say what is expected", True)


async def test_groundedness_of_an_answer_without_context_is_unscored() -> None:
    """There is nothing it could be grounded in."""
    ((line, _),) = await scores("groundedness", {"question": "q", "context": "", "answer": "It is 5."})

    assert line["status"] == "unscored"
