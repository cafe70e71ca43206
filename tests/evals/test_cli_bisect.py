"""`guardhouse eval bisect`, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals import document
from evals.bisect import Found
from evals.cli_bisect import in_words
from tests.evals.commands import call, knows
from tests.evals.conftest import ChatServer, completion, item, write_golden


@pytest.fixture
def suite(place: Path, chat: ChatServer) -> Path:
    """Twelve versions of a prompt, of which those from v8 on are careless."""
    chat.script = knows
    for number in range(1, 13):
        path = place / "golden" / "prompts" / "support" / f"v{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Be {'careful' if number < 8 else 'quick'}, {number}.")
    file = place / "golden" / "suite.yaml"
    file.write_text(file.read_text() + f"target: {{base_url: {chat.base_url}, model: m}}\nrepeats: 2\n")
    return file


def bisect(suite: Path, versions: str, *more: object) -> Any:
    """The command, in a folder of its own."""
    return call(
        "eval", "bisect", "--suite", suite, "--versions", versions, "--out", suite.parent / "out", *more
    )


def test_the_first_worse_version_is_found(suite: Path, chat: ChatServer) -> None:
    """In natural order, by halving, each version asked once and what is found again; each step's reports are kept."""
    result = bisect(suite, "prompts/support@v1..v12", "--json")

    told = json.loads(result.stdout)
    assert (result.exit_code, told["last_held"], told["first_blocked"]) == (1, "support@v7", "support@v8")
    assert [step["version"] for step in told["steps"]][:3] == ["support@v1", "support@v12", "support@v6"]
    assert len(told["steps"]) <= 7
    assert [step["version"] for step in told["steps"] if step["asked_afresh"]] == ["support@v8"]
    folder = suite.parent / "out" / "support@v8"
    assert document.load(folder / "run.json").gate.verdict.exit_code == 1
    assert (folder / "report.html").is_file()
    assert document.load(folder / "afresh" / "run.json").gate.verdict.exit_code == 1


def test_what_was_found_by_chance_is_not_named(suite: Path, chat: ChatServer) -> None:
    """Asked afresh, with other seeds, it is no worse: a range is told, exit code 3; a second search finds the same."""
    seen: set[str] = set()

    def unlucky(request: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        asked = f"{request['messages'][0]['content']} {request['messages'][-1]['content']}"
        seeds.add(request["seed"])
        first = asked not in seen
        seen.add(asked)
        lucky = {**request, "messages": [{"role": "system", "content": "careful"}, request["messages"][-1]]}
        return knows(request) if first or ", 12." in asked else knows(lucky)

    seeds: set[int] = set()
    chat.script = unlucky
    options = ("--repeats", 1, "--no-adaptive", "--seed", 7, "--json")

    result = bisect(suite, "prompts/support@v6..v12", *options)
    asked = len(chat.requests)
    again = bisect(suite, "prompts/support@v6..v12", *options)

    told = json.loads(result.stdout)
    assert result.exit_code == 3, result.stderr
    assert (told["last_held"], told["undecided"][0], told["first_blocked"]) == (
        "support@v7",
        "support@v8",
        "support@v9",
    )
    assert len(seeds) == 60
    assert (again.exit_code, len(chat.requests), json.loads(again.stdout)["undecided"]) == (
        3,
        asked,
        told["undecided"],
    )


def test_what_was_asked_is_not_asked_again(suite: Path, chat: ChatServer) -> None:
    """The first version is asked once for all steps; a second search in the folder asks nothing and finds the same."""
    first = bisect(suite, "prompts/support@v1,v5,v8,v12")
    asked = len(chat.requests)
    careful = sum(", 1." in request["messages"][0]["content"] for request in chat.requests)

    again = bisect(suite, "prompts/support@v1,v5,v8,v12")

    assert careful <= 120
    assert (first.exit_code, again.exit_code, len(chat.requests)) == (1, 1, asked)
    assert first.stdout == again.stdout
    assert "support@v8 is the first that is worse; support@v5 still holds." in first.stdout


def test_versions_that_all_hold_are_told(suite: Path, chat: ChatServer) -> None:
    """Exit code 0."""
    result = bisect(suite, "prompts/support@v1..v7")

    assert result.exit_code == 0, result.stderr
    assert "support@v7 holds against the first version" in result.stdout


def test_models_are_searched_too(suite: Path, chat: ChatServer) -> None:
    """A name with characters that no folder takes gets a folder all the same."""

    def script(request: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        return knows(request) if request["model"] != "vendor/new:free" else (200, completion("Hm."), {})

    chat.script = script

    result = bisect(suite, "model:a,b,vendor/new:free", "--prompt", suite.parent / "prompts/support/v1.txt")

    assert result.exit_code == 1, result.stderr
    assert "vendor/new:free is the first" in result.stdout
    assert len(list((suite.parent / "out").glob("vendor-new-free-*"))) == 1


def test_a_first_version_that_does_not_hold_is_no_ground(suite: Path, chat: ChatServer) -> None:
    """A fixed threshold says so; exit code 2."""
    suite.write_text(suite.read_text().replace("margin: 0.1", "margin: 0.1, min: 0.9"))

    result = bisect(suite, "prompts/support@v9..v12")

    assert result.exit_code == 2
    assert "the first version, support@v9, does not hold by itself" in result.stderr


def test_policies_are_searched_without_a_model(tmp_path: Path) -> None:
    """Steps of a bare policy's verdicts; what cannot change is not asked more."""
    cases = [
        item(
            f"c{n:02}",
            input={"question": f"Write to me{n}@example.com"},
            expected={"guardrail": {"action": "redact", "entities": ["EMAIL_ADDRESS"]}},
        )
        for n in range(30)
    ]
    golden = write_golden(tmp_path / "golden", cases)
    (golden / "suite.yaml").write_text("scorers: [guardrail]\ngating: [{metric: guardrail}]\n")
    for number, action in enumerate(("redact", "redact", "flag", "flag"), start=1):
        (golden / f"v{number}.yaml").write_text(
            f"name: v{number}\nrules:\n  - {{id: pii, check: pii, stages: [input], action: {action}}}\n"
        )

    result = call(
        "eval",
        "bisect",
        "--golden",
        golden,
        "--versions",
        "policy:.@v1..v4",
        "--out",
        tmp_path / "out",
        "--json",
    )

    assert result.exit_code == 1, result.stderr
    assert json.loads(result.stdout)["first_blocked"].endswith("@v3")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--versions", "prompts/support@v1..v99"], "no version 'v99': choose from v1, v2"),
        (["--versions", "prompts/support@v1"], "names 1 version"),
        (["--versions", "prompts/support@v1..v3", "--gate", "exact", "--gate", "exact:0"], "'exact' twice"),
        (["--versions", "prompts/support@v1..v3", "--base-url", ""], "--base-url is empty"),
        (["--versions", "model:a,b", "--target", "policy", "--policy", "default"], "does not use"),
    ],
)
def test_what_cannot_be_searched_is_one_line(
    suite: Path, chat: ChatServer, arguments: list[str], says: str
) -> None:
    """Exit code 2, and nothing asked."""
    result = call("eval", "bisect", "--suite", suite, "--out", suite.parent / "out", *arguments)

    assert (result.exit_code, chat.requests) == (2, [])
    assert result.stderr.startswith("guardhouse: ") and result.stderr.count("\n") == 1
    assert says in result.stderr


def test_a_search_that_reaches_nothing_ends_with_the_reason(suite: Path) -> None:
    """Exit code 2, and the report of the first step says so too."""
    told = ["--versions", "prompts/support@v1..v3", "--base-url", "http://127.0.0.1:9/v1"]
    result = call("eval", "bisect", "--suite", suite, "--out", suite.parent / "out", *told)

    assert result.exit_code == 2
    assert "guardhouse: support@v1 was not asked to the end (the target at " in result.stderr


def test_a_search_needs_a_gate(suite: Path) -> None:
    """Where nothing may block, nothing can be found."""
    bare = suite.parent / "bare.yaml"
    bare.write_text("\n".join(line for line in suite.read_text().splitlines() if "gating" not in line))

    result = call("eval", "bisect", "--suite", bare, "--versions", "prompts/support@v1..v3")

    assert (result.exit_code, result.stderr) == (
        2,
        "guardhouse: no metric gates: give --gate METRIC, or `gating` in the suite\n",
    )


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (Found((), "v1", "v4", ("v2", "v3")), "after v1 and not later than v4; undecided: v2, v3."),
        (Found((), "v1", unsure=("v4",)), "cannot decide on v4"),
        (Found((), broken="x"), "came to nothing"),
    ],
)
def test_what_is_not_sure_is_not_said_as_if_it_were(found: Found, says: str) -> None:
    """A range is a range."""
    assert says in in_words(found)
