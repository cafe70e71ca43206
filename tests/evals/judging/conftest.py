"""A judge for each test that wants one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.evals.judging.judge_server import JudgeServer, serving


@pytest.fixture
def bench() -> Iterator[JudgeServer]:
    """A judge that rules rightly until a test gives another script."""
    with serving() as server:
        yield server
