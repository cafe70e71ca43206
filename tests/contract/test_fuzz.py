"""Whatever a caller sends and whatever a provider answers: no fault of ours, no hang, and the secret stays where it is.

A bounded, repeatable part of what `tests/bench/bench_fuzz.py` does for as long as one likes.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.fuzzed import ACTIONS, Fuzz, fuzz
from tests.contract.fuzzing import exchange


@pytest.fixture(scope="module", params=ACTIONS)
def fuzzed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Fuzz:
    """One proxy for all examples, whose policy knows the secret."""
    return fuzz(tmp_path_factory.mktemp("fuzz"), request.param)


@settings(
    max_examples=400,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
async def test_nothing_breaks_and_nothing_leaks(fuzzed: Fuzz, seed: int) -> None:
    """Every route, whole and streamed, with requests and answers spoiled in every way."""
    await fuzzed.check(exchange(seed))
