"""`guardhouse eval run --candidate … --baseline …`: prompts, models, indices, policies and functions compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals import document
from tests.evals.commands import call, knows
from tests.evals.conftest import ChatServer, completion, item, write_golden


@pytest.fixture
def versions(place: Path, chat: ChatServer) -> Path:
    """The suite with its target, and prompts of which v3 is careless; v10 is careful again."""
    chat.script = knows
    for name, text in (
        ("v1", "Be careful."),
        ("v2", "Be very careful."),
        ("v3", "Be quick."),
        ("v10", "careful"),
    ):
        path = place / "golden" / "prompts" / "support" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    suite = place / "golden" / "suite.yaml"
    suite.write_text(
        suite.read_text()
        + f"target: {{base_url: {chat.base_url}, model: m, price: {{input: 1, output: 2}}, seed: 7}}\n"
        + "variants: {curt: {prompt: prompts/support@v3}, other: {model: n}}\n"
    )
    return suite


def test_a_prompt_is_compared_with_another_in_one_command(versions: Path, chat: ChatServer) -> None:
    """Both are asked now: exit code, verdict, and both runs in the folder."""
    out = versions.parent / "out"

    same = call(
        "eval",
        "run",
        "--suite",
        versions,
        "--candidate",
        "prompts/support@v2",
        "--baseline",
        "v1",
        "--out",
        out,
    )
    worse = call(
        "eval", "run", "--suite", versions, "--candidate", "curt", "--baseline", "v10", "--out", out / "b"
    )

    assert (same.exit_code, worse.exit_code) == (0, 1), same.stderr + worse.stderr
    run, base = document.load(out / "run.json"), document.load(out / "baseline" / "run.json")
    assert (run.prompt.version, base.prompt.version, run.screen, run.repeats, run.seed) == (
        "v2",
        "v1",
        1,
        5,
        7,
    )
    assert run.baseline is not None
    assert "compare baseline/run.json run.json`" in (out / "summary.md").read_text("utf-8")
    assert (run.baseline.id, run.ledger.uncounted > 0, run.ledger.usd) == (base.id, True, None)
    assert "pass -> fail" in worse.output


def test_only_what_differs_is_asked_again_and_in_both_arms(versions: Path, chat: ChatServer) -> None:
    """Once each, then the cases that disagree four times more; nothing of it when the same folder is used again."""
    stubborn = "What about c07?"

    def script(request: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        asked, answer = request["messages"][-1]["content"], knows(request)
        very = "very" in request["messages"][0]["content"]
        return (200, completion("Hm."), {}) if asked == stubborn and very else answer

    chat.script = script
    told = (
        "--suite",
        versions,
        "--candidate",
        "prompts/support@v2",
        "--baseline",
        "v1",
        "--out",
        versions.parent / "o",
    )
    call("eval", "run", *told)
    asked = [request["messages"][-1]["content"] for request in chat.requests]

    again = call("eval", "run", *told, "--json")

    assert len(asked) == len(chat.requests) == 2 * 30 + 2 * 4
    assert asked.count(stubborn) == 10
    assert len(json.loads(again.output)["items"]) == 34
    assert len({json.dumps(request) for request in chat.requests}) == len(chat.requests), (
        "seeds differ by repeat"
    )


def test_without_adaptive_repeats_every_case_is_asked_as_often(versions: Path, chat: ChatServer) -> None:
    """In both arms."""
    told = ("--suite", versions, "--candidate", "curt", "--baseline", "prompts/support@v1", "--no-adaptive")

    result = call("eval", "run", *told, "--repeats", 2, "--out", versions.parent / "o", "--json")

    assert len(chat.requests) == 120
    assert (json.loads(result.output)["screen"], json.loads(result.output)["repeats"]) == (0, 2)


def test_the_arms_take_turns(versions: Path, chat: ChatServer) -> None:
    """So that what the provider does in the meantime meets both."""
    call(
        "eval",
        "run",
        "--suite",
        versions,
        "--candidate",
        "prompts/support@v2",
        "--baseline",
        "v1",
        "--concurrency",
        2,
    )

    first = ["very" in request["messages"][0]["content"] for request in chat.requests[:30]]
    assert 10 <= sum(first) <= 20


def test_a_model_is_compared_with_another(versions: Path, chat: ChatServer) -> None:
    """By a variant or by its name; the prompt is the same in both."""
    told = (
        "--suite",
        versions,
        "--prompt",
        versions.parent / "prompts/support/v1.txt",
        "--out",
        versions.parent / "o",
    )

    result = call("eval", "run", *told, "--candidate", "other", "--baseline", "model:m", "--json")

    assert result.exit_code == 0, result.stderr
    assert {request["model"] for request in chat.requests} == {"m", "n"}
    assert json.loads(result.output)["baseline"]["target"]["model"] == "m"


def test_an_index_is_compared_with_another_without_a_model(tmp_path: Path) -> None:
    """Hits alone are scored; the worse index is blocked."""
    topics = ("ladders", "drills", "paint", "mowers", "pumps", "saws", "tents", "vans", "heaters", "sanders")
    for name, said in (("whole", topics), ("half", topics[:5])):
        corpus = tmp_path / f"{name}.jsonl"
        corpus.write_text("\n".join(json.dumps({"id": word, "text": f"All about {word}."}) for word in said))
        assert call("index", "build", corpus, tmp_path / "indices" / name).exit_code == 0
    golden = write_golden(
        tmp_path / "golden",
        [
            item(word, input={"question": f"What about {word}?"}, relevant=[{"doc_id": word}])
            for word in topics
        ],
    )
    (golden / "suite.yaml").write_text("scorers: [exact, recall]\ngating: [{metric: recall}]\nk: 1\n")
    told = ("--golden", golden, "--candidate", f"index:{tmp_path}/indices@half", "--baseline", "whole")

    result = call("eval", "run", *told, "--out", tmp_path / "out", "--json")

    run = json.loads(result.stdout)
    assert result.exit_code == 1, result.stderr
    assert (run["target"]["kind"], run["repeats"], list(run["summary"])) == (
        "index",
        1,
        ["recall@1", "latency"],
    )
    assert (run["summary"]["recall@1"]["mean"], run["baseline"]["means"]["recall@1"]) == (0.5, 1.0)


def test_a_policy_is_compared_with_another_without_a_model(tmp_path: Path) -> None:
    """By name, beside a file."""
    golden = Path(__file__).parents[2] / "datasets" / "golden" / "support"
    lax = tmp_path / "lax.yaml"
    lax.write_text("name: lax\nrules:\n  - {id: pii, check: pii, stages: [input], action: flag}\n")
    told = (
        "--golden",
        golden,
        "--candidate",
        f"policy:{lax}",
        "--baseline",
        "default",
    )

    result = call("eval", "run", *told, "--out", tmp_path / "out")

    assert result.exit_code == 1, result.stderr
    assert "canaries" in result.output
