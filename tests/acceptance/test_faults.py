"""A detector or its pool breaks in mid-request: enforced, nothing passes; in shadow, everything does, and is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.faults import FAULTS, Outcome, meet, proxied
from tests.servers import Upstream


@pytest.fixture(scope="module")
def upstream() -> Upstream:
    """A provider."""
    return Upstream()


@pytest.mark.parametrize("mode", ["enforce", "shadow"])
def test_a_broken_detector_is_no_pass(tmp_path: Path, upstream: Upstream, mode: str) -> None:
    """Every fault, one proxy: it also recovers from each, or the next one would not be met."""
    with proxied(tmp_path, upstream, mode) as running:
        for fault in (*FAULTS, "pool"):
            enforced = mode == "enforce"
            expected = Outcome(2, 2 if enforced else 0, 0 if enforced else 2, 2, 0)
            assert meet(running, upstream, fault, 2) == expected, fault
    upstream.reset()
