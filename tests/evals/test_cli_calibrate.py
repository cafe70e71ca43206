"""`guardhouse eval calibrate` against a scripted judge on a real socket, and the gate that follows from it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.judging.calibration import load
from tests.evals.commands import call
from tests.evals.conftest import ChatServer, completion
from tests.evals.judging.labelled import line, write_labels

ROOT = Path(__file__).resolve().parents[2]


def items(n: int) -> list[dict[str, Any]]:
    """Answers beside the expected one; every other one is wrong."""
    made = []
    for place in range(n):
        label = "wrong" if place % 2 else "correct"
        said = f"It is {place + 7 * (place % 2)}."
        made.append(line(f"i{place:03}", label, answer=said, expected=f"It is {place}."))
    return made


def judging(
    request: dict[str, Any], verdict: Callable[[str, str], str] | None = None
) -> tuple[int, Any, dict[str, str]]:
    """Reads both answers from the request, and compares them."""
    user = request["messages"][1]["content"]
    expected, answer = re.findall(r"It is (\d+)\.", user)
    said = verdict(expected, answer) if verdict else ("correct" if expected == answer else "wrong")
    body = completion(
        json.dumps({"explanation": "compared", "verdict": said}) if said else "I would rather not say"
    )
    return 200, {**body, "usage": {"prompt_tokens": 100, "completion_tokens": 10}}, {}


def calibrate(folder: Path, chat: ChatServer, *more: object) -> Any:
    """The command against the scripted judge."""
    asked = ("--judge-url", chat.base_url, "--judge-model", "m", "--judge-key", "k")
    return call("eval", "calibrate", "--labels", folder, "--rubric", "answer", *asked, *more)


def test_a_good_judge_may_gate(tmp_path: Path, chat: ChatServer) -> None:
    """Exit code 0; cost before, figures after; every item three times; the file says the same."""
    chat.script = judging
    folder = write_labels(tmp_path / "labels", items(100))

    done = calibrate(folder, chat, "--out", tmp_path / "judge.json")

    assert done.exit_code == 0, done.output
    assert "at most 300 rulings" in done.stderr
    assert done.stdout.startswith(
        "MAY GATE  every bar is reached\nanswer 1, judged by m (answered as scripted-1)"
    )
    assert "kappa             1.000  (95 %: 1.000 … 1.000)" in done.stdout
    assert len(chat.requests) == 300
    entry = load(tmp_path / "judge.json").entries[0]
    assert (entry.n, entry.figures.rulings, entry.policy, entry.model) == (100, 300, "labels/policy.md", "m")
    assert entry.unfit() == []


def test_an_unfit_judge_is_measured(tmp_path: Path, chat: ChatServer) -> None:
    """Exit code 1 and why; with --json the figures are the same."""
    chat.script = lambda request: judging(request, lambda expected, answer: "correct")
    folder = write_labels(tmp_path / "labels", items(30))

    done = calibrate(folder, chat, "--out", tmp_path / "judge.json", "--json")

    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert (told["may_gate"], told["figures"]["kappa"], told["figures"]["accuracy"]) == (False, 0.0, 0.5)
    assert [reason.split(" are ")[0] for reason in told["unfit"]][:1] == ["30 labelled items"]
    assert "too few to gate by" in done.stderr
    plain = calibrate(folder, chat, "--out", tmp_path / "judge.json").stdout
    assert plain.startswith(
        "ADVISORY  30 labelled items are fewer than 100; kappa's lower bound 0.000 is below 0.40"
    )
    assert "no better than chance" in plain


def test_a_judge_that_says_nothing_could_not_be_measured(tmp_path: Path, chat: ChatServer) -> None:
    """Exit code 2, the reason, and no file."""
    chat.script = lambda request: judging(request, lambda expected, answer: "")
    folder = write_labels(tmp_path / "labels", items(4))

    done = calibrate(folder, chat, "--out", tmp_path / "judge.json")

    assert done.exit_code == 2
    assert "could not be measured: no ruling has a verdict (12 x " in done.stderr
    assert not (tmp_path / "judge.json").exists()


def test_a_calibration_keeps_to_its_limit(tmp_path: Path, chat: ChatServer) -> None:
    """What is beyond has no verdict, and is told so before and after."""
    chat.script = judging
    folder = write_labels(tmp_path / "labels", items(4))

    done = calibrate(folder, chat, "--out", tmp_path / "judge.json", "--judge-limit-calls", 8)

    assert done.exit_code == 1, done.output
    assert len(chat.requests) == 8
    assert "limit 8 calls: about 4 rulings would stay unscored" in done.stderr
    assert "4 x the judge's limit of 8 calls is spent" in done.stdout


REFUSED: list[tuple[Callable[[Path], Path], tuple[str, ...], str]] = [
    (lambda at: write_labels(at, [line("a", "correct", expected="x")]), (), "kappa is not defined"),
    (
        lambda at: write_labels(at, [*items(4)[:2], line("z", "fine")]),
        (),
        "is labelled 'fine', which rubric answer",
    ),
    (lambda at: write_labels(at, [{**items(1)[0], "kind": "judge"}]), (), "only people's labels"),
    (lambda at: write_labels(at, [{**each, "by": "m"} for each in items(4)]), (), "the judge itself"),
    (lambda at: at, (), "there are no labels in"),
    (lambda at: write_labels(at, items(4)), ("--rubric", "taste"), "there is no rubric 'taste'"),
    (lambda at: write_labels(at, items(4)), ("--rubric", "answer@9"), "has no version '9'"),
    (lambda at: write_labels(at, items(4)), ("--out", "."), "is a folder"),
]


@pytest.mark.parametrize(("make", "more", "told"), REFUSED, ids=[told for _, _, told in REFUSED])
def test_what_cannot_be_measured_is_refused_before_anything_is_asked(
    tmp_path: Path, chat: ChatServer, make: Callable[[Path], Path], more: tuple[str, ...], told: str
) -> None:
    """One line, exit code 2, no call."""
    done = calibrate(make(tmp_path / "labels"), chat, "--out", tmp_path / "judge.json", *more)

    assert done.exit_code == 2
    assert done.stderr.startswith("guardhouse: ")
    assert told in done.stderr
    assert chat.requests == []


def test_a_place_and_a_judge_are_needed(tmp_path: Path, chat: ChatServer) -> None:
    """And a file that is there is one of calibrations."""
    folder = write_labels(tmp_path / "labels", items(4))

    assert (
        "there is no judge to calibrate"
        in call("eval", "calibrate", "--labels", folder, "--rubric", "answer").stderr
    )
    assert "there is no place for the calibration" in calibrate(folder, chat).stderr
    (tmp_path / "other.json").write_text("{}")
    assert (
        "is not a guardhouse.calibration/1"
        in calibrate(folder, chat, "--out", tmp_path / "other.json").stderr
    )


def test_the_guides_example_works(tmp_path: Path, chat: ChatServer) -> None:
    """Policy and labels as a reader copies them: bound, of the rubric, and measured."""
    text = (ROOT / "docs" / "guides" / "calibrate-a-judge.md").read_text("utf-8")
    blocks = dict(re.findall(r"```(markdown|json)\n(.*?)```", text, re.S))
    chat.script = lambda request: (200, completion('{"explanation": "-", "verdict": "correct"}'), {})
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "policy.md").write_text(blocks["markdown"], "utf-8")
    (tmp_path / "labels" / "labels.jsonl").write_text(blocks["json"], "utf-8")

    done = calibrate(tmp_path / "labels", chat, "--out", tmp_path / "judge.json")

    assert done.exit_code == 1, done.output
    assert load(tmp_path / "judge.json").entries[0].n == 4


def test_a_rubric_that_judges_claim_by_claim(tmp_path: Path, chat: ChatServer) -> None:
    """An answer's label is held against the worst of its claims' verdicts."""

    def script(request: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        user = request["messages"][1]["content"]
        said = re.findall(r"^(\d)\. (.*)$", user, re.M)
        verdicts = [
            {"number": int(n), "verdict": "unsupported" if "free" in claim else "supported"}
            for n, claim in said
        ]
        return 200, completion(json.dumps({"explanation": "-", "verdicts": verdicts})), {}

    chat.script = script
    answers = {"a": "It opens at nine.", "b": "It opens at nine. Parking is free.", "c": "Coffee is free."}
    labels = {"a": "supported", "b": "contradicted", "c": "unsupported"}
    given = [line(name, labels[name], answer=answer) for name, answer in answers.items()]
    folder = write_labels(tmp_path / "labels", given)

    done = calibrate(folder, chat, "--rubric", "groundedness", "--out", tmp_path / "judge.json", "--json")

    assert done.exit_code == 1, done.output
    figures = json.loads(done.stdout)["figures"]
    assert (figures["kappa"], figures["unreadable"]) == (1.0, 0)
    assert figures["confusion"]["contradicted/unsupported"]["contradicted/unsupported"] == 6


def test_ctrl_c_leaves_no_half_file(tmp_path: Path, chat: ChatServer) -> None:
    """Exit code 130, one line, and the calibration that was there before."""
    chat.script = lambda request: (time.sleep(0.05), judging(request))[1]
    folder = write_labels(tmp_path / "labels", items(100))
    place = tmp_path / "judge.json"
    command = [
        sys.executable,
        "-m",
        "guardhouse",
        "eval",
        "calibrate",
        "--labels",
        str(folder),
        "--rubric",
        "answer",
    ]
    command += ["--judge-url", chat.base_url, "--judge-model", "m", "--out", str(place)]
    running = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        # Tests that run in the background of a shell are started with Ctrl-C ignored, and hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  (nothing else runs in it)
    )
    while len(chat.requests) < 5 and running.poll() is None:
        time.sleep(0.05)

    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=60)

    assert running.returncode == 130, stderr
    assert "interrupted: nothing was written" in stderr
    assert "Traceback" not in stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels"]


def _gated(place: Path, chat: ChatServer, *more: object, judge: str = "scripted-1") -> Any:
    """An eval that gates by the judge. The target answers rightly; the judge compares, and names its model."""

    def both(request: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        if request["model"] == "m":
            user = request["messages"][1]["content"]
            if "It is" in user:
                return judging(request)
            said = json.dumps({"explanation": "compared", "verdict": "correct"})
            return 200, {**completion(said), "model": judge}, {}
        name = request["messages"][-1]["content"].removeprefix("What about ").removesuffix("?")
        return 200, {**completion(f"All about {name}."), "model": "target-1"}, {}

    chat.script = both
    asked = ("--golden", place / "golden", "--base-url", chat.base_url, "--model", "target", "--out")
    return call("eval", "run", *asked, place / f"run-{len(list(place.iterdir()))}", "--json", *more)


def test_calibrated_it_gates_and_changed_it_does_not(place: Path, chat: ChatServer) -> None:
    """Without a calibration the run is invalid; with one it passes; with another temperature, or another model under
    its name, it is invalid again."""
    suite = place / "golden" / "suite.yaml"
    judge = "judge: {base_url: '%s', model: m, calibration: ../judge.json%s}\n"
    rest = "scorers: [answer_judged]\ngating: [{metric: answer_judged, min: 0.9}]\n"
    chat.script = judging
    folder = write_labels(place / "labels", items(100))
    suite.write_text(rest + f"judge: {{base_url: '{chat.base_url}', model: m}}\n")
    before = _gated(place, chat)
    suite.write_text(rest + judge % (chat.base_url, ""))
    chat.script = judging
    made = call("eval", "calibrate", "--labels", folder, "--rubric", "answer", "--suite", suite)
    after = _gated(place, chat)
    suite.write_text(rest + judge % (chat.base_url, ", temperature: 0.1"))
    changed = _gated(place, chat)
    suite.write_text(rest + judge % (chat.base_url, ""))
    moved = _gated(place, chat, judge="scripted-2")

    assert made.exit_code == 0, made.output
    assert (before.exit_code, after.exit_code, changed.exit_code) == (2, 0, 2)
    reasons = [json.loads(each.stdout)["gate"]["reason"] for each in (before, after, changed, moved)]
    assert "was not calibrated" in reasons[0]
    assert reasons[1] == "answer_judged hold"
    assert "not calibrated as it is now" in reasons[2]
    assert (moved.exit_code, "answered as scripted-2, and was calibrated as scripted-1" in reasons[3]) == (
        2,
        True,
    )
