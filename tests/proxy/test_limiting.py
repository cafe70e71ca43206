"""Which limiter there is, what it is told of the database, and what an operator is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proxy.key_terms import Terms
from proxy.limiter_memory import MemoryLimiter
from proxy.limiter_redis import RedisLimiter
from proxy.limiting import all_scopes, make_limiter, note, seed
from proxy.limits import Limits
from proxy.store.keys import create_key
from tests.proxy.policies import policy
from tests.servers import App, make_app

LIMITS = Limits(rpm=5, budgets={"month": 7})


@pytest.fixture
def app(tmp_path: Path) -> App:
    """An app with a team."""
    return make_app(tmp_path, "http://127.0.0.1:1/v1", policy(), teams={"eng": {"rpm": 9}})


def test_limits_are_counted_where_the_configuration_says(app: App) -> None:
    """In Redis with a URL, else in memory."""
    import dataclasses

    shared = dataclasses.replace(
        app.context.config, redis_url="redis://127.0.0.1:1", limits_without_redis="refuse"
    )

    assert isinstance(make_limiter(app.context.config), MemoryLimiter)
    assert isinstance(make_limiter(shared), RedisLimiter)


def test_processes_that_count_apart_are_told_of(app: App) -> None:
    """Only where something is limited; how often it is counted depends on the workers."""
    quiet = note(app.context, 4)
    create_key(app.context.store, "a", terms=Terms(team="eng"))

    assert quiet is None
    assert "this process alone" in (note(app.context, 1) or "")
    assert "each of the 4 workers" in (note(app.context, 4) or "")
    assert list(all_scopes(app.context.config, app.context.keyring.principals())) == ["team:default/eng"]


def test_a_key_whose_team_is_gone_disturbs_nobody(app: App) -> None:
    """It is not served, and has no scope."""
    create_key(app.context.store, "a", terms=Terms(team="gone"))
    create_key(app.context.store, "b", terms=Terms(limits=LIMITS))
    note(app.context, 1)

    assert len(all_scopes(app.context.config, app.context.keyring.principals())) == 1


async def test_a_store_that_is_away_is_asked_again(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """What was spent is read later then: nothing is lost, and the log says so."""
    key = create_key(app.context.store, "b", terms=Terms(limits=LIMITS))
    note(app.context, 1)
    asked: list[Any] = []

    async def away(scopes: Any, spent: Any, at_s: int) -> None:
        asked.append([scope for scope, _ in scopes])
        raise OSError

    app.context.limiter.seed = away  # type: ignore[method-assign]

    await seed(app.context)

    assert asked == [[f"key:{key.stored.key_id}"]]
    assert "cannot be read" in caplog.text
