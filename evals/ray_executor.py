"""A run over the workers of a Ray cluster: they ask and score, this process alone keeps journal, cache and order.

Without an address a cluster of this machine's CPUs is started, which listens on loopback only, asks for a token of its
own, and ends with this process. This is the only file that imports ray.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from evals import crew, runner
from evals.errors import EvalsError, Retryable, SuiteError, TargetError
from evals.ledger import Prices
from evals.opening import TargetSpec, open_target
from evals.run import RunItem, ScorerRef
from evals.scorer import Scorer, build_all, ref
from evals.types import Case, Output, Score
from guardrails.errors import GuardrailsError

if TYPE_CHECKING:
    from evals.journal import Journal

SHARE = 0.1
"""Of a CPU that a worker reserves. It waits for replies most of the time, and two arms have their workers at once."""
ALIKE = "install the same version of guardhouse everywhere, and the same files at the same paths"
STORE_BYTES = 100_000_000
"""Shared memory of a cluster of our own. Cases and outputs are small: ray's third of the machine is not needed."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What must be the same everywhere, or the workers would measure something else."""

    target: str
    """The target's signature."""
    scorers: tuple[ScorerRef, ...]


@dataclass(frozen=True, slots=True)
class OnRay:
    """Makes the calls on the workers of a Ray cluster.

    Args:
        spec: the target; each worker opens it for itself.
        api_key: goes to the workers in a call's arguments, which Ray neither logs nor stores.
        scorers: names, as `build_all` takes them.
        k: as `build_all` takes it.
        address: of a running cluster, as `ray.init` takes it; None starts one on this machine.
        workers: processes; None takes one for each CPU.
        here: scorers that ask a judge. They work in this process, which alone has its key, limits and rulings.
        prices: as `build_all` takes them.
    """

    spec: TargetSpec
    api_key: str = field(repr=False)
    scorers: Sequence[str]
    k: int = 5
    address: str | None = None
    workers: int | None = None
    here: Sequence[Scorer] = ()
    prices: Prices | None = None

    async def run(
        self, plan: runner.Plan, journal: Journal, **options: Unpack[runner.Options]
    ) -> list[RunItem]:
        """As in Executor.

        Raises SuiteError without Ray or its cluster, and TargetError when no worker can ask as this machine would.
        """
        target = open_target(self.spec, self.api_key)
        built = build_all(self.scorers, self.k, prices=self.prices)
        likeness = Likeness(target.ref.signature, tuple(map(ref, built)))
        order = (self.spec, self.api_key, tuple(self.scorers), self.k, self.prices)
        try:
            size = _connected(self.address, self.workers)
            async with crew.Crew(partial(_hired, order, likeness), size) as hands:
                asked = crew.CrewTarget(target, hands)
                scorers = [*crew.scorers(built, hands), *self.here]
                return await runner.run(plan, asked, scorers, journal, **options)
        finally:
            await target.aclose()


class Asker:
    """What runs on a worker. Failures that the runner tells apart are given back, not raised: Ray would wrap them."""

    async def open(
        self, spec: TargetSpec, api_key: str, scorers: Sequence[str], k: int, prices: Prices | None = None
    ) -> Likeness | Exception:
        """Opens target and scorers, and says what they are here."""
        try:
            self.target = open_target(spec, api_key)
            self._scorers = build_all(scorers, k, prices=prices)
        except (EvalsError, GuardrailsError) as error:
            return error
        return Likeness(self.target.ref.signature, tuple(map(ref, self._scorers)))

    async def ask(self, case: Case, repeat: int) -> Output | Exception:
        """The output, or what `Target.ask` raised."""
        try:
            return await self.target.ask(case, repeat)
        except (Retryable, EvalsError) as error:
            return error

    async def score(self, case: Case, output: Output) -> Mapping[str, Score]:
        """As `runner.score`."""
        return await runner.score(case, output, self._scorers)


@dataclass(frozen=True, slots=True, eq=False)
class RayWorker:
    """An Asker elsewhere."""

    actor: Any

    async def ask(self, case: Case, repeat: int) -> Output:
        """As in Worker. What else the target raised there is an output's error, as the runner has it."""
        import ray

        try:
            answer: Output | Exception = await _answer(self.actor.ask.remote(case, repeat))
        except ray.exceptions.RayTaskError as error:
            return Output(error=f"the target failed ({type(error.cause or error).__name__})")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def score(self, case: Case, output: Output) -> Mapping[str, Score]:
        """As in Worker."""
        scores: Mapping[str, Score] = await _answer(self.actor.score.remote(case, output))
        return scores

    def dismiss(self) -> None:
        """As in Worker."""
        import ray

        try:
            ray.kill(self.actor)
        except (ray.exceptions.RayError, ValueError):
            pass


async def _hired(order: tuple[Any, ...], expected: Likeness) -> RayWorker:
    """A worker that has opened the target. Raises Lost, and TargetError when it would measure something else."""
    import ray

    kind = ray.remote(Asker).options(
        num_cpus=SHARE, max_restarts=0, max_task_retries=0, max_concurrency=1024, scheduling_strategy="SPREAD"
    )
    worker = RayWorker(kind.remote())
    with ExitStack() as unless_fit:
        unless_fit.callback(worker.dismiss)
        try:
            found = await _answer(worker.actor.open.remote(*order))
        except ray.exceptions.RayTaskError as error:
            cause = type(error.cause or error).__name__
            raise TargetError(f"a worker cannot start ({cause})", fix=ALIKE) from None
        if isinstance(found, Exception):
            raise found
        if found != expected:
            what = "another target" if found.target != expected.target else "other scorers"
            raise TargetError(f"a worker has {what} than this machine", fix=ALIKE)
        unless_fit.pop_all()
    return worker


async def _answer(reply: Any) -> Any:
    """What a call on an actor gives; one that is given up is cancelled there. Raises Lost when the actor is gone, and
    RayTaskError for what the call raised."""
    import ray

    try:
        return await reply
    except ray.exceptions.RayTaskError:
        raise
    except ray.exceptions.RayError:
        raise crew.Lost from None
    except asyncio.CancelledError:
        ray.cancel(reply)
        raise


def _connected(address: str | None, workers: int | None) -> int:
    """Connects this process to a cluster unless it is; gives the number of workers to hire. Raises SuiteError.

    Ray ends the connection, and a cluster that was started for it, with the process: arms that are asked side by side
    and one after the other share it.
    """
    ray = _ray(own=address is None)
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        own = {"address": "local", "num_cpus": workers, "include_dashboard": False}
        settings |= own | {"object_store_memory": STORE_BYTES}
    else:
        settings["address"] = address
    try:
        if not ray.is_initialized():
            ray.init(**settings)
            _keep_stdout_clean(ray)
    except (ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
        where = f"the Ray cluster at {address} cannot be used" if address else "Ray cannot be started"
        fix = (
            "check --ray-address, and that this machine is a node of it"
            if address
            else "free memory and disk"
        )
        raise SuiteError(f"{where} ({type(error).__name__})", fix=fix) from None
    return workers or max(1, int(ray.cluster_resources().get("CPU", 1)))


def _keep_stdout_clean(ray: Any) -> None:
    """Ray tells of dead nodes on standard output, where `--json` prints the run: they go to standard error."""
    driver = ray._private.worker
    tell = driver.print_to_stdstream
    driver.print_to_stdstream = lambda data, ignore_prefix: tell(data | {"is_err": True}, ignore_prefix)


def _ray(own: bool) -> Any:
    """The library, told before it is imported what it asks its environment for. Raises SuiteError."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if own:
        # Ray takes the address by which other machines reach this one, unless clusters of machines are switched off.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        os.environ["RAY_AUTH_MODE"] = "token"
        # Ray reads it once, so a second cluster of this process has the same.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
    except ImportError:
        raise SuiteError("Ray is not installed", fix="pip install 'guardhouse[ray]'") from None
    return ray
