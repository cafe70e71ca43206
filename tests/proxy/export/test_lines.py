"""JSON lines in plain ASCII."""

from __future__ import annotations

import json

import pytest

from proxy.export.lines import line, text
from tests.proxy.export.hostile import TEXTS


@pytest.mark.parametrize("value", [*TEXTS, 2**200, -(2**70), {"\ud800": ["\x7f"]}])
def test_a_line_is_one_line_that_no_terminal_obeys(value: object) -> None:
    """And gives the value back."""
    told = line(value)

    assert json.loads(told) == value == json.loads(text(value))
    assert told.endswith(b"\n") and told.count(b"\n") == 1
    assert all(32 <= byte < 127 for byte in told[:-1])
