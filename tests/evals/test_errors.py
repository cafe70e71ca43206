"""Errors of evals: one line that says what, where, and what to do."""

from __future__ import annotations

import pytest

from evals.errors import EvalsError, GoldenError, RunError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (EvalsError("it broke"), "it broke"),
        (RunError("it broke", fix="mend it"), "it broke: mend it"),
        (GoldenError("bad", fix="mend it", file="f", line=3, field="a.b"), "f:3: a.b: bad: mend it"),
        (GoldenError("bad", file="f"), "f: bad"),
    ],
)
def test_an_error_reads_as_one_line(error: EvalsError, line: str) -> None:
    """Place, field, what, fix; parts that are not known are left out."""
    assert str(error) == line
