"""A run on a Ray cluster is the run of this process, also when half of the cluster goes away."""

from __future__ import annotations

import importlib.util
import json
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evals import ray_executor
from evals.arms import Arm, Place, measure
from evals.errors import Retryable, SuiteError
from evals.golden import load
from evals.journal import Journal
from evals.judging.client import open_judge
from evals.judging.spec import JudgeSpec
from evals.opening import TargetSpec, open_target
from evals.ray_executor import Asker, Likeness, OnRay
from evals.run import PromptRef
from evals.runner import Plan, jobs, score
from evals.scorer import build_all, ref
from evals.session import Setup
from evals.suite import default
from evals.types import Case, Output, Score
from tests.architecture.source import ROOT
from tests.evals.conftest import Answer, ChatServer, completion, item, write_golden
from tests.evals.judging.judge_server import serving
from tests.evals.on_ray import SCORERS, cases

installed = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="the extra `ray` is not installed"
)
KEY = "sk-kept-from-every-log"


def knows(request: dict[str, Any]) -> Answer:
    """Answers like a model that is right nine times in ten, a little late."""
    time.sleep(0.01)
    number = request["messages"][-1]["content"].removeprefix("What about ").removesuffix("?")
    return 200, completion("No idea." if int(number) % 10 == 0 else f"All about {number}."), {}


def ran(chat: ChatServer, folder: Path, **told: Any) -> subprocess.CompletedProcess[str]:
    """The program `on_ray` with 60 cases asked twice, unless told otherwise."""
    chat.script = knows
    folder.mkdir(exist_ok=True)
    given = {"base_url": chat.base_url, "cases": 60, "repeats": 2, "folder": str(folder), "key": KEY} | told
    program = [sys.executable, "-m", "tests.evals.on_ray"]
    # The folder of ray's sockets: their paths may have 107 bytes, which a test's own folder uses up.
    sessions = Path(tempfile.mkdtemp(prefix="gh"))
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "RAY_TMPDIR": str(sessions),
        "PYTHONPATH": str(ROOT),
    }
    try:
        return subprocess.run(
            program,
            input=json.dumps(given),
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=280,
            env=environment,
        )
    finally:
        shutil.move(sessions, folder / f"ray-{len(list(folder.iterdir()))}")


def items(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """What it printed, without the latencies. Ray adds nothing to it."""
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for each in told:
        del each["output"]["latency_ms"], each["scores"]["latency"]
    return told


async def test_a_worker_asks_and_scores_as_this_process_does(chat: ChatServer) -> None:
    """What is opened from names and plain values is the same target and the same scorers."""
    chat.script = knows
    spec, asker = TargetSpec(base_url=chat.base_url, model="scripted"), Asker()
    (case,) = cases(7)[6:]

    likeness = await asker.open(pickle.loads(pickle.dumps(spec)), KEY, SCORERS, 5)
    output = await asker.ask(pickle.loads(pickle.dumps(case)), 0)

    assert isinstance(output, Output)
    assert likeness == Likeness(open_target(spec).ref.signature, tuple(map(ref, build_all(SCORERS))))
    assert output.text == "All about 6."
    scores = await asker.score(case, output)
    assert scores == await score(case, output, build_all(SCORERS)) and set(scores) == set(SCORERS)
    await asker.target.aclose()


async def test_a_worker_gives_back_what_it_may_not_raise(chat: ChatServer) -> None:
    """Ray would wrap it: the runner must see a throttled call, and what nobody can ask, as they are."""
    chat.script = lambda request: (429, {"error": {"message": "slow down"}}, {"retry-after": "3"})
    asker = Asker()
    await asker.open(TargetSpec(base_url=chat.base_url, model="scripted"), KEY, SCORERS, 5)

    told = pickle.loads(pickle.dumps(await asker.ask(cases(1)[0], 0)))
    await asker.target.aclose()
    wrong = pickle.loads(pickle.dumps(await asker.open(TargetSpec(), KEY, ("exakt",), 5)))

    assert isinstance(told, Retryable) and (told.throttled, told.wait_s) == (True, 3.0)
    assert isinstance(wrong, SuiteError) and "--base-url" in str(wrong)


async def test_without_ray_it_says_what_to_install(
    chat: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is asked."""
    monkeypatch.setitem(sys.modules, "ray", None)
    for name in (
        "RAY_USAGE_STATS_ENABLED",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER",
        "RAY_AUTH_MODE",
        "RAY_AUTH_TOKEN",
    ):
        monkeypatch.setenv(name, "")
    spec = TargetSpec(base_url=chat.base_url, model="scripted")

    with (
        Journal(tmp_path / "journal.jsonl") as journal,
        pytest.raises(SuiteError, match=r"Ray is not installed: pip install 'guardhouse\[ray\]'"),
    ):
        await OnRay(spec, KEY, SCORERS).run(Plan(jobs(cases(3), 1), "prompt"), journal)

    assert chat.requests == []


class Near:
    """A worker that is no other process."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def ask(self, case: Case, repeat: int) -> Output:
        """As in Worker."""
        answer = await self._asker.ask(case, repeat)
        assert isinstance(answer, Output)
        return answer

    async def score(self, case: Case, output: Output) -> Mapping[str, Score]:
        """As in Worker."""
        return await self._asker.score(case, output)

    def dismiss(self) -> None:
        """As in Worker."""


async def test_a_judge_is_asked_by_this_process_alone(
    chat: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers score by the other scorers; they get neither the judge nor its key."""
    orders, askers = [], []

    async def hired(order: tuple[Any, ...], expected: Likeness) -> Near:
        orders.append(order)
        asker = Asker()
        assert await asker.open(*order) == expected
        askers.append(asker)
        return Near(asker)

    monkeypatch.setattr(ray_executor, "_hired", hired)
    monkeypatch.setattr(ray_executor, "_connected", lambda address, workers: 1)
    chat.script = lambda request: (200, completion("It is known."), {})
    place = Place(KEY, on_ray=True)
    only = Arm(
        "x", PromptRef("none", "", "0"), TargetSpec(base_url=chat.base_url, model="m"), tmp_path / "out"
    )
    golden = load(write_golden(tmp_path / "golden", [item(f"c{n}") for n in range(3)]))
    (tmp_path / "golden" / "suite.yaml").write_text("scorers: [answer_judged, exact]\n")
    with serving() as bench:
        judge = open_judge(JudgeSpec(bench.base_url, "j"), "k")
        setup = Setup(default(tmp_path / "golden"), golden, only.prompt, only.folder, judge=judge)
        run = await measure(setup, only, place)
        await judge.aclose()
        asked = len(bench.requests)
    await askers[0].target.aclose()

    assert [order[2] for order in orders] == [("exact",)]
    assert asked == 3
    assert {name: summary.mean for name, summary in run.summary.items()} == {
        "answer_judged": 0.0,
        "exact": 0.0,
    }
    assert run.grading is not None and run.grading.calls == 3


def test_the_key_is_in_no_text_of_the_executor() -> None:
    """Whoever prints it prints no key."""
    assert KEY not in repr(OnRay(TargetSpec(), KEY, SCORERS))


def lists(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
    """What it noted on the way."""
    return [json.loads(line) for line in done.stderr.splitlines() if line.startswith('["')]


@pytest.mark.extra
@installed
@pytest.mark.timeout(300)
def test_a_run_that_loses_a_node_is_the_run_of_one_process(chat: ChatServer, tmp_path: Path) -> None:
    """Two nodes, one killed after forty items: the same items in the same order, and no answer asked for again.

    Only what was under way on the dead node may have been asked twice.
    """
    here = items(ran(chat, tmp_path / "here", local=True))
    chat.requests.clear()

    done = ran(chat, tmp_path / "there", kill=40)
    there = items(done)

    assert len(lists(done)[-1]) == 2, "workers were not on both nodes"
    assert there == here and len(there) == 120
    assert {score["value"] for item in there for score in item["scores"].values()} >= {0.0, 1.0}
    asked = Counter(request["messages"][-1]["content"] for request in chat.requests)
    assert 120 <= sum(asked.values()) <= 128


@pytest.mark.extra
@installed
@pytest.mark.timeout(300)
def test_a_cluster_of_our_own_keeps_to_itself(chat: ChatServer, tmp_path: Path) -> None:
    """It listens on loopback only, resumes from the journal, and the key stands in no file of it."""
    done = ran(chat, tmp_path / "run", workers=2)
    first = items(done)
    assert {address.rpartition(":")[2] for address in json.loads(done.stderr.splitlines()[-1])} == {
        "127.0.0.1"
    }
    asked = len(chat.requests)
    again = items(ran(chat, tmp_path / "run", workers=2))

    assert (again, len(chat.requests)) == (first, asked)
    logs = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("session" in str(path) for path in logs)
    assert [path for path in logs if KEY.encode() in path.read_bytes()] == []
