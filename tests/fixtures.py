"""Fixtures of real servers: import them in the conftest of a folder that needs them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proxy.policies import policy
from tests.servers import Running, Upstream, make_app, served


@pytest.fixture(scope="module")
def _upstream() -> Iterator[Upstream]:
    provider = Upstream()
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def _proxy(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("proxy")
    with served(
        make_app(folder, f"http://127.0.0.1:{_upstream.port}/v1", policy(), max_body_bytes=200_000)
    ) as running:
        yield running


@pytest.fixture
def upstream(_upstream: Upstream) -> Upstream:
    """A provider that has heard nothing yet and answers `Hello!`."""
    _upstream.reset()
    return _upstream


@pytest.fixture
def proxy(_proxy: Running) -> Running:
    """A proxy in front of it with the test policy, whose recorder is empty."""
    _proxy.recorder.forget()
    return _proxy
