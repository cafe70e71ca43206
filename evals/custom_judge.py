"""The judge as somebody's own scorer has it: by which rubrics it was asked is known, whatever the scorer says."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from evals.golden import canonical
from evals.judging.types import Judge, Rubric, Ruling

UNKNOWN = "it has not told by which rubric it asks the judge"


class Asked:
    """A judge that remembers by which rubrics it was asked.

    Args:
        judge: the one that rules.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._rubrics: dict[str, Rubric] = {}

    @property
    def identity_of_all(self) -> str:
        """What verdicts by all those rubrics depend on: by one rubric the judge's identity; empty before the first."""
        identities = sorted(self._rubrics)
        return identities[0] if len(identities) == 1 else _hash(identities) if identities else ""

    @property
    def advisory_of_all(self) -> str:
        """Why verdicts by one of them may not gate; empty when all may."""
        told = [self._judge.advisory(self._rubrics[identity]) for identity in sorted(self._rubrics)]
        return next(filter(None, told), "") if told else UNKNOWN

    @property
    def meet(self) -> Any:
        """As the judge's own, where it has one."""
        judge: Any = self._judge
        return judge.meet

    def identity(self, rubric: Rubric) -> str:
        """As in Judge."""
        identity = self._judge.identity(rubric)
        if identity:
            self._rubrics[identity] = rubric
        return identity

    def advisory(self, rubric: Rubric) -> str:
        """As in Judge."""
        self.identity(rubric)
        return self._judge.advisory(rubric)

    async def rule(self, rubric: Rubric, material: Mapping[str, str], repeat: int = 0) -> Ruling:
        """As in Judge."""
        self.identity(rubric)
        with _stopped():
            return await self._judge.rule(rubric, material, repeat)


class Clock:
    """The time that a scorer may take: it stands still while a judge is asked, who has limits of its own.

    Args:
        limit: ends the scorer.
        seconds: what it has after a ruling.
    """

    def __init__(self, limit: asyncio.Timeout, seconds: float) -> None:
        self._limit, self._seconds = limit, seconds
        self._rulings = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Rulings asked for inside stop it."""
        token = _CLOCK.set(self)
        try:
            yield
        finally:
            _CLOCK.reset(token)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """It stands still inside, also where several are inside at a time."""
        self._rulings += 1
        self._set(None)
        try:
            yield
        finally:
            self._rulings -= 1
            if not self._rulings:
                self._set(asyncio.get_running_loop().time() + self._seconds)

    def _set(self, when: float | None) -> None:
        with suppress(RuntimeError):  # it has ended meanwhile
            self._limit.reschedule(when)


_CLOCK: ContextVar[Clock | None] = ContextVar("clock", default=None)


@contextmanager
def _stopped() -> Iterator[None]:
    clock = _CLOCK.get()
    if clock is None:
        yield
        return
    with clock.stopped():
        yield


def _hash(identities: list[str]) -> str:
    return hashlib.sha256(canonical(identities).encode()).hexdigest()
