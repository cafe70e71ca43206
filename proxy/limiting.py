"""Which limiter a configuration asks for, whose budgets it must know, and what an operator should know about it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable
from functools import partial

from proxy.config import Config
from proxy.config_limits import scopes_of
from proxy.context import Context
from proxy.errors import Forbidden
from proxy.exchange import Principal
from proxy.limiter import Limiter
from proxy.limiter_memory import MemoryLimiter
from proxy.limiter_redis import RedisLimiter
from proxy.limits import Limits
from proxy.permits import known_keys
from proxy.store.budgets import spent

SEED_SECONDS = 10.0
"""How long the database may take to tell what was spent."""

_log = logging.getLogger(__name__)


def make_limiter(config: Config) -> Limiter:
    """A limiter in Redis where a URL is given, else in memory. Raises ConfigError."""
    if config.redis_url is None:
        return MemoryLimiter()
    return RedisLimiter(config.redis_url, refuse=config.limits_without_redis == "refuse")


def all_scopes(config: Config, principals: Iterable[Principal]) -> dict[str, Limits]:
    """Every limited key and team by name; keys whose team is gone are not served, and have none."""
    found: dict[str, Limits] = {}
    for principal in principals:
        with contextlib.suppress(Forbidden):
            found.update(scopes_of(config, principal))
    return found


async def seed(context: Context) -> None:
    """Have the limiter fill the budgets that it does not know from the database; what fails is tried again later."""
    scopes = all_scopes(context.config, context.keyring.principals())
    budgets = [(scope, limits) for scope, limits in scopes.items() if limits.budgets]
    if not budgets:
        return
    seeding = asyncio.wait_for(
        context.limiter.seed(budgets, partial(spent, context.store), int(time.time())), SEED_SECONDS
    )
    failed = (await asyncio.gather(seeding, return_exceptions=True))[0]
    if isinstance(failed, BaseException):
        _log.warning("what was spent cannot be read from the store (%s)", type(failed).__name__)


def note(context: Context, workers: int) -> str | None:
    """What is to be said of limits that several processes do not count together; None when nothing is. Reads keys."""
    config = context.config
    context.keyring.refresh(partial(known_keys, context))
    if config.redis_url is not None or not all_scopes(config, context.keyring.principals()):
        return None
    if workers > 1:
        return (
            f"Limits of keys and teams are counted by each of the {workers} workers for itself, so up to {workers}"
            " times as much gets through. Set guardhouse.redis_url to count them together."
        )
    return (
        "Limits of keys and teams are counted by this process alone."
        " Before you start a second one, set guardhouse.redis_url."
    )
