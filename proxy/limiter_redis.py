"""Limits counted in Redis, for all processes of an installation together; in memory while Redis is away.

A request asks Redis once. What it used is told by one task, in order, again and again until Redis took it, and the
same task renews the leases of requests under way. Only that task tries a Redis that is away: no request waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from proxy import redis_client
from proxy.errors import Unavailable
from proxy.exchange import new_id
from proxy.limiter import Answer, Counter, Demand, Refusal, Seeding, Spent, Standing
from proxy.limiter_memory import MemoryLimiter
from proxy.limiter_scripts import ADMIT, APPLY, SEED
from proxy.limits import Limits
from proxy.windows import DAY, period_bounds

ASK_SECONDS = 1.0
"""How long a request waits for Redis."""
PATIENCE_SECONDS = 5.0
"""How long the task that settles waits for Redis. That this process is too busy to look is no outage of it."""
RETRY_SECONDS = 1.0
"""After which a Redis that is away is tried again."""
RENEW_SECONDS = 20.0
CLOSE_SECONDS = 5.0
"""How long settling may take when the process ends."""
SETTLED_SECONDS = 10
"""After which everybody has told Redis what an exchange used that ended."""
_SLICES, _MOST_LATE = 5, 25
_CONNECTIONS = 4
"""Of one process; one carries thousands of requests a second."""
_BATCH = 200
_MOST_WAITING = 20_000
"""Steps that wait for Redis; when there are more, the oldest are kept as sums of money alone."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that Redis is to be told of a request."""

    kind: str
    """`register`: it was admitted without Redis; `renew`: it is under way; `settle`: it ended."""
    demand: Demand
    tokens: int
    cost: int


class RedisLimiter:
    """Counts in Redis.

    Args:
        url: `redis://`, `rediss://` or `unix://` URL. Raises ConfigError for any other text.
        refuse: whether nothing is admitted while Redis is away; else this process counts by itself.
        prefix: how the names of all keys begin.
    """

    def __init__(self, url: str, *, refuse: bool = False, prefix: str = "guardhouse:limits") -> None:
        self._client = redis_client.once(url, PATIENCE_SECONDS, _CONNECTIONS)
        self._admit = self._client.register_script(ADMIT)
        self._apply = self._client.register_script(APPLY)
        self._seed = self._client.register_script(SEED)
        # One hash tag: a request's scopes are counted in one step, so they must lie on one node of a cluster.
        self._prefix, self._refuse = f"{{{prefix}}}", refuse
        self._process, self._number = new_id(), 0
        self._local = MemoryLimiter()
        """What this process knows by itself, and the last that Redis said."""
        self._leases: dict[str, Demand] = {}
        self._told: dict[tuple[str, str], tuple[int, str]] = {}
        """What Redis last said was spent, by scope and period, with the period's beginning."""
        self._waiting: deque[Step] = deque()
        self._sending: list[Step] = []
        """The batch that Redis may have had already; it is sent as it is until Redis has answered."""
        self._seeding = Seeding()
        self._trouble: str | None = None
        self._wake = asyncio.Event()
        self._working: asyncio.Task[None] | None = None
        self._closing = False

    # --- requests

    async def start(self) -> None:
        """Look whether Redis is there, and begin to settle and to renew."""
        await self._push()
        self._working = asyncio.create_task(self._work())

    async def admit(self, demand: Demand) -> Answer:
        """Reserve what a request may use, in all its scopes or in none. Raises Unavailable where nothing may pass."""
        if self._trouble is None:
            asking = asyncio.ensure_future(self._ask(demand))
            try:
                answer = await asyncio.shield(asking)
            except asyncio.CancelledError:
                # Redis may still admit it: what nobody waits for any more is given back.
                asking.add_done_callback(lambda done: self._unwanted(demand, done))
                raise
            if answer is not None:
                return answer
        if self._refuse:
            self._put(Step("settle", demand, 0, 0))
            raise Unavailable(
                "Limits cannot be counted now, so no request is taken. Try again later.",
                headers={"retry-after": "1"},
            )
        answer = self._local.admitted(demand)
        if answer.refusal is None:
            self._leases[demand.id] = demand
            self._put(Step("register", demand, demand.tokens, demand.cost))
        return answer

    def settle(self, demand: Demand, tokens: int, cost: int) -> None:
        """Give the reservation back and count what was used. Never waits: Redis is told as soon as it can be."""
        if self._leases.pop(demand.id, None) is None:
            return
        self._local.settle(demand, tokens, cost)
        self._put(Step("settle", demand, tokens, cost))

    def _unwanted(self, demand: Demand, done: asyncio.Future[Answer | None]) -> None:
        if done.cancelled() or done.exception() is not None:
            return
        answer = done.result()
        if answer is None:
            self._put(Step("settle", demand, 0, 0))
        else:
            self.settle(demand, 0, 0)

    async def _ask(self, demand: Demand) -> Answer | None:
        """What Redis says; None when it says nothing, or says it too late."""
        keys, scopes = self._asked(demand)
        asked = {"id": demand.id, "tokens": str(demand.tokens), "cost": str(demand.cost), "scopes": scopes}
        try:
            told = orjson.loads(await _in_time(self._admit(keys=keys, args=[orjson.dumps(asked)])))
        except redis_client.away() as error:
            self._away(error)
            return None
        standings = told["standings"]
        for (scope, limits), standing in zip(demand.scopes, standings, strict=True):
            self._local.learn(scope, standing["requests"], standing["tokens"])
            for period, spent in zip(limits.budgets, standing["budgets"], strict=False):
                begins = period_bounds(period, demand.at_s)[0]
                self._told[scope, period] = (begins, spent)
                self._local.at_least(scope, period, begins, int(spent))
        if (refused := told.get("refusal")) is not None:
            return Answer(tuple(map(_standing, standings)), _refusal(demand, refused))
        self._leases[demand.id] = demand
        self._local.take(demand)
        return Answer(tuple(map(_standing, standings)))

    def _asked(self, demand: Demand) -> tuple[list[str], list[dict[str, Any]]]:
        """The keys of an admission, and the scopes as the script knows them."""
        keys: list[str] = []
        scopes = []
        for scope, limits in demand.scopes:
            asked: dict[str, Any] = {"key": len(keys) + 1}
            asked["rpm"], asked["tpm"] = limits.rpm or False, limits.tpm or False
            asked["parallel"] = limits.max_parallel_requests or False
            asked["budgets"] = [
                {
                    "most": str(most),
                    "known": self._known(scope, period, demand.at_s),
                    "ttl": _ttl(period, demand.at_s),
                }
                for period, most in limits.budgets.items()
            ]
            keys += self._keys(scope, limits, demand.at_s)
            scopes.append(asked)
        return keys, scopes

    def _keys(self, scope: str, limits: Limits, at_s: int) -> list[str]:
        first = f"{self._prefix}:{scope}"
        budgets = [self._counter(scope, period, period_bounds(period, at_s)[0]) for period in limits.budgets]
        return [f"{first}:requests", f"{first}:tokens", f"{first}:leases", f"{first}:reserved", *budgets]

    def _counter(self, scope: str, period: str, begins: int) -> str:
        return f"{self._prefix}:{scope}:{period}:{begins}"

    def _known(self, scope: str, period: str, at_s: int) -> str:
        """What Redis last said was spent: it may have lost that since."""
        begins, spent = self._told.get((scope, period), (-1, "0"))
        return spent if begins == period_bounds(period, at_s)[0] else "0"

    # --- the task that tells Redis

    def _put(self, step: Step) -> None:
        self._waiting.append(step)
        if len(self._waiting) > _MOST_WAITING:
            self._fold()
        self._wake.set()

    def _fold(self) -> None:
        """Keep of the older half what it cost alone: the rest has lapsed by the time that Redis is back."""
        sums: dict[tuple[Any, ...], Step] = {}
        for _ in range(_MOST_WAITING // 2):
            step = self._waiting.popleft()
            scopes = tuple((scope, Limits(budgets=limits.budgets)) for scope, limits in step.demand.scopes)
            if step.kind != "settle" or not step.cost:
                continue
            name = (tuple(scope for scope, _ in scopes), step.demand.at_s // DAY)
            before = sums.get(name)
            cost = step.cost + (before.cost if before else 0)
            sums[name] = Step("settle", Demand(new_id(), scopes, at_s=step.demand.at_s), 0, cost)
        self._waiting.extendleft(sums.values())

    async def _work(self) -> None:
        """Settle what comes, renew what is under way, and try a Redis that is away."""
        renewed = time.monotonic()
        while not self._closing:
            try:
                async with asyncio.timeout(RENEW_SECONDS if self._trouble is None else RETRY_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass
            if self._trouble is not None:
                await asyncio.sleep(RETRY_SECONDS)
            self._wake.clear()
            due = self._trouble is not None or time.monotonic() - renewed >= RENEW_SECONDS
            await self._push()
            if due and self._trouble is None:
                renewed = time.monotonic()
                self._waiting.extend(
                    Step("renew", lease, lease.tokens, lease.cost) for lease in self._leases.values()
                )
                await self._push()

    async def _push(self) -> None:
        """Tell Redis all that waits, in order; returns when it was told or Redis is away."""
        while True:
            if not self._sending:
                self._sending = list(islice(self._waiting, _BATCH))
                for _ in self._sending:
                    self._waiting.popleft()
                self._number += 1
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._applied(self._sending)
            except redis_client.away() as error:
                self._away(error)
                return
            self._sending = []
            self._back()
            if not self._waiting:
                return

    async def _applied(self, steps: Sequence[Step]) -> None:
        """Have one batch applied. Applying it twice changes nothing."""
        keys = [f"{self._prefix}:process:{self._process}"]
        told = []
        for step in steps:
            scopes = []
            for scope, limits in step.demand.scopes:
                scopes.append(
                    {
                        "key": len(keys) + 1,
                        "rpm": limits.rpm is not None,
                        "tpm": limits.tpm is not None,
                        "ttls": [_ttl(period, step.demand.at_s) for period in limits.budgets],
                    }
                )
                keys += self._keys(scope, limits, step.demand.at_s)
            amounts = {"tokens": str(step.tokens), "cost": str(step.cost)}
            told.append({"kind": step.kind, "id": step.demand.id, "scopes": scopes, **amounts})
        await self._apply(keys=keys, args=[orjson.dumps({"number": self._number, "steps": told})])

    def _away(self, error: BaseException) -> None:
        if self._trouble is None:
            how = "no request is taken" if self._refuse else "this process counts by itself"
            _log.warning(
                "limits cannot be counted in Redis (%s): %s until it is back", type(error).__name__, how
            )
        self._trouble = f"Redis does not answer ({type(error).__name__})"
        self._wake.set()

    def _back(self) -> None:
        if self._trouble is not None:
            _log.warning("limits are counted in Redis again")
        self._trouble = None

    # --- budgets that Redis has lost

    async def seed(self, scopes: Iterable[tuple[str, Limits]], spent: Spent, at_s: int) -> None:
        """Fill counters of budgets that Redis does not have from the database. Raises what `spent` raises.

        Not while something waits to be settled: the database may know of it already, and it would count twice.
        """
        counters = self._seeding.of(scopes, at_s)
        if not counters or self._trouble is not None or self._sending or self._waiting:
            return
        try:
            for counter in self._seeding.wanted(counters, await self._empty(counters), at_s):
                ended = at_s - SETTLED_SECONDS
                told = await asyncio.to_thread(spent, counter.scope, counter.begins, counter.ends, ended)
                name = self._counter(counter.scope, counter.period, counter.begins)
                await self._seed(keys=[name], args=[str(told), _ttl(counter.period, at_s)])
        except redis_client.away() as error:
            self._away(error)

    async def _empty(self, counters: Sequence[Counter]) -> set[Counter]:
        """Those that were never filled, or were lost."""
        async with self._client.pipeline(transaction=False) as batch:
            for counter in counters:
                batch.hget(self._counter(counter.scope, counter.period, counter.begins), "seeded")
            filled = await batch.execute()
        return {counter for counter, known in zip(counters, filled, strict=True) if known is None}

    # --- what operators see

    @property
    def leases(self) -> int:
        """Requests of this process that are under way."""
        return len(self._leases)

    def trouble(self) -> str | None:
        """Why limits are not counted in Redis, in words for an operator; None when they are."""
        return self._trouble

    async def aclose(self) -> None:
        """Settle what is still to be settled, within a deadline."""
        until = time.monotonic() + CLOSE_SECONDS
        self._closing = True
        self._wake.set()
        if self._working is not None:
            # Not cancelled: a client that waits for Redis may take that for an answer that did not come.
            await asyncio.wait({self._working})
        while self._waiting or self._sending:
            await self._push()
            if self._trouble is not None:
                if time.monotonic() > until:
                    lost = len(self._waiting) + len(self._sending)
                    _log.warning("what %d requests used was not settled: Redis is away", lost)
                    break
                await asyncio.sleep(RETRY_SECONDS / 4)
        await self._client.aclose()


async def _in_time(asking: Coroutine[Any, Any, Any]) -> Any:
    """What somebody answers. Raises TimeoutError when that takes over ASK_SECONDS.

    Time in which this process was too busy to look does not count: nobody is away for that.
    """
    task = asyncio.ensure_future(asking)
    slices = late = 0
    while slices < _SLICES and late < _MOST_LATE:
        began = time.monotonic()
        if (await asyncio.wait({task}, timeout=ASK_SECONDS / _SLICES))[0]:
            return task.result()
        busy = time.monotonic() - began > 1.2 * ASK_SECONDS / _SLICES
        slices, late = slices + (not busy), late + busy
    task.cancel()
    raise TimeoutError


def _standing(told: dict[str, Any]) -> Standing:
    return Standing(
        told["requests"],
        told["requests_reset_ms"] / 1000,
        told["tokens"] + told["tokens_reserved"],
        told["tokens_reset_ms"] / 1000,
    )


def _refusal(demand: Demand, told: dict[str, Any]) -> Refusal:
    scope, limits = demand.scopes[told["place"] - 1]
    crowded, period = told["crowded"], ""
    wait: float | None = told["wait_ms"] / 1000
    if "number" in told:
        period = [*limits.budgets][told["number"] - 1]
        ends = period_bounds(period, demand.at_s)[1]
        wait = 1.0 if crowded else None if ends is None else float(ends - demand.at_s)
    return Refusal(scope, told["kind"], int(told["most"]), int(told["used"]), wait, period, crowded)


def _ttl(period: str, at_s: int) -> int:
    """Seconds for which a counter is kept: past its period, for clocks that step back; 0: for ever."""
    begins, ends = period_bounds(period, at_s)
    return 0 if ends is None else 2 * (ends - begins) + DAY
