"""The plain executor is the runner."""

from __future__ import annotations

from pathlib import Path

from evals import runner
from evals.executors import Executor, Local
from evals.journal import Journal
from evals.opening import TargetSpec, open_target
from evals.run import RunItem
from evals.runner import Plan, jobs
from evals.scorer import build_all
from tests.evals.conftest import ChatServer
from tests.evals.on_ray import SCORERS, cases


async def test_it_gives_what_the_runner_gives(chat: ChatServer, tmp_path: Path) -> None:
    """Items, order and options are the runner's; the journal has them all."""
    target, scorers, told = open_target(TargetSpec(base_url=chat.base_url, model="m")), build_all(SCORERS), []
    plan = Plan(jobs(cases(4), 2), "prompt")
    executor: Executor = Local(target, scorers)

    def progress(item: RunItem) -> None:
        told.append(item.id)

    with Journal(tmp_path / "journal.jsonl") as journal:
        items = await executor.run(plan, journal, progress=progress)
        again = await runner.run(plan, target, scorers, journal)
    await target.aclose()

    assert items == again and [item.id for item in items] == sorted(told)
    assert len(items) == len(chat.requests) == 8
