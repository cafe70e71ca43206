"""Variables of a request: filled, checked, bounded, and never quoted."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.errors import BadRequest, PayloadTooLarge
from proxy.prompt_variables import Variable, filled

KNOWN = {
    "name": Variable(),
    "count": Variable(False, 3, "number"),
    "short": Variable(False, None, "string", 4),
    "few": Variable(False, [], "list", 2),
    "yes": Variable(False, False, "boolean"),
    "one": Variable(False, {}, "object"),
}
WHERE = "guardhouse.prompt.variables"


def test_defaults_fill_what_is_left_out() -> None:
    """What is given counts, null too where any value does."""
    assert filled(KNOWN, {"name": None, "count": 1.5}) == {
        "name": None, "count": 1.5, "short": None, "few": [], "yes": False, "one": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({}, "missing_required_parameter", f"{WHERE}.name"),
        (None, "missing_required_parameter", f"{WHERE}.name"),
        ({"name": 1, "hunter2": 1}, "unknown_parameter", WHERE),
        ([], "invalid_type", WHERE),
        ({"name": 1, "count": "hunter2"}, "invalid_type", f"{WHERE}.count"),
        ({"name": 1, "count": True}, "invalid_type", f"{WHERE}.count"),
        ({"name": 1, "short": "hunter2"}, "invalid_type", f"{WHERE}.short"),
        ({"name": 1, "short": None}, "invalid_type", f"{WHERE}.short"),
        ({"name": 1, "few": ["hunter2"] * 3}, "invalid_type", f"{WHERE}.few"),
        ({"name": 1, "yes": 1}, "invalid_type", f"{WHERE}.yes"),
        ({"name": 1, "one": ["hunter2"]}, "invalid_type", f"{WHERE}.one"),
    ],
)
def test_what_does_not_fit_is_named_and_not_quoted(given: Any, code: str, param: str) -> None:
    """Names are those of the prompt; a caller's own words never come back."""
    with pytest.raises(BadRequest) as error:
        filled(KNOWN, given)

    assert (error.value.code, error.value.param) == (code, param)
    assert "hunter2" not in error.value.message


def nested(levels: int) -> Any:
    """Lists in each other."""
    return [] if levels == 1 else [nested(levels - 1)]


def test_bounds() -> None:
    """Deep nesting is 400; too many values or characters, counted over all variables, are 413."""
    assert filled({"x": Variable()}, {"x": nested(8)}) == {"x": nested(8)}
    with pytest.raises(BadRequest, match="nested"):
        filled({"x": Variable()}, {"x": nested(9)})
    two = {"x": Variable(), "y": Variable()}
    for huge in ([0] * 5_000, "a" * 500_001, {"a" * 500_001: 1}):
        assert filled({"x": Variable()}, {"x": huge})["x"] == huge
        with pytest.raises(PayloadTooLarge):
            filled(two, {"x": huge, "y": huge})
