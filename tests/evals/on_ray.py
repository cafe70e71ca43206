"""A program for the tests of Ray: it carries one plan out on a cluster, and prints the items as JSON.

Arguments as one JSON object on standard input: `base_url`, `cases`, `repeats`, `folder`, `key`, `arms` (runs at once), and either `kill` (a
cluster of two nodes is started here, and one of them killed after so many items) or nothing (OnRay starts its own).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evals.errors import EvalsError
from evals.executors import Executor, Local
from evals.journal import Journal
from evals.opening import TargetSpec, open_target
from evals.ray_executor import OnRay
from evals.run import RunItem
from evals.runner import Plan, jobs
from evals.scorer import build_all
from evals.types import Case, Expected

SCORERS = ("exact", "f1", "contains", "latency")


def cases(n: int) -> list[Case]:
    """As many cases; the server knows the answer to most."""
    return [
        Case(f"c{at:03}", f"{at:064x}", f"What about {at}?", expected=Expected(answer=f"All about {at}."))
        for at in range(n)
    ]


def two_nodes() -> Any:
    """A cluster of two nodes with two CPUs each, on loopback."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 2, "include_dashboard": False, "object_store_memory": 80_000_000},
    )
    cluster.add_node(num_cpus=2, object_store_memory=80_000_000)
    return cluster


def listened() -> set[str]:
    """The addresses that this process and all it started listen on."""
    import psutil  # ray brings it

    me = psutil.Process()
    sockets = [
        each for process in (me, *me.children(recursive=True)) for each in process.net_connections("tcp")
    ]
    return {each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN}


def places() -> set[str]:
    """The nodes on which workers are."""
    from ray._private import state

    return {actor["Address"]["NodeID"] for actor in state.actors().values() if actor["State"] == "ALIVE"}


async def side_by_side(executor: Executor, told: dict[str, Any], cluster: Any) -> list[list[RunItem]]:
    """The items of as many arms as are told, each with a journal of its own."""
    arms = (carried_out(executor, told, cluster, arm) for arm in range(told.get("arms", 1)))
    return list(await asyncio.gather(*arms))


async def carried_out(executor: Executor, told: dict[str, Any], cluster: Any, arm: int) -> list[RunItem]:
    """The items of one. The second node dies when `kill` of them are there."""
    seen = 0

    def progress(item: RunItem) -> None:
        nonlocal seen
        seen += 1
        if seen == 1 and isinstance(executor, OnRay):
            print(json.dumps(sorted(listened())), file=sys.stderr)
        if cluster is not None and seen == told["kill"]:
            print(json.dumps(sorted(places())), file=sys.stderr)
            cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)

    plan = Plan(jobs(cases(told["cases"]), told["repeats"]), "prompt", concurrency=8)
    with Journal(Path(told["folder"]) / f"journal-{arm}.jsonl") as journal:
        return await executor.run(plan, journal, progress=progress)


def main() -> None:
    """Runs it."""
    told = json.load(sys.stdin)
    spec = TargetSpec(base_url=told["base_url"], model="scripted")
    cluster = two_nodes() if "kill" in told else None
    executor: Executor
    if told.get("local"):
        executor = Local(open_target(spec, told["key"]), build_all(SCORERS))
    else:
        executor = OnRay(
            spec,
            told["key"],
            SCORERS,
            address=cluster.address if cluster else None,
            workers=told.get("workers", 4),
        )
    try:
        arms = asyncio.run(side_by_side(executor, told, cluster))
    except EvalsError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    finally:
        if cluster is not None:
            import ray

            ray.shutdown()
            cluster.shutdown()
    print(json.dumps([asdict(item) for items in arms for item in items]))


if __name__ == "__main__":
    main()
