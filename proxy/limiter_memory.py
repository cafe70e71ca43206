"""Limits counted in the memory of one process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from proxy.limiter import KINDS, Answer, Demand, Kind, Refusal, Seeding, Spent, Standing
from proxy.limits import Limits
from proxy.windows import Window, period_bounds

_PERIODS = 16
"""Budget periods of one scope that are remembered: the current ones, and those a clock may step back to."""


@dataclass(slots=True)
class Account:
    """What one scope has used and reserved."""

    requests: Window = field(default_factory=Window)
    tokens: Window = field(default_factory=Window)
    spent: dict[tuple[str, int], int] = field(default_factory=dict)
    """Billionths of a US dollar by period and its beginning in Unix seconds."""
    leases: int = 0
    tokens_reserved: int = 0
    cost_reserved: int = 0

    def refused(self, demand: Demand, limits: Limits, kind: Kind, now: float, scope: str) -> Refusal | None:
        """The limit of that kind that keeps a request out, or None."""
        if kind == "budget":
            for period, most in limits.budgets.items() if demand.cost else ():
                begins, ends = period_bounds(period, demand.at_s)
                used = self.spent.get((period, begins), 0)
                if not fits(used, self.cost_reserved, demand.cost, most):
                    crowded = fits(used, 0, demand.cost, most)
                    wait = 1.0 if crowded else None if ends is None else float(ends - demand.at_s)
                    return Refusal(scope, kind, most, used, wait, period, crowded)
            return None
        if kind == "rpm":
            if limits.rpm is None or (used := self.requests.used(now)) < limits.rpm:
                return None
            return Refusal(scope, kind, limits.rpm, used, self.requests.wait(now, limits.rpm - 1))
        if kind == "tpm":
            if limits.tpm is None or not demand.tokens:
                return None
            used, most = self.tokens.used(now), limits.tpm
            if fits(used, self.tokens_reserved, demand.tokens, most):
                return None
            if fits(used, 0, demand.tokens, most):
                return Refusal(scope, kind, most, used, 1.0, crowded=True)
            return Refusal(scope, kind, most, used, self.tokens.wait(now, most - 1))
        if limits.max_parallel_requests is None or self.leases < limits.max_parallel_requests:
            return None
        return Refusal(scope, kind, limits.max_parallel_requests, self.leases, 1.0, crowded=True)

    def standing(self, limits: Limits, now: float) -> Standing:
        """How much is used of what is limited by the minute."""
        rpm, tpm = limits.rpm is not None, limits.tpm is not None
        return Standing(
            self.requests.used(now) if rpm else 0,
            self.requests.wait(now, 0) if rpm else 0.0,
            self.tokens.used(now) + self.tokens_reserved if tpm else 0,
            self.tokens.wait(now, 0) if tpm else 0.0,
        )

    def charge(self, period: str, begins: int, cost: int) -> None:
        """Count money for a period."""
        name = (period, begins)
        self.spent[name] = self.spent.get(name, 0) + cost
        if len(self.spent) > _PERIODS:
            del self.spent[min(self.spent, key=lambda each: each[1] if each[0] != "total" else 1 << 62)]


def fits(used: int, reserved: int, amount: int, most: int) -> bool:
    """Whether an amount may be used: all of it fits, or it is alone and something is left."""
    return used < most and (used + reserved + amount <= most or not reserved)


class MemoryLimiter:
    """Counts for this process alone. Scopes that nobody is limited in are never seen here.

    Args:
        clock: seconds, for what is counted by the minute.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._accounts: dict[str, Account] = {}
        self._under_way: set[str] = set()
        self._seeding = Seeding()

    async def start(self) -> None:
        """Nothing to begin."""

    async def admit(self, demand: Demand) -> Answer:
        """Reserve what a request may use, in all its scopes or in none."""
        return self.admitted(demand)

    def admitted(self, demand: Demand) -> Answer:
        """The same, at once."""
        now = self._clock()
        accounts = [self.account(scope) for scope, _ in demand.scopes]
        each = list(zip(demand.scopes, accounts, strict=True))
        for kind in KINDS:
            for (scope, limits), account in each:
                refusal = account.refused(demand, limits, kind, now, scope)
                if refusal is not None:
                    return Answer(tuple(a.standing(named[1], now) for named, a in each), refusal)
        self.take(demand)
        for (_, limits), account in each:
            if limits.rpm is not None:
                account.requests.add(now, 1)
        return Answer(tuple(account.standing(limits, now) for (_, limits), account in each))

    def take(self, demand: Demand) -> None:
        """Reserve what somebody else has admitted."""
        if demand.id in self._under_way:
            return
        self._under_way.add(demand.id)
        for scope, _ in demand.scopes:
            account = self.account(scope)
            account.leases += 1
            account.tokens_reserved += demand.tokens
            account.cost_reserved += demand.cost

    def settle(self, demand: Demand, tokens: int, cost: int) -> None:
        """Give the reservation back and count what was used."""
        if demand.id not in self._under_way:
            return
        self._under_way.discard(demand.id)
        now = self._clock()
        for scope, limits in demand.scopes:
            account = self.account(scope)
            account.leases -= 1
            account.tokens_reserved -= demand.tokens
            account.cost_reserved -= demand.cost
            if limits.tpm is not None and tokens:
                account.tokens.add(now, tokens)
            for period in limits.budgets:
                account.charge(period, period_bounds(period, demand.at_s)[0], cost)

    async def seed(self, scopes: Iterable[tuple[str, Limits]], spent: Spent, at_s: int) -> None:
        """Fill counters of budgets that are not known from the database. Raises what `spent` raises."""
        seeding, self._seeding = self._seeding, Seeding()
        for counter in seeding.wanted(seeding.of(scopes, at_s), (), at_s):
            told = await asyncio.to_thread(spent, counter.scope, counter.begins, counter.ends, None)
            self.at_least(counter.scope, counter.period, counter.begins, told)
        self._seeding = seeding  # only now: what could not be read is read again

    def at_least(self, scope: str, period: str, begins: int, cost: int) -> None:
        """Take it that so much was spent in a period, unless more is known."""
        account = self.account(scope)
        account.charge(period, begins, max(0, cost - account.spent.get((period, begins), 0)))

    def learn(self, scope: str, requests: int, tokens: int) -> None:
        """Take over what somebody else counted within the last minute."""
        now, account = self._clock(), self.account(scope)
        account.requests.replace(now, requests)
        account.tokens.replace(now, tokens)

    def account(self, scope: str) -> Account:
        """The account of a scope."""
        found = self._accounts.get(scope)
        if found is None:
            found = self._accounts[scope] = Account()
        return found

    @property
    def leases(self) -> int:
        """Requests under way."""
        return len(self._under_way)

    def trouble(self) -> str | None:
        """Nothing can trouble it."""
        return None

    async def aclose(self) -> None:
        """Nothing to settle."""
