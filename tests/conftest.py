"""The command line is run the same way by every test, and no test is held to a time."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from proxy.store import deadline
from tests.command import run  # noqa: F401

settings.register_profile("guardhouse", deadline=None)
settings.load_profile("guardhouse")

UNHURRIED = 60
"""How many times as long a query may take in tests: lists are whole on a busy machine too. No time stays none."""


@pytest.fixture(scope="session", autouse=True)
def unhurried() -> Iterator[None]:
    """Only a test that gives a query no time sees it late."""
    hurried = deadline.Timed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deadline, "Timed", lambda reached, seconds: hurried(reached, seconds * UNHURRIED))
        yield
