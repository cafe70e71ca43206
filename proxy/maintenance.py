"""Maintenance: what has to be done every hour, by one proxy of all that share a database, beside the requests."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proxy import anchoring, bulk_jobs, metrics_review
from proxy.store import filling, partitions, retention, rule_figures, seals, visits
from proxy.store.db import AWAY
from proxy.store.holds import HoldError
from proxy.store.turn import Turn, take_turn

if TYPE_CHECKING:
    from proxy.context import Context

HOUR = 3_600.0
SEALS_SECONDS, ANCHORS_SECONDS, FIGURES_SECONDS = 300.0, 30.0, 600.0
FIGURES_DAYS, FIGURES_WITHIN_S, FIGURES_MOST = 30, 10.0, 200
"""How far back the figures of rules look, how long they may take, and how many rules have some."""
QUEUES_SECONDS, REVIEW_SECONDS = 15.0, 60.0
LOOK_SECONDS = 15.0
"""How often somebody looks whether there is something to do, or nobody who does it."""

_log = logging.getLogger(__name__)


Stop = Callable[[], bool]
"""Whether the proxy stops: what takes long asks now and then, and leaves the rest for the next time."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do again and again."""

    name: str
    every_s: float
    work: Callable[[Context, Stop], None]
    """For a thread. Whatever it raises is told as trouble, and it is done again."""


def _partitions(context: Context, stop: Stop) -> None:
    try:
        partitions.make_ahead(context.store, time.time_ns() // 1000)
    except AWAY as error:
        if not partitions.is_busy(error):
            raise


def _retention(context: Context, stop: Stop) -> None:
    limits = retention.Limits(budget_s=HOUR / 2, gentle=True, stop=stop)
    tally = retention.run(context.store, context.config.retention, limits)
    context.metrics.running.retained(tally.counts)


def _seals(context: Context, stop: Stop) -> None:
    seals.seal(context.store)


def _visits(context: Context, stop: Stop) -> None:
    visits.delete_over(context.store)


def _figures(context: Context, stop: Stop) -> None:
    since_us = time.time_ns() // 1000 - FIGURES_DAYS * rule_figures.DAY_US
    found = rule_figures.figures(context.store, None, since_us, FIGURES_WITHIN_S)
    context.metrics.running.figures = found[:FIGURES_MOST]


def _queues(context: Context, stop: Stop) -> None:
    filling.fill_all(context.store, stop)


def _review(context: Context, stop: Stop) -> None:
    context.metrics.review.update(metrics_review.look(context.store))


JOBS: Sequence[Job] = (
    Job("queues", QUEUES_SECONDS, _queues),
    Job("review", REVIEW_SECONDS, _review),
    Job("partitions", HOUR, _partitions),
    # Before retention: what it takes away was sealed.
    Job("seals", SEALS_SECONDS, _seals),
    Job("anchors", ANCHORS_SECONDS, anchoring.anchor),
    Job("retention", HOUR, _retention),
    Job("visits", HOUR, _visits),
    Job("bulk", LOOK_SECONDS, bulk_jobs.resume),
    Job("rule_figures", FIGURES_SECONDS, _figures),
)
"""In the order in which they are done."""


@dataclass(slots=True)
class Maintenance:
    """Does the jobs when they are due.

    Args:
        context: gives the context in force.
        jobs: what there is to do.
        clock: seconds since any fixed moment.
    """

    context: Callable[[], Context]
    jobs: Sequence[Job] = JOBS
    clock: Callable[[], float] = time.monotonic
    failures: dict[str, str] = field(default_factory=dict)
    """Jobs that failed last time, each with why."""
    _due: dict[str, float] = field(default_factory=dict)
    _turn: Turn | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)

    def trouble(self) -> str | None:
        """What failed, in words for an operator; None when nothing did."""
        return "; ".join(f"{name} failed ({why})" for name, why in self.failures.items()) or None

    async def keep(self) -> None:
        """Do the jobs until cancelled. Should anything else end it, another process does them from then on."""
        try:
            while True:
                await asyncio.to_thread(self.round)
                await asyncio.sleep(LOOK_SECONDS)
        except Exception as error:
            # Cancelled, a job may still be under way in its thread: whoever cancels closes afterwards.
            self.failures["maintenance"] = type(error).__name__
            await asyncio.to_thread(self.close)
            raise

    def round(self) -> None:
        """Do every job that is due, if it is this process's turn. One that raises stops no other."""
        context = self.context()
        if not self._is_ours(context):
            return
        for job in self.jobs:
            if self._due.get(job.name, float("-inf")) <= self.clock() and not self._stopping.is_set():
                self._do(job, context)

    def _do(self, job: Job, context: Context) -> None:
        try:
            job.work(context, self._stopping.is_set)
            self.failures.pop(job.name, None)
        except Exception as error:
            why = str(error) if isinstance(error, HoldError | retention.ClockError) else type(error).__name__
            if job.name not in self.failures:
                _log.warning("%s failed (%s); it is tried again every minute", job.name, why)
            self.failures[job.name] = why
        again = 60.0 if job.name in self.failures else job.every_s
        self._due[job.name] = self.clock() + again

    def _is_ours(self, context: Context) -> bool:
        try:
            if self._turn is None:
                self._turn = take_turn(context.store, context.config.data_dir)
            elif not self._turn.holds():
                self.close()
        except (*AWAY, OSError):
            # Whoever has the database does it; when nobody has, the store itself says so.
            self.close()
        return self._turn is not None

    def stop(self) -> None:
        """End soon what is under way, and begin nothing more."""
        self._stopping.set()

    def close(self) -> None:
        """Leave the work to another process. It starts with every job, and so does this one later."""
        if self._turn is not None:
            self._turn.give_up()
        self._turn = None
        self._due.clear()
