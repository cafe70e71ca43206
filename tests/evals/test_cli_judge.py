"""Evals with a judge, run as a user runs them, against a judge that answers on a real socket."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evals import document
from evals.run import Grading, Run
from evals.types import Status
from tests.evals.commands import call, knows
from tests.evals.conftest import ChatServer, item, write_golden
from tests.evals.judging.judge_server import BROKEN, MODEL, RECOVERED, JudgeServer, said, serving, verdict

N = 40


@pytest.fixture
def bench() -> Iterator[JudgeServer]:
    """A judge that rules rightly until a test gives another script."""
    with serving() as server:
        yield server


@pytest.fixture
def asked(tmp_path: Path, chat: ChatServer) -> Path:
    """A golden set whose suite scores by a judge, and a prompt under which every answer is right."""
    golden = write_golden(tmp_path / "golden", [item(f"c{n:02}") for n in range(N)])
    (golden / "suite.yaml").write_text("scorers: [exact, answer_judged]\n")
    (tmp_path / "good.txt").write_text("Be careful.")
    (tmp_path / "bad.txt").write_text("Be quick.")
    chat.script = knows
    return tmp_path


def run(place: Path, chat: ChatServer, *more: object, out: str = "out", prompt: str = "good.txt") -> Any:
    """The result of `eval run`."""
    target = ("--base-url", chat.base_url, "--model", "m", "--prompt", place / prompt)
    return call("eval", "run", "--golden", place / "golden", *target, "--out", place / out, *more)


def by(server: JudgeServer, model: str = "j") -> tuple[object, ...]:
    """The options that name a judge."""
    return "--judge-url", server.base_url, "--judge-model", model


def loaded(place: Path, out: str = "out") -> Run:
    """The run's document."""
    return document.load(place / out / "run.json")


def test_a_run_tells_who_judged_and_what_it_cost(asked: Path, chat: ChatServer, bench: JudgeServer) -> None:
    """Apart from what the target cost; a judge without calibration is advisory."""
    result = run(asked, chat, *by(bench))

    told = loaded(asked)
    assert result.exit_code == 0, result.output
    assert told.summary["answer_judged"].mean == 1.0
    assert told.judge is not None
    assert (told.judge.base_url, told.judge.model, told.judge.answered_models) == (
        bench.base_url,
        "j",
        (MODEL,),
    )
    assert told.grading == Grading(N, 0, 0, 100 * N, 10 * N, 0, None)
    assert told.ledger.attempts == N
    scorer = {each.name: each for each in told.scorers}["answer_judged"]
    assert scorer.judge == told.judge.identities["answer_judged"]
    assert scorer.version == f"1+{scorer.judge[:12]}"
    assert scorer.advisory == "the judge was not calibrated: run `guardhouse eval calibrate`"
    assert f"at most {N} rulings" in result.stderr and "no limit is set" in result.stderr


WAYS = [*RECOVERED.items(), *BROKEN.items()]


def test_one_reply_in_five_corrupted_becomes_no_number(
    asked: Path, chat: ChatServer, bench: JudgeServer
) -> None:
    """Eight ways, one after the other, also where the judge is asked again: two are read, six are unscored with the text."""
    ids = [f"c{n:02}" for n in range(N)]
    corrupted = {name: WAYS[place] for place, name in enumerate(ids[::5])}

    def script(request: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        good = verdict(request)
        name = next(name for name in ids if f"What about {name}?" in request["messages"][1]["content"])
        return 200, said(corrupted[name][1](good) if name in corrupted else good), {}

    bench.script = script
    run(asked, chat, *by(bench))

    scores = {each.id: each.scores["answer_judged"] for each in loaded(asked).items}
    wrong = {name for name, (way, _) in corrupted.items() if way in BROKEN}
    assert len(corrupted) == 8
    assert {name for name, score in scores.items() if score.status is Status.UNSCORED} == wrong
    assert {scores[name].value for name in scores.keys() - wrong} == {1.0}
    for name in wrong:
        way = corrupted[name][0]
        assert scores[name].value is None and scores[name].reason
        assert bool(scores[name].reply) == (way != "empty")
    grading = loaded(asked).grading
    assert grading is not None
    assert (grading.calls, grading.unreadable) == (
        N + len(wrong) - 1,
        len(wrong),
    )  # a refusal is not asked again


def test_what_was_repaired_is_read(asked: Path, chat: ChatServer, bench: JudgeServer) -> None:
    """The judge is shown what was wrong, once."""
    seen = []

    def script(request: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        seen.append(request["messages"])
        return 200, said(verdict(request) if len(request["messages"]) > 2 else "Splendid!"), {}

    bench.script = script
    run(asked, chat, *by(bench))

    told = loaded(asked)
    assert told.summary["answer_judged"].mean == 1.0
    assert told.grading is not None and told.grading.calls == 2 * N
    repair = next(messages for messages in seen if len(messages) > 2)
    assert repair[2] == {"role": "assistant", "content": "Splendid!"}
    assert "holds no JSON object" in repair[3]["content"]


def test_a_run_that_goes_on_pays_for_no_ruling_again(
    asked: Path, chat: ChatServer, bench: JudgeServer
) -> None:
    """And its books are those of a run that was never broken off."""
    run(asked, chat, *by(bench))
    before = loaded(asked)
    asked_before = len(bench.requests)

    run(asked, chat, *by(bench))

    after = loaded(asked)
    assert len(bench.requests) == asked_before
    assert (after.grading, after.judge) == (before.grading, before.judge)
    assert [each.scores for each in after.items] == [each.scores for each in before.items]


def test_failures_are_not_kept(asked: Path, chat: ChatServer, bench: JudgeServer) -> None:
    """They are asked for again when the run goes on; what was paid for them stays in the books."""
    bench.script = lambda request: (200, said("I cannot help with that."), {})
    run(asked, chat, *by(bench), "--cache", asked / "cache.sqlite")
    assert loaded(asked).summary["answer_judged"].n == 0

    bench.script = lambda request: (200, said(verdict(request)), {})
    run(asked, chat, *by(bench), "--cache", asked / "cache.sqlite")

    told = loaded(asked)
    assert told.summary["answer_judged"].mean == 1.0
    assert told.grading is not None and (told.grading.calls, told.grading.unreadable) == (2 * N, 0)


def test_runs_share_rulings_in_the_cache(asked: Path, chat: ChatServer, bench: JudgeServer) -> None:
    """The same file as the answers', in a table of its own."""
    run(asked, chat, *by(bench), "--cache", asked / "cache.sqlite")
    asked_before = len(bench.requests)

    run(asked, chat, *by(bench), "--cache", asked / "cache.sqlite", out="again")

    told = loaded(asked, "again")
    assert len(bench.requests) == asked_before
    assert told.grading == Grading(0, N, 0, 0, 0, 0, None)
    assert told.summary == loaded(asked).summary
    with sqlite3.connect(asked / "cache.sqlite") as database:
        assert database.execute(
            "select (select count(*) from output), (select count(*) from ruling)"
        ).fetchone() == (
            N,
            N,
        )


def test_beyond_its_limit_nothing_is_asked_and_nothing_made_up(
    asked: Path, chat: ChatServer, bench: JudgeServer
) -> None:
    """What is left out is told before, and unscored after."""
    with (asked / "golden" / "suite.yaml").open("a") as file:
        file.write("judge: {limit_calls: 10}\n")

    result = run(asked, chat, *by(bench))

    scores = [each.scores["answer_judged"] for each in loaded(asked).items]
    missing = [score for score in scores if score.status is Status.UNSCORED]
    assert f"limit 10 calls: about {N - 10} rulings would stay unscored" in result.stderr
    assert len(bench.requests) == 10
    assert len(missing) == N - 10
    assert {score.reason for score in missing} == {"the judge's limit of 10 calls is spent"}


def test_a_limit_in_dollars_is_reckoned_with_prices(
    asked: Path, chat: ChatServer, bench: JudgeServer
) -> None:
    """Each ruling is 100 tokens in and 10 out; prices are of one million."""
    with (asked / "golden" / "suite.yaml").open("a") as file:
        file.write("judge: {limit_usd: 0.01, price: {input: 5, output: 10}}\n")

    result = run(asked, chat, *by(bench))

    grading = loaded(asked).grading
    assert grading is not None and grading.usd is not None
    assert 0.003 < grading.usd <= 0.01
    assert "USD" in result.stderr
    reasons = {each.scores["answer_judged"].reason for each in loaded(asked).items}
    assert "the judge's limit of 0.01 USD is spent" in reasons


def test_the_model_under_test_does_not_judge_itself(asked: Path, chat: ChatServer) -> None:
    """The same address and model, however it is written; nothing is asked."""
    same = chat.base_url.replace("http://", "HTTP://") + "/"

    result = run(asked, chat, "--judge-url", same, "--judge-model", "m")

    assert result.exit_code == 2
    assert "the judge 'm' is the model under test" in result.stderr
    assert chat.requests == []


def test_a_judge_that_answers_as_the_model_under_test_judges_nothing(
    asked: Path, chat: ChatServer, bench: JudgeServer
) -> None:
    """Another address may be the same model: what it said is no number, unless it was allowed, and then advisory."""
    bench.script = lambda request: (200, said(verdict(request), model="scripted-1"), {})

    run(asked, chat, *by(bench))
    told = loaded(asked)
    assert told.summary["answer_judged"].n == 0
    assert "so did the model under test" in told.items[0].scores["answer_judged"].reason
    assert len(bench.requests) < N

    with (asked / "golden" / "suite.yaml").open("a") as file:
        file.write("judge: {allow_model_under_test: true}\n")
    run(asked, chat, *by(bench), out="allowed")
    told = loaded(asked, "allowed")
    assert told.summary["answer_judged"].mean == 1.0
    assert {each.name: each.advisory for each in told.scorers}["answer_judged"] == (
        "the judge is the model under test"
    )


def test_what_it_said_before_it_was_known_is_no_number_either(
    asked: Path, chat: ChatServer, bench: JudgeServer
) -> None:
    """Which cases came before is chance. Answers that nobody was asked about go with the others."""
    late = f"c{N - 1:02}"

    def script(request: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        own = late in request["messages"][1]["content"]
        return 200, said(verdict(request), **({"model": "scripted-1"} if own else {})), {}

    bench.script = script
    for _ in range(2):  # and a run that goes on is no way around
        run(asked, chat, *by(bench), "--concurrency", 1)

        told = loaded(asked)
        scores = [each.scores["answer_judged"] for each in told.items]
        assert told.summary["answer_judged"].n == 0
        assert all("so did the model under test" in score.reason for score in scores)
        assert any(score.usage for score in scores)
        assert told.summary["exact"].n == N


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "scorer 'answer_judged' asks a judge, and there is none"),
        (("--judge-url", "http://127.0.0.1:9/v1"), "the judge has no model"),
        (("--judge-model", "j"), "the judge has no base_url"),
        (
            ("--judge-url", "http://127.0.0.1:9/v1", "--judge-model", "j"),
            "the judge at http://127.0.0.1:9/v1",
        ),
        (("--judge-url", "ftp://x", "--judge-model", "j"), "is no web address"),
        (("--judge-url", "http://u:secret@x/v1", "--judge-model", "j"), "holds more than an address"),
        (("--judge-url", "", "--judge-model", "j"), "--judge-url is empty"),
    ],
)
def test_a_judge_that_cannot_be_asked_ends_the_command_at_once(
    asked: Path, chat: ChatServer, options: tuple[str, ...], message: str
) -> None:
    """One line, exit code 2, and the target was not asked."""
    result = run(asked, chat, *options)

    assert result.exit_code == 2
    assert message in result.stderr
    assert "secret" not in result.output
    assert chat.requests == []


def test_a_refused_key_is_told_with_what_to_do(asked: Path, chat: ChatServer, bench: JudgeServer) -> None:
    """The judge's own option, not the target's."""
    bench.models_status = 401

    result = run(asked, chat, *by(bench), "--judge-key", "sk-judge")

    assert result.exit_code == 2
    assert f"the judge at {bench.base_url} refuses the key: give it with --judge-key" in result.stderr
    assert "sk-judge" not in result.output


@pytest.mark.parametrize(
    ("options", "environment", "key"),
    [
        (("--judge-key", "a"), {"GUARDHOUSE_JUDGE_KEY": "b", "GUARDHOUSE_API_KEY": "c"}, "a"),
        (("--api-key", "a"), {"GUARDHOUSE_JUDGE_KEY": "b", "GUARDHOUSE_API_KEY": "c"}, "b"),
        (("--api-key", "a"), {"GUARDHOUSE_API_KEY": "c"}, "none"),
        ((), {"GUARDHOUSE_API_KEY": "c"}, "none"),
    ],
)
def test_the_judges_key_is_its_own(
    asked: Path,
    chat: ChatServer,
    bench: JudgeServer,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    environment: dict[str, str],
    key: str,
) -> None:
    """By option, then by variable; at another address the target's is never sent."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    run(asked, chat, *by(bench), *options)

    assert bench.keys == {key}


def test_at_the_targets_address_its_key_is_the_judges_too(asked: Path, chat: ChatServer) -> None:
    """As where both are reached through one proxy."""
    result = run(asked, chat, "--judge-url", chat.base_url, "--judge-model", "other", "--api-key", "one")

    assert "other judges at" in result.stderr
    assert {request["model"] for request in chat.requests} == {"m", "other"}
    assert chat.keys == {"one"}


def test_two_arms_share_a_judge_and_each_tells_its_costs(
    asked: Path, chat: ChatServer, bench: JudgeServer
) -> None:
    """Equal answers are judged once; what one arm paid is cached for the other."""
    result = run(
        asked, chat, *by(bench), "--candidate", f"prompt:{asked / 'bad.txt'}", "--baseline",
        f"prompt:{asked / 'good.txt'}", "--gate", "answer_judged",
    )  # fmt: skip

    new, old = loaded(asked), loaded(asked, "out/baseline")
    assert new.grading is not None and old.grading is not None
    assert new.grading.calls + old.grading.calls == len(bench.requests)
    assert new.summary["answer_judged"].mean == 0.0, result.output
    assert old.summary["answer_judged"].mean == 1.0
    assert {each.name: each.version for each in new.scorers} == {
        each.name: each.version for each in old.scorers
    }


def test_values_of_another_judge_are_not_compared(asked: Path, chat: ChatServer, bench: JudgeServer) -> None:
    """The difference is listed, and the metric left out."""
    run(asked, chat, *by(bench, "j"), out="before")
    call("eval", "accept", asked / "before" / "run.json", "--to", asked / "base.json")

    run(asked, chat, *by(bench, "k"), "--baseline", asked / "base.json", "--gate", "answer_judged")

    told = loaded(asked)
    assert told.baseline is not None
    assert any(line.startswith("judge: j at ") for line in told.baseline.differences)
    assert any(line.startswith("scorer answer_judged: 1+") for line in told.baseline.differences)
    compared = {each.metric: each for each in told.gate.metrics}["answer_judged"]
    assert compared.delta is None
    assert compared.verdict.value in {"invalid", "inconclusive"}


def test_lines_are_scored_by_a_judge_too(bench: JudgeServer, tmp_path: Path) -> None:
    """`eval score`, with the options of a run."""
    line = {"question": "What?", "answer": "It is blue.", "expected": "blue", "context": ["It is blue."]}
    (tmp_path / "lines.jsonl").write_text(json.dumps(line) + "\n")
    told = ("eval", "score", "--scorer", "answer_judged", "--jsonl", tmp_path / "lines.jsonl")

    result = call(*told, *by(bench))

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["value"] == 1.0
    assert "asks a judge" in call(*told).stderr
    bench.script = lambda request: (200, said("I cannot help with that."), {})
    unread = json.loads(call(*told, *by(bench)).stdout)
    assert (unread["value"], unread["cause"], unread["reply"]) == (None, "scorer", "I cannot help with that.")


def test_lines_beyond_a_limit_are_unscored(bench: JudgeServer, tmp_path: Path) -> None:
    """A stream has no end to reckon its cost by, so a limit is all there is."""
    lines = [{"question": "What?", "answer": f"It is blue {n}.", "expected": "blue"} for n in range(3)]
    (tmp_path / "lines.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    told = ("eval", "score", "--scorer", "answer_judged", "--jsonl", tmp_path / "lines.jsonl")
    result = call(*told, *by(bench), "--judge-limit-calls", 2)

    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each["value"] for each in found] == [1.0, 1.0, None]
    assert found[2]["reason"] == "the judge's limit of 2 calls is spent"
    assert len(bench.requests) == 2


def test_bisecting_asks_one_judge(asked: Path, chat: ChatServer, bench: JudgeServer) -> None:
    """And keeps its rulings for all steps in one place."""
    versions = ",".join(f"prompt:{asked / name}" for name in ("good.txt", "bad.txt"))

    result = call(
        "eval", "bisect", "--golden", asked / "golden", "--base-url", chat.base_url, "--model", "m",
        "--versions", versions, "--gate", "answer_judged", "--out", asked / "search", *by(bench),
    )  # fmt: skip

    assert (asked / "search" / "judge.sqlite").is_file(), result.output
    keys = [json.dumps(request["messages"]) for request in bench.requests]
    assert len(keys) == len(set(keys))
