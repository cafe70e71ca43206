"""What limits are counted with: the demand of one request, the answer to it, and whoever counts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from proxy.limits import Limits
from proxy.windows import period_bounds

Scopes = tuple[tuple[str, Limits], ...]
"""Whose limits hold for a request, by name: `key:<id>`, `team:<tenant>/<name>`. Empty: nobody's."""
Kind = Literal["budget", "rpm", "tpm", "parallel"]
KINDS: tuple[Kind, ...] = ("budget", "rpm", "tpm", "parallel")
"""Kinds of limits, in the order in which they are looked at."""
AGAIN_SECONDS = 30
"""After which a counter that was filled from the database is compared with it once more."""
Spent = Callable[[str, int, int | None, int | None], int]
"""(scope, from, until, ended before) in Unix seconds -> billionths of a US dollar that the database knows of."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What one request may use at most, and at whose expense. Also the lease on it, once it was admitted."""

    id: str
    """Id of the exchange: what happens twice under one id counts once."""
    scopes: Scopes
    tokens: int = 0
    """Upper bound; 0: it uses none."""
    cost: int = 0
    """Upper bound in billionths of a US dollar; 0: it costs nothing."""
    at_s: int = 0
    """Unix time: its cost belongs to the budget periods that this lies in."""
    tokens_in: int = 0
    """The part of `tokens` that is the request itself."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of one scope's limits is used, what is reserved included."""

    requests: int = 0
    requests_reset_s: float = 0.0
    """Seconds until none counts any more."""
    tokens: int = 0
    tokens_reset_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which limit keeps a request from being admitted."""

    scope: str
    kind: Kind
    most: int
    used: int
    """Without what is reserved."""
    wait_s: float | None
    """Seconds until it is worth to try again; None: no time will help."""
    period: str = ""
    """Of a budget."""
    crowded: bool = False
    """Whether it would be admitted but for requests that are under way."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a limiter says to a demand."""

    standings: tuple[Standing, ...]
    """By scope, in the order of the demand."""
    refusal: Refusal | None = None


class Limiter(Protocol):
    """Counts requests, tokens, requests under way and money by scope. For one event loop."""

    async def start(self) -> None:
        """Begin what it does by itself."""

    async def admit(self, demand: Demand) -> Answer:
        """Reserve what a request may use, in all its scopes or in none. Raises Unavailable where nothing may pass."""

    def settle(self, demand: Demand, tokens: int, cost: int) -> None:
        """Give the reservation back and count what was used. Once for each admitted demand; never waits."""

    async def seed(self, scopes: Iterable[tuple[str, Limits]], spent: Spent, at_s: int) -> None:
        """Fill counters of budgets that are not known from the database. Raises what `spent` raises."""

    @property
    def leases(self) -> int:
        """Requests under way."""

    def trouble(self) -> str | None:
        """Why limits are not counted as they should be, in words for an operator; None when they are."""

    async def aclose(self) -> None:
        """Settle what is still to be settled, within a deadline."""


@dataclass(frozen=True, slots=True)
class Counter:
    """One counter of a budget: what a scope spends in one period."""

    scope: str
    period: str
    begins: int
    ends: int | None


class Seeding:
    """Which counters of budgets are to be filled from the database.

    Each is when it is not known to be filled, and once more a little later: traces arrive there with a delay.
    """

    def __init__(self) -> None:
        self._again: dict[Counter, int | None] = {}

    def of(self, scopes: Iterable[tuple[str, Limits]], at_s: int) -> list[Counter]:
        """Every counter that counts now."""
        return [
            Counter(scope, period, *period_bounds(period, at_s))
            for scope, limits in scopes
            for period in limits.budgets
        ]

    def wanted(self, counters: Iterable[Counter], empty: Collection[Counter], at_s: int) -> list[Counter]:
        """Those never filled by this process, those that are empty, and those due for their second look."""
        before, self._again, found = self._again, {}, []
        for counter in counters:
            again = before.get(counter)
            if counter not in before or counter in empty:
                self._again[counter] = at_s + AGAIN_SECONDS
            elif again is not None and again <= at_s:
                self._again[counter] = None
            else:
                self._again[counter] = again
                continue
            found.append(counter)
        return found
