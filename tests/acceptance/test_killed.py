"""kill -9 under load: it is up again at once, and every exchange that was answered is stored exactly once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.killing import killed, settle, stored

pytestmark = pytest.mark.long


@pytest.mark.parametrize("mode", ["group", "strict"])
def test_nothing_that_was_answered_is_lost(tmp_path: Path, mode: str) -> None:
    """Three times in a row, into the same port and the same database; what was masked is known of each."""
    owed: list[str] = []
    port = 0
    for seconds in (0.2, 0.9, 0.5):
        answered, port = killed(tmp_path, mode, port, seconds)
        owed += answered
    settle(tmp_path, mode, port)

    spans, findings = stored(tmp_path)
    assert len(owed) > 50
    assert set(owed) - spans.keys() == set()
    assert set(spans.values()) == {1}
    assert {findings[id] for id in owed} == {1}
