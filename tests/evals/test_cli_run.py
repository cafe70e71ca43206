"""`guardhouse eval run`, as a user runs it, against a scripted endpoint."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from evals import document
from evals.releasing import Wish, release
from tests.evals.commands import call, knows
from tests.evals.conftest import ChatServer, item, write_golden


def eval_run(place: Path, chat: ChatServer, prompt: str, *more: object) -> Any:
    """`guardhouse eval run` on the scripted endpoint."""
    told = [
        "--golden",
        place / "golden",
        "--base-url",
        chat.base_url,
        "--model",
        "m",
        "--prompt",
        place / prompt,
    ]
    return call("eval", "run", *told, *more)


def test_the_gate_passes_a_good_prompt_and_blocks_a_bad_one(place: Path, chat: ChatServer) -> None:
    """Run, accept as baseline, run again, run worse: exit codes 0, 0, 0, 1 and all reports."""
    chat.script = knows
    baseline = place / "baselines" / "toy.json"

    first = eval_run(place, chat, "good.txt", "--out", place / "first")
    accepted = call("eval", "accept", place / "first" / "run.json", "--to", baseline)
    same = eval_run(place, chat, "good.txt", "--out", place / "same", "--baseline", baseline)
    worse = eval_run(place, chat, "bad.txt", "--out", place / "worse", "--baseline", baseline)

    assert [result.exit_code for result in (first, accepted, same, worse)] == [0, 0, 0, 1]
    assert same.output.startswith("PASS")
    assert worse.output.startswith("BLOCK")
    assert "pass -> fail" in worse.output
    assert {path.name for path in (place / "worse").iterdir()} == {
        "journal.jsonl",
        "junit.xml",
        "report.html",
        "run.json",
        "summary.md",
    }
    again = call("eval", "gate", place / "worse" / "run.json", "--baseline", baseline)
    compared = call("eval", "compare", baseline, place / "worse" / "run.json", "--json")
    assert (again.exit_code, compared.exit_code) == (1, 1)
    assert json.loads(compared.output)["gate"]["verdict"] == "block"
    refused = call("eval", "accept", place / "worse" / "run.json", "--to", baseline)
    assert refused.exit_code == 2
    assert "pass --force" in refused.stderr


def test_a_finished_run_is_not_asked_again(place: Path, chat: ChatServer) -> None:
    """The same folder resumes: no call, no probe, the same scores."""
    chat.script = knows
    eval_run(place, chat, "good.txt", "--out", place / "out", "--repeats", 2)
    asked = (len(chat.requests), chat.models)

    result = eval_run(place, chat, "good.txt", "--out", place / "out", "--repeats", 2, "--json")

    assert asked == (60, 1)
    assert (len(chat.requests), chat.models) == asked
    document = json.loads(result.output)
    assert document["summary"]["exact"]["mean"] == 1.0
    assert document["repeats"] == 2


def test_gates_can_be_named_on_the_command_line(place: Path, chat: ChatServer) -> None:
    """They take the place of the suite's and are scored even where the suite does not."""
    chat.script = knows

    result = eval_run(place, chat, "good.txt", "--out", place / "o", "--gate", "contains:0.2", "--json")

    assert json.loads(result.output)["gating"] == [
        {"metric": "contains", "margin": 0.2, "min": None, "min_effect": 0.01}
    ]
    assert "contains" in json.loads(result.output)["summary"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "nothing to measure"),
        (["--golden", "GOLDEN"], "no target"),
        (["--golden", "none", "--base-url", "http://x/v1", "--model", "m"], "manifest.json"),
        (["--golden", "GOLDEN", "--base-url", "ftp://x", "--model", "m"], "no web address"),
        (
            ["--golden", "GOLDEN", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--out", "OUT"],
            "be reached",
        ),
        (
            ["--golden", "GOLDEN", "--base-url", "http://x/v1", "--model", "m", "--prompt", "none"],
            "prompt none",
        ),
        (
            ["--golden", "GOLDEN", "--base-url", "http://x/v1", "--model", "m", "--baseline", "none"],
            "none cannot",
        ),
        (
            ["--golden", "GOLDEN", "--base-url", "http://x/v1", "--model", "m", "--gate", "f1:x"],
            "not a margin",
        ),
        (
            ["--golden", "GOLDEN", "--base-url", "http://x/v1", "--model", "m", "--gate", "nope"],
            "no scorer 'nope'",
        ),
        (
            ["--golden", "GOLDEN", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--out", "FILE"],
            "be written",
        ),
        (
            [
                "--golden",
                "GOLDEN",
                "--base-url",
                "http://x/v1",
                "--model",
                "m",
                "--gate",
                "f1",
                "--gate",
                "f1:0",
            ],
            "--gate names 'f1' twice",
        ),
        (["--golden", "GOLDEN", "--base-url", "", "--model", "m"], "--base-url is empty"),
        (["--golden", "GOLDEN", "--base-url", "/v1", "--model", "m"], "names no host"),
        (["--golden", "GOLDEN", "--base-url", "http://x/v1", "--model", ""], "--model is empty"),
        (["--golden", "GOLDEN", "--base-url", "http://x/v1", "--model", "m", "--out", ""], "--out is empty"),
        (["--golden", "GOLDEN", "--candidate", "", "--baseline", "v1"], "--candidate is empty"),
        (["--golden", "GOLDEN", "--candidate", "model:m", "--baseline", ""], "--baseline is empty"),
        (["--golden", "GOLDEN", "--policy", "default"], "no case of the golden set expects a guardrail"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(place: Path, arguments: list[str], says: str) -> None:
    """What is wrong and what to do; never a stack trace."""
    places = {"GOLDEN": place / "golden", "OUT": place / "out", "FILE": place / "good.txt"}

    result = call("eval", "run", *[places.get(argument, argument) for argument in arguments])

    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.startswith("guardhouse: ")
    assert result.stderr.count("\n") == 1


def test_a_changed_golden_set_is_refused_before_the_first_call(place: Path, chat: ChatServer) -> None:
    """Exit code 2, no call."""
    items = place / "golden" / "items.jsonl"
    items.write_text(items.read_text().replace("All about c07.", "All about c7."))

    result = eval_run(place, chat, "good.txt")

    assert result.exit_code == 2
    assert "content hash" in result.stderr
    assert chat.requests == []


def test_a_target_that_only_fails_is_exit_code_2(place: Path, chat: ChatServer) -> None:
    """All calls failed: nothing was measured."""
    chat.script = lambda request: (404, {"error": {"code": "model_not_found"}}, {})

    result = eval_run(place, chat, "good.txt", "--out", place / "o")

    assert result.exit_code == 2
    assert "none of 30 calls (HTTP 404 model_not_found)" in result.stderr


def test_a_refused_key_is_told_once(place: Path, chat: ChatServer) -> None:
    """By the probe, before thirty calls are spent; the key is not shown."""
    chat.models_status = 401

    result = eval_run(place, chat, "good.txt", "--out", place / "o", "--api-key", "sk-very-secret")

    assert (result.exit_code, chat.requests) == (2, [])
    assert "refuses the key" in result.stderr
    assert "sk-very-secret" not in result.output + result.stderr


def test_the_shipped_guardrail_cases_hold_under_the_default_policy(tmp_path: Path) -> None:
    """A policy as target: action and entities of all of them, without a model."""
    golden = Path(__file__).parents[2] / "datasets" / "golden" / "support"

    result = call("eval", "run", "--golden", golden, "--policy", "default", "--out", tmp_path, "--json")

    assert result.exit_code == 0, result.stderr
    document = json.loads(result.output)
    assert document["summary"]["guardrail"]["mean"] == 1.0
    assert document["target"]["kind"] == "policy"


@pytest.mark.parametrize(
    "options",
    [
        ("--base-url", "http://x/v1", "--temperature", "nan"),
        ("--base-url", "http://x/v1", "--timeout", "inf"),
        ("--base-url", "http://[::1"),
    ],
)
def test_options_that_do_not_fit_are_exit_code_2(place: Path, options: tuple[str, ...]) -> None:
    """One line, no traceback."""
    result = call("eval", "run", "--golden", place / "golden", "--model", "m", *options)

    assert result.exit_code == 2
    assert result.stderr.startswith("guardhouse: ")


def test_a_function_is_measured_and_told_what_its_arm_changes(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By import string; it may read the model or the prompt that is meant."""
    (place / "app_under_test.py").write_text(
        "def answer(question, spec):\n"
        "    name = question.removeprefix('What about ').removesuffix('?')\n"
        "    return f'All about {name}.' if spec.model == 'good' else 'Hm.'\n"
    )
    monkeypatch.syspath_prepend(place)
    told = ("--golden", place / "golden", "--call", "app_under_test:answer", "--out", place / "o")

    result = call("eval", "run", *told, "--candidate", "model:bad", "--baseline", "good", "--repeats", 1)

    assert result.exit_code == 1, result.stderr
    assert document.load(place / "o" / "run.json").target.kind == "callable"


def test_answers_are_shared_by_runs_that_name_a_cache(place: Path, chat: ChatServer) -> None:
    """Another folder, the same question: nothing is asked, and it is counted as such."""
    chat.script = knows
    cache = ("--cache", place / "answers.db")
    eval_run(place, chat, "good.txt", "--out", place / "a", *cache)

    result = eval_run(place, chat, "good.txt", "--out", place / "b", *cache, "--json")

    assert len(chat.requests) == 30
    assert json.loads(result.output)["ledger"]["cached"] == 30


def test_how_often_a_call_is_tried_can_be_said(place: Path, chat: ChatServer) -> None:
    """Once, here: a broken provider is not asked again."""
    chat.script = lambda request: (500, {"error": {}}, {})

    result = eval_run(place, chat, "good.txt", "--out", place / "o", "--tries", 1)

    assert (result.exit_code, len(chat.requests)) == (2, 30)


def test_a_run_says_which_commit_it_was_made_from(place: Path, chat: ChatServer) -> None:
    """With `+` where the tree has changes; nothing outside git."""
    chat.script = knows
    outside = json.loads(eval_run(place, chat, "good.txt", "--out", place / "a", "--json").output)["commit"]
    git = ["git", "-C", str(place), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "golden"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    clean = json.loads(eval_run(place, chat, "good.txt", "--out", place / "a", "--json").output)["commit"]
    (place / "golden" / "suite.yaml").write_text("scorers: [exact]\n")
    changed = json.loads(eval_run(place, chat, "good.txt", "--out", place / "a", "--json").output)["commit"]

    assert outside == ""
    assert re.fullmatch("[0-9a-f]{40}", clean)
    assert changed == f"{clean}+"


def test_a_split_is_asked_alone(place: Path, chat: ChatServer) -> None:
    """The rest of the set is left out."""
    chat.script = knows
    write_golden(place / "golden", [item(f"c{n}", split="test" if n < 3 else "dev") for n in range(9)])

    result = eval_run(place, chat, "good.txt", "--out", place / "o", "--split", "test", "--json")

    assert (len(chat.requests), json.loads(result.output)["golden"]["n"]) == (3, 3)


def edited(place: Path) -> None:
    """Gives a released set a tag that no release knows of."""
    release(place / "golden", Wish())
    path = place / "golden" / "items.jsonl"
    path.write_text(path.read_text().replace('"tags":[]', '"tags":["new"]', 1))


def test_an_edit_outside_of_the_content_hash_is_refused_before_the_first_call(
    place: Path, chat: ChatServer
) -> None:
    """One line that names the command to run; after it the set is run."""
    edited(place)

    result = eval_run(place, chat, "good.txt", "--out", place / "out")

    assert result.exit_code == 2 and not chat.requests
    assert len(result.stderr.splitlines()) == 1 and "guardhouse golden release" in result.stderr
    release(place / "golden", Wish())
    assert eval_run(place, chat, "good.txt", "--out", place / "out").exit_code == 0


def test_an_expired_quarantine_is_told(place: Path, chat: ChatServer) -> None:
    """The case is asked, and whoever reads the log knows why and whom to ask."""
    held = item("b", status="quarantined", quarantine={"owner": "ada", "until": "2026-01-31"})
    write_golden(place / "golden", [item("a"), held])

    result = eval_run(place, chat, "good.txt", "--out", place / "out")

    [line] = [line for line in result.stderr.splitlines() if "quarantine" in line]
    assert "b (ada, until 2026-01-31)" in line and len(chat.requests) == 2


def test_passages_that_the_corpus_lost_are_told(place: Path, chat: ChatServer) -> None:
    """How many and the first of them, where the suite names a corpus that is there; nothing where all fit."""
    kept = {"doc_id": "d", "quote": "open until six"}
    lost = {"doc_id": "d", "quote": "open until nine"}
    write_golden(place / "golden", [item("a", relevant=[kept, lost]), item("b", relevant=[lost]), item("c")])
    suite = place / "golden" / "suite.yaml"
    suite.write_text("scorers: [exact]\ncorpus: docs.jsonl\n")
    corpus = place / "golden" / "docs.jsonl"

    def said(name: str) -> str:
        return str(eval_run(place, chat, "good.txt", "--out", place / name).stderr)

    assert "corpus" not in said("without")
    corpus.write_text('{"id": "d", "text": "It is open until six."}\n')
    assert "warning: 2 of 3 relevant passages do not fit the corpus any more (a: d: " in said("lost")
    corpus.write_text("{")
    assert "relevant passages were not looked up" in said("broken")
    corpus.write_text('{"id": "d", "text": "It is open until six. It is open until nine."}\n')
    assert "corpus" not in said("fit")
