"""Somebody's own scorers: what is wrong with them is told in one line, and nothing they do ends an eval."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evals import custom_scorer, document
from evals.custom_judge import UNKNOWN
from evals.errors import ScorerError
from evals.judging import rubrics
from evals.run import GateVerdict
from evals.runner import score
from evals.scorer import build, build_all, ref
from evals.types import Case, Cause, Output
from tests.architecture.source import ROOT
from tests.evals.conftest import ChatServer, completion, item, write_golden
from tests.evals.judging.told import Told, ruled

MINE = '''
"""Scorers of a user's own."""
from evals.scorer import Measure
from evals.types import Score, Status

def polite():
    """Whether it says please."""
    return Measure("polite", "1", lambda case: True, lambda case, output: Score.of("please" in output.text))

def near(k=5):
    return Measure(f"near@{k}", "1", lambda case: True, lambda case, output: Score.of(k))

def _named(name):
    return Measure(name, "1", lambda case: True, lambda case, output: Score.of(1))

def clash(): return _named("exact")
def crooked(): return _named("No Good")
def twin(): return _named("polite")
def needy(api_key): return _named("needy")
def broken(): raise RuntimeError("sk-secret")
def leaves(): raise SystemExit(3)
def nothing(): return None
number = 5
ready = _named("ready")

class Odd:
    name, version, higher_is_better = "odd", "1", True
    def __init__(self, kind): self.kind = kind
    def applies(self, case):
        if self.kind == "applies": raise ValueError("no")
        return True
    async def __call__(self, case, output):
        print("noise")
        if self.kind == "raises": raise ValueError("sk-secret")
        if self.kind == "leaves": raise SystemExit(1)
        return 0.5 if self.kind == "returns" else None

import asyncio, threading
from evals.judging import rubrics

class Asks:
    name, version, higher_is_better = "asks", "1", True
    advisory = ""
    def __init__(self, judge): self.judge = judge
    def applies(self, case): return True
    async def __call__(self, case, output):
        ruling = await self.judge.rule(rubrics.load("answer"), {"answer": output.text})
        return Score.of(ruling.verdict == "correct")

def asks(judge): return Asks(judge)
def hides(judge): return _named("hides")

def _raises(self): raise ValueError("sk-secret")

class Shy(Odd): version = property(_raises)
class Nameless(Odd): name = property(_raises)
class Unsaid(Odd): version = None
class Undecided(Odd): higher_is_better = property(_raises)
class Boastful(Odd): advisory = property(_raises)
class Fickle(Odd):
    told = 0
    @property
    def version(self):
        self.told += 1
        if self.told > 2: raise ValueError("no")
        return "7"

def shy(): return Shy("")
def nameless(): return Nameless("")
def unsaid(): return Unsaid("")
def undecided(): return Undecided("")
def boastful(): return Boastful("")
def fickle(): return Fickle("")

def malformed():
    return Measure("malformed", "1", lambda case: True, lambda case, output: Score.of(1, spans=("x",)))

def truth():
    return Measure("truth", "1", lambda case: True, lambda case, output: Score(Status.SCORED, True))

def here():
    main = threading.get_ident()
    def needs(case): return threading.get_ident() != main
    return Measure("here", "1", needs, lambda case, output: Score.of(threading.get_ident() != main))

def hangs():
    return Measure("hangs", "1", lambda case: True, lambda case, output: threading.Event().wait())

def ponders():
    return Measure("ponders", "1", lambda case: threading.Event().wait(), lambda case, output: Score.of(1))

class Waits(Odd):
    async def __call__(self, case, output): await asyncio.Event().wait()

def waits(): return Waits("")

def raises(): return Odd("raises")
def exits(): return Odd("leaves")
def returns(): return Odd("returns")
def unsure(): return Odd("applies")
'''


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a module of scorers in it."""
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("absent:polite", "scorer absent:polite: there is no module 'absent': run where it is"),
        ("mine:absent", "module 'mine' has no 'absent'"),
        ("mine:number", "scorer mine:number is no factory"),
        ("mine:ready", "scorer mine:ready is a scorer, and no factory of one: name a function"),
        ("mine:nothing", "scorer mine:nothing returns no scorer, but NoneType without name"),
        ("mine:broken", r"scorer mine:broken raised RuntimeError, mine\.py:\d+"),
        ("mine:leaves", r"scorer mine:leaves raised SystemExit, mine\.py:\d+"),
        ("mine:needy", "scorer mine:needy needs 'api_key', which nobody gives"),
        ("mine:clash", "scorer mine:clash calls itself 'exact', as a built-in one is called: rename it"),
        ("mine:crooked", "scorer mine:crooked calls itself 'No Good': lower-case letters"),
        ("mine:polite@3", "scorer 'mine:polite' takes no @k"),
        ("mine:", "there is no scorer 'mine:'"),
        ("mine:po lite", "there is no scorer"),
        ("polite", "there is no scorer 'polite': name one of your own as module:factory, or choose from"),
        ("mine:shy", r"scorer mine:shy raised ValueError, mine\.py:\d+: call it in a shell"),
        ("mine:nameless", r"scorer mine:nameless raised ValueError, mine\.py:\d+"),
        ("mine:undecided", r"scorer mine:undecided raised ValueError, mine\.py:\d+"),
        ("mine:unsaid", "scorer mine:unsaid has a version that is NoneType and no text"),
        ("mi-ne:polite", "names no factory: write module:factory"),
    ],
)
def test_what_is_no_scorer_is_told_in_one_line(mine: Path, spec: str, says: str) -> None:
    """What is wrong and what to do; no word of what it raised."""
    with pytest.raises(ScorerError, match=says) as caught:
        build(spec)

    assert "sk-secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_scorers_of_one_name_are_refused(mine: Path) -> None:
    """One would hide the other's values."""
    with pytest.raises(ScorerError, match="'mine:polite' and 'mine:twin' are both called 'polite'"):
        build_all(["mine:polite", "mine:twin"])
    assert [scorer.name for scorer in build_all(["mine:polite", "mine:polite"])] == ["polite"]


async def test_a_depth_is_given_to_who_takes_one(mine: Path) -> None:
    """By the name, else the suite's."""
    assert [build(spec, k=9).name for spec in ("mine:near", "mine:near@2")] == ["near@9", "near@2"]
    assert (await build("mine:near@2")(Case("c", "h"), Output())).value == 2


def test_other_code_is_another_version(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that values of both are never compared."""
    before = build("mine:polite").version
    (mine / "mine.py").write_text(MINE.replace("please", "kindly"))
    monkeypatch.delitem(sys.modules, "mine")

    assert before.startswith("1+")
    assert build("mine:polite").version != before


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("mine:raises", r"the scorer raised ValueError, mine\.py:\d+"),
        ("mine:exits", r"the scorer raised SystemExit, mine\.py:\d+"),
        ("mine:returns", "the scorer returned float and no Score"),
        ("mine:malformed", "the scorer returned a Score whose spans hold str and no ScoreSpan"),
        ("mine:unsure", r"the scorer raised ValueError, mine\.py:\d+"),
    ],
)
async def test_whatever_a_scorer_does_one_score_is_missing(
    mine: Path, spec: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the reason; what it prints is kept out of what we print."""
    import re

    scorer = build(spec)
    found = await scorer(Case("c", "h"), Output(text="t"))

    assert scorer.applies(Case("c", "h"))
    assert (found.value, found.cause) == (None, Cause.SCORER)
    assert re.search(says, found.reason)
    assert "secret" not in found.reason
    assert capsys.readouterr().out == ""


async def test_true_is_one(mine: Path) -> None:
    """As a number, which JSON's `true` is not."""
    value = (await build("mine:truth")(Case("c", "h"), Output())).value

    assert (type(value), value) == (float, 1.0)


def test_a_version_that_can_be_told_only_once_is_kept(mine: Path) -> None:
    """And nothing that it says of itself ends an eval."""
    assert build("mine:fickle").version.startswith("7+")
    assert ref(build("mine:boastful")).advisory == "the scorer's advisory cannot be told"


async def test_plain_functions_leave_the_loop_alone(mine: Path) -> None:
    """A slow one would add to the time that the target takes."""
    scorer = build("mine:here")

    scores = await score(Case("c", "h"), Output(), [scorer])

    assert scores["here"].value == 1.0
    assert scorer.applies(Case("c", "h"))


@pytest.mark.parametrize("name", ["hangs", "ponders", "waits"])
async def test_a_scorer_that_hangs_leaves_one_score_out(
    mine: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the case gets one, in a thread or not."""
    monkeypatch.setattr(custom_scorer, "LIMIT_S", 0.05)
    scorer = build(f"mine:{name}")

    scores = await score(Case("c", "h"), Output(), [scorer])

    assert {one.reason for one in scores.values()} == {"the scorer gave no score within 0.05 s"}
    assert {one.cause for one in scores.values()} == {Cause.SCORER}
    assert scorer.applies(Case("c", "h"))


async def test_a_scorer_that_asks_a_judge_is_as_calibrated_as_that(mine: Path) -> None:
    """Whatever it says of itself, and also before it asked; its version names the judge."""
    judge = Told(lambda rubric, told: ruled("correct"))
    scorer = build("mine:asks", judge=judge)
    before = ref(scorer)

    found = await scorer(Case("c", "h"), Output(text="t"))
    after = ref(scorer)

    identity = judge.identity(rubrics.load("answer"))
    assert found.value == 1.0
    assert (before.advisory, before.judge) == (UNKNOWN, "")
    assert (after.advisory, after.judge) == ("answer is only told", identity)
    assert (identity[:12] in before.version, identity[:12] in after.version) == (False, True)
    assert ref(build("mine:hides", judge=judge)).advisory == UNKNOWN
    assert ref(build("mine:polite", judge=judge)).advisory == ""


def command(folder: Path, *words: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    """The program itself, in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "guardhouse", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=folder,
        input=given,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_a_suite_names_a_scorer_of_the_users_own(mine: Path, chat: ChatServer) -> None:
    """It is scored, gates by its name, and is compared by its version."""
    write_golden(mine / "golden", [item("a"), item("b")])
    (mine / "golden" / "suite.yaml").write_text(
        "scorers: [exact, 'mine:polite', 'mine:near@2']\ngating: [{metric: polite, min: 0.5}]\n"
        f"target: {{base_url: '{chat.base_url}', model: m}}\n"
    )
    chat.script = lambda request: (200, completion("yes please"), {})

    done = command(
        mine, "eval", "run", "--golden", "golden", "--out", "out", "--gate", "near@2:1", "--gate", "polite"
    )
    again = command(mine, "eval", "gate", "out/run.json", "--gate", "polite:0.1")
    refused = command(mine, "eval", "run", "--golden", "golden", "--gate", "politte")

    run = document.load(mine / "out" / "run.json")
    assert (done.returncode, again.returncode) == (0, 0), done.stderr + again.stderr
    assert run.gate.verdict is GateVerdict.NONE  # no threshold: --gate takes the place of the suite's rules
    assert [(scorer.name, scorer.version[:2]) for scorer in run.scorers if "+" in scorer.version] == [
        ("polite", "1+"),
        ("near@2", "1+"),
    ]
    assert run.summary["polite"].mean == 1.0
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "there is no scorer 'politte'" in refused.stderr


def test_lines_are_scored_by_a_scorer_of_the_users_own(mine: Path) -> None:
    """Its prints do not stand among the scores."""
    line = json.dumps({"answer": "please"}) + "\n"

    done = command(mine, "eval", "score", "--scorer", "mine:polite", "--jsonl", "-", given=line)
    odd = command(mine, "eval", "score", "--scorer", "mine:returns", "--jsonl", "-", given=line)
    absent = command(mine, "eval", "score", "--scorer", "mine:absent", "--jsonl", "-", given=line)

    told = json.loads(done.stdout)
    assert (done.returncode, told["value"], told["scorer"], told["version"][:2]) == (0, 1.0, "polite", "1+")
    assert (odd.returncode, json.loads(odd.stdout)["status"]) == (0, "unscored")
    assert (absent.returncode, absent.stdout) == (2, "")
    assert "has no 'absent'" in absent.stderr
    assert "Traceback" not in absent.stderr
