"""Errors that people read."""

from __future__ import annotations

import pytest

from guardrails.errors import BadResult, CheckError, GuardrailsError, ModelError, PolicyError, Unavailable

MESSAGES = [
    (PolicyError("is empty.", fix="Write one.", file="p.yaml", line=3), "p.yaml:3: is empty. Write one."),
    (PolicyError("is empty.", file="p.yaml"), "p.yaml: is empty."),
    (PolicyError("is empty."), "policy: is empty."),
]


@pytest.mark.parametrize(("error", "message"), MESSAGES)
def test_a_policy_error_says_where_what_and_what_to_do(error: PolicyError, message: str) -> None:
    """File and line come first, in the form editors understand."""
    assert str(error) == message


@pytest.mark.parametrize("kind", [PolicyError, CheckError, BadResult, ModelError, Unavailable])
def test_every_error_is_one_of_ours(kind: type[Exception]) -> None:
    """A caller catches one class."""
    assert issubclass(kind, GuardrailsError)
