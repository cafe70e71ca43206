"""What a verdict tells the shell."""

from __future__ import annotations

import pytest

from evals.run import GateVerdict


@pytest.mark.parametrize(
    ("verdict", "code"),
    [("pass", 0), ("none", 0), ("block", 1), ("invalid", 2), ("inconclusive", 3)],
)
def test_each_verdict_has_its_exit_code(verdict: str, code: int) -> None:
    """0 pass, 1 block, 2 invalid, 3 inconclusive."""
    assert GateVerdict(verdict).exit_code == code
